package bolt

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"go.etcd.io/bbolt"
)

// composedAtOnce is how many records one transaction writes. It bounds the memory that a transaction needs.
const composedAtOnce = 10_000

// WriteArchive writes to w the file of a store with the records that all puts, in the order of their keys. It is for
// engines other than bbolt, and needs as much room as the file in the folder for temporary files.
func WriteArchive(ctx context.Context, w io.Writer, all func(put func(key, value string) error) error) (err error) {
	folder, err := os.MkdirTemp("", "alicloudkms-backup-*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	// The file is not needed after a crash, so it need not reach the disk.
	db, err := bbolt.Open(filepath.Join(folder, "archive"), 0o600, &bbolt.Options{NoSync: true, NoFreelistSync: true})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := compose(ctx, db, all); err != nil {
		return err
	}
	return backup(ctx, db, w)
}

// compose writes the records to an empty file.
func compose(ctx context.Context, db *bbolt.DB, all func(put func(key, value string) error) error) error {
	c := &composer{ctx: ctx, db: db}
	if err := c.begin(); err != nil {
		return err
	}
	defer func() { _ = c.tx.Rollback() }() // It does nothing after the last commit.
	if err := all(c.put); err != nil {
		return err
	}
	return c.tx.Commit()
}

// composer writes records in transactions of composedAtOnce.
type composer struct {
	ctx    context.Context
	db     *bbolt.DB
	tx     *bbolt.Tx
	bucket *bbolt.Bucket
	n      int
}

func (c *composer) begin() (err error) {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	tx, err := c.db.Begin(true)
	if err != nil {
		return err
	}
	c.tx = tx
	c.bucket, err = c.tx.CreateBucketIfNotExists([]byte(bucketName))
	return err
}

func (c *composer) put(key, value string) error {
	if c.n++; c.n%composedAtOnce == 0 {
		if err := c.tx.Commit(); err != nil {
			return err
		}
		if err := c.begin(); err != nil {
			return err
		}
	}
	c.bucket.FillPercent = 1 // The keys come in order.
	return c.bucket.Put([]byte(key), []byte(value))
}
