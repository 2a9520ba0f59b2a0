package server

import (
	"context"
	"io"
)

// Stage is a part of a long operation.
type Stage string

// The stages of [Check], [Backup], [Restore], [Rekey] and [Migrate], and what their progress counts.
const (
	// Copying counts bytes.
	Copying Stage = "copying"
	// Checking counts records. The check of the file's structure comes first and is not counted.
	Checking Stage = "checking"
	// Reading counts the records read from etcd, and Writing the records written to another store.
	Reading Stage = "reading"
	Writing Stage = "writing"
	// Rekeying counts records.
	Rekeying Stage = "rekeying"
)

// Progress is called from time to time during a long operation, from one goroutine, with how much of a stage is done. A
// total of zero means that it is unknown. A nil Progress is never called.
type Progress func(stage Stage, done, total int64)

func (p Progress) at(stage Stage, done, total int64) {
	if p != nil {
		p(stage, done, total)
	}
}

// of returns p for one stage, in the form that package keyring takes. It returns nil for a nil p.
func (p Progress) of(stage Stage) func(done, total int) {
	if p == nil {
		return nil
	}
	return func(done, total int) { p(stage, int64(done), int64(total)) }
}

// meter is a writer that reports how many bytes were written, and fails once its context has ended.
type meter struct {
	ctx      context.Context
	w        io.Writer
	progress Progress
	total    int64

	done, reported int64
}

// reportEvery is how many bytes are written between two reports.
const reportEvery = 1 << 20

// Write implements [io.Writer].
func (m *meter) Write(p []byte) (int, error) {
	if err := m.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := m.w.Write(p)
	m.done += int64(n)
	if m.done-m.reported >= reportEvery {
		m.reported = m.done
		m.progress.at(Copying, m.done, max(m.done, m.total))
	}
	return n, err
}
