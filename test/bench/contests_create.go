package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"path/filepath"

	"go.etcd.io/bbolt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/bench/contest"
)

// createTargets are by how many goroutines. At 16 the issue names none.
var createTargets = map[int]contest.Target{1: contest.AtLeast(0.9), 16: {}, 64: contest.AtLeast(8)}

func (s *stage) createContests() []contest.Contest {
	var found []contest.Contest
	for _, c := range []int{1, 16, 64} {
		found = append(found, contest.Contest{
			Name: fmt.Sprintf("service: durable CreateKey over TLS, c=%d", c),
			Open: func(context.Context) ([]contest.Side, func() error, error) { return s.openCreate(c) },
			Figures: []contest.Figure{figure(contest.PerSecond, createTargets[c])},
		})
	}
	return found
}

// openCreate measures whole requests against bare writes of the database that the service is built on, on the same disk.
func (s *stage) openCreate(goroutines int) ([]contest.Side, func() error, error) {
	kms, err := s.kms()
	if err != nil {
		return nil, nil, err
	}
	client, err := newHTTP(kms.ca)
	if err != nil {
		return nil, nil, err
	}
	db, err := bbolt.Open(filepath.Join(s.dir, fmt.Sprintf("bare-%d.db", goroutines)), 0o600, nil)
	if err != nil {
		return nil, nil, err
	}
	return []contest.Side{
		kms.signed(client, goroutines, same(&kmsapi.CreateKeyRequest{})), driven("bbolt", goroutines, always(func() error { return put(db) })),
	}, db.Close, nil
}

// put is one durable write, of about what a CMK's record has.
func put(db *bbolt.DB) error {
	const size = 600
	return db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte("kms"))
		if err != nil {
			return err
		}
		return bucket.Put([]byte(rand.Text()), make([]byte, size))
	})
}
