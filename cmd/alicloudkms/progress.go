package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// newProgress returns what draws the progress of a command on standard error, and what removes it again before the
// command prints anything. It draws only on a terminal, so that nothing of it is in a log.
func newProgress(c *cli.Command) (draw server.Progress, remove func()) {
	f, ok := barTerminal(c)
	if !ok {
		return nil, func() {}
	}
	p := &progress{w: f}
	return p.draw, p.remove
}

// barTerminal returns the terminal that is standard error, if a bar can be drawn on it.
func barTerminal(c *cli.Command) (f *os.File, ok bool) {
	f, ok = terminalOf(c.Root().ErrWriter)
	return f, ok && os.Getenv("TERM") != "dumb"
}

// terminalOf returns the terminal that w is.
func terminalOf(w io.Writer) (f *os.File, ok bool) {
	f, ok = w.(*os.File)
	return f, ok && term.IsTerminal(int(f.Fd()))
}

// progress is a bar on a terminal, without colors.
type progress struct {
	w   io.Writer
	bar *progressbar.ProgressBar
	// stage, done and total are what was drawn last.
	stage       server.Stage
	done, total int64
}

// draw implements [server.Progress].
func (p *progress) draw(stage server.Stage, done, total int64) {
	if p.bar == nil || stage != p.stage || done < p.done || (total > 0) != (p.total > 0) {
		p.remove()
		p.bar, p.total = newBar(p.w, stage, total), total
	}
	if total != p.total {
		p.bar.ChangeMax64(total)
	}
	p.stage, p.done, p.total = stage, done, total
	_ = p.bar.Set64(done) // A terminal that is gone must not stop the work.
}

// remove clears the line.
func (p *progress) remove() {
	if p.bar != nil {
		_ = p.bar.Clear()
		p.bar = nil
	}
}

// redrawEvery is how often the bar is drawn at most.
const redrawEvery = 100 * time.Millisecond

func newBar(w io.Writer, stage server.Stage, total int64) *progressbar.ProgressBar {
	options := append(barOptions(w, string(stage)), progressbar.OptionShowBytes(stage == server.Copying))
	if total == 0 {
		return progressbar.NewOptions64(-1, append(options, progressbar.OptionSetElapsedTime(false))...)
	}
	return progressbar.NewOptions64(total, append(options, progressbar.OptionShowCount())...)
}

// barOptions are what all bars have in common.
func barOptions(w io.Writer, description string) []progressbar.Option {
	return []progressbar.Option{
		progressbar.OptionSetWriter(w), progressbar.OptionSetDescription(description), progressbar.OptionSetWidth(30),
		progressbar.OptionThrottle(redrawEvery), progressbar.OptionClearOnFinish(),
		progressbar.OptionSetRenderBlankState(true),
		progressbar.OptionSetSpinnerChangeInterval(0), // Otherwise it would be drawn after it has been removed.
	}
}
