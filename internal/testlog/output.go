package testlog

import (
	"io"
	"sync"
	"testing"
)

// Output returns the output of t for something that may still log when t ends, such as a request that the end of a
// server has cut off. What comes later is dropped: to write to a test that has ended is a data race, which the race
// detector reports in whatever test runs by then, and a panic if no test is left. The writer is closed by a cleanup of
// t, so a server whose last lines should be shown must be closed by a later one.
func Output(t testing.TB) io.Writer {
	o := &output{to: t.Output()}
	t.Cleanup(o.end)
	return o
}

type output struct {
	mu sync.Mutex
	// to is nil once the test ends.
	to io.Writer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.to == nil {
		return len(p), nil
	}
	return o.to.Write(p)
}

func (o *output) end() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.to = nil
}
