package server

import (
	"context"
	"io"
)

// Stage is a part of work that takes long.
type Stage string

// The stages of [Check], [Backup], [Restore], [Rekey] and [Migrate]. Each counts what it does.
const (
	// Copying counts bytes.
	Copying Stage = "copying"
	// Checking counts records; the structure of the file, which comes first, is not counted.
	Checking Stage = "checking"
	// Reading counts the records that are read from etcd, and Writing those that are written to another store.
	Reading Stage = "reading"
	Writing Stage = "writing"
	// Rekeying counts records.
	Rekeying Stage = "rekeying"
)

// Progress is called now and then during work that takes long, from one goroutine, with how much of a stage is done. A
// total of zero means that it is unknown. A nil Progress is never called.
type Progress func(stage Stage, done, total int64)

func (p Progress) at(stage Stage, done, total int64) {
	if p != nil {
		p(stage, done, total)
	}
}

// of returns p as the functions of package keyring take it, or nil.
func (p Progress) of(stage Stage) func(done, total int) {
	if p == nil {
		return nil
	}
	return func(done, total int) { p(stage, int64(done), int64(total)) }
}

// meter is a writer that reports how much was written, and fails once its context has ended.
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
