package ops

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"time"
)

const (
	backupPath = "/backup"
	// backupPatience is how long each write of a backup may take. Until the backup ends, its transaction is open and
	// the store's file can't reuse space.
	backupPatience = 10 * time.Second
)

// backup answers with a snapshot of the store. If writing it fails, the answer breaks off before its end.
func backup(write func(context.Context, io.Writer) error, log *slog.Logger) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		out := &patientWriter{w: w, control: http.NewResponseController(w)}
		if err := write(r.Context(), out); err != nil {
			log.Error("backup failed", "error", err, "bytes", out.written)
			panic(http.ErrAbortHandler)
		}
		log.Info("backup taken", "bytes", out.written)
	})
}

// patientWriter gives each write its own time limit, however long all of them take.
type patientWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	written int64
}

// Write implements [io.Writer].
func (p *patientWriter) Write(data []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(backupPatience)); err != nil {
		return 0, err
	}
	n, err := p.w.Write(data)
	p.written += int64(n)
	return n, err
}

// FetchBackup copies a snapshot of the store from the service that listens on socket to w. answered is false if no
// service listens.
func FetchBackup(ctx context.Context, socket string, w io.Writer) (answered bool, err error) {
	response, err := ask(ctx, socket, backupPath, nil)
	if errors.Is(err, ErrNoService) {
		return false, err
	}
	if err != nil {
		return true, err
	}
	defer func() { _ = response.Body.Close() }() // It was only read.
	if response.StatusCode != http.StatusOK {
		return true, fmt.Errorf("the service answered %s", response.Status)
	}
	if _, err := io.Copy(w, response.Body); err != nil {
		return true, fmt.Errorf("the answer broke off: %w", err)
	}
	return true, nil
}
