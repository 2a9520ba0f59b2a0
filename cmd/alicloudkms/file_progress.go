package main

import (
	"io"

	"github.com/schollz/progressbar/v3"
	"github.com/urfave/cli/v3"
)

// fileProgress is a bar on a terminal that shows how much of a file was written. Without a terminal it does nothing.
type fileProgress struct {
	bar         *progressbar.ProgressBar
	done, total int64
}

// newFileProgress returns the bar of a command. total is about how many bytes will be written, and below 1 if that is
// not known.
func newFileProgress(c *cli.Command, total int64) *fileProgress {
	f, ok := barTerminal(c)
	if !ok {
		return &fileProgress{}
	}
	if total < 1 {
		total = -1
	}
	return &fileProgress{total: total, bar: progressbar.NewOptions64(total, fileBarOptions(f, c.Name)...)}
}

func fileBarOptions(w io.Writer, command string) []progressbar.Option {
	return append(barOptions(w, command+"ing"), progressbar.OptionShowBytes(true), progressbar.OptionShowCount())
}

// over returns a writer to w whose progress the bar shows.
func (p *fileProgress) over(w io.Writer) io.Writer {
	if p.bar == nil {
		return w
	}
	return &countedWriter{w, p}
}

type countedWriter struct {
	to       io.Writer
	progress *fileProgress
}

// Write implements [io.Writer].
func (w *countedWriter) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	w.progress.add(int64(n))
	return n, err
}

// add draws that n more bytes are written. The overhead of encryption does not move the bar beyond its end.
func (p *fileProgress) add(n int64) {
	p.done += n
	if p.total > 0 {
		p.done = min(p.done, p.total)
	}
	_ = p.bar.Set64(p.done) // A terminal that is gone must not stop the work.
}

// remove clears the line.
func (p *fileProgress) remove() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
