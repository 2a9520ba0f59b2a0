package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// untilSignal returns a context that the first SIGINT or SIGTERM cancels, as its cause. A second one ends the process
// at once.
func untilSignal(parent context.Context, stderr io.Writer) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(parent)
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case first := <-signals:
			cancel(fmt.Errorf("stopped by a signal: %v", first))
		case <-ctx.Done():
			return
		}
		<-signals
		fmt.Fprintln(stderr, "alicloudkms: stopped at once by a second signal")
		os.Exit(1)
	}()
	return ctx, func() {
		cancel(nil)
		signal.Stop(signals)
	}
}

// hangups delivers SIGHUP until stop is called. Call it before anything else, so that no SIGHUP ends the process.
func hangups() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c, func() { signal.Stop(c) }
}

// withHangup returns a context that SIGHUP cancels as well, unless something that outlives its terminal, such as nohup,
// makes the process ignore it.
func withHangup(parent context.Context) (context.Context, context.CancelFunc) {
	if signal.Ignored(syscall.SIGHUP) {
		return parent, func() {}
	}
	return signal.NotifyContext(parent, syscall.SIGHUP)
}

// outliveReaders lets the process go on when nobody reads its log any longer. Otherwise the next line would end it.
func outliveReaders() { signal.Ignore(syscall.SIGPIPE) }
