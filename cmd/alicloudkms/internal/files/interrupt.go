package files

import (
	"context"
	"io"
)

// interruptible returns a reader of what r has that ends with ctx, even while r waits for a terminal or a pipe. After
// stop, r is read at most once more.
func interruptible(ctx context.Context, r io.Reader) (reader io.Reader, stop func()) {
	from, to := io.Pipe()
	go func() {
		buffer := make([]byte, 64<<10)
		defer clear(buffer)
		_, err := io.CopyBuffer(to, struct{ io.Reader }{r}, buffer)
		_ = to.CloseWithError(err) // It never fails.
	}()
	unhook := context.AfterFunc(ctx, func() { _ = to.CloseWithError(context.Cause(ctx)) })
	return from, func() {
		unhook()
		_ = from.Close()
	}
}
