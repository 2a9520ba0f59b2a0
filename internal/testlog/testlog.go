// Package testlog keeps what is logged in a test.
package testlog

import (
	"bytes"
	"sync"
)

// Buffer is a log that a test reads while goroutines go on writing to it: most things that log do so in the background
// too, where a bytes.Buffer would be a data race. The zero value is empty.
type Buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *Buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns all that was written so far.
func (b *Buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
