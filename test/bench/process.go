package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// process is a server that we have started. It leads a group of its own, so that a Ctrl-C reaches only us, who end it in
// order, and so that the plugins that Vault starts end with it.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error // how it ended; read after done is closed
	// stopped is set once it was stopped; its number may be another process's then.
	stopped bool
}

const (
	startTime = 60 * time.Second
	stopTime  = 30 * time.Second
)

// startProcess starts cmd, which appends to the file log whatever it prints.
func startProcess(cmd *exec.Cmd, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// await waits until ready is true. It fails, with the end of the log, if the process ends before or takes too long.
func (p *process) await(ready func() bool) error {
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		if ready() {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %w\n%s", p.cmd.Path, errors.Join(p.err), p.tail())
		case <-time.After(2 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s is not ready after %s\n%s", p.cmd.Path, startTime, p.tail())
}

// stop asks the process to end, makes sure of it, and of all that it has started. It may be called more than once.
func (p *process) stop() error {
	if p.stopped {
		return nil
	}
	p.stopped = true
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // It fails if the process has ended, which done tells.
	var err error
	select {
	case <-p.done:
		err = p.err
	case <-time.After(stopTime):
		_ = p.cmd.Process.Kill()
		<-p.done
		err = fmt.Errorf("it did not stop within %s", stopTime)
	}
	_ = syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL) // It fails if nothing is left, as it should be.
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", p.cmd.Path, err, p.tail())
	}
	return nil
}

// tail is the end of the log.
func (p *process) tail() string {
	const most = 3000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}
