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

// createTargets are the targets by number of goroutines. 16 has none.
var createTargets = map[int]contest.Target{1: contest.AtLeast(0.9), 16: {}, 64: contest.AtLeast(8)}

// layers are the depths at which a durable write is measured, from the whole request down to the group commit.
var layers = []struct {
	name string
	at   []int // numbers of goroutines
	ours func(ctx context.Context, s *stage, goroutines int) (contest.Side, error)
}{
	{"service: durable CreateKey over TLS", []int{1, 16, 64}, createOverTLS},
	{"service: durable CreateKey without the network", []int{1, 16, 64}, createWithoutNetwork},
	{"service: the store alone, one put an update", []int{1, 64}, updateStore},
}

func (s *stage) createContests() []contest.Contest {
	var found []contest.Contest
	for _, layer := range layers {
		for _, c := range layer.at {
			found = append(found, contest.Contest{
				Name: fmt.Sprintf("%s, c=%d", layer.name, c),
				Open: func(ctx context.Context) ([]contest.Side, func() error, error) {
					ours, err := layer.ours(ctx, s, c)
					if err != nil {
						return nil, nil, err
					}
					return s.againstBolt(ours, c)
				},
				Figures: []contest.Figure{figure(contest.PerSecond, createTargets[c])},
			})
		}
	}
	return found
}

func createOverTLS(_ context.Context, s *stage, goroutines int) (contest.Side, error) {
	kms, err := s.kms()
	if err != nil {
		return contest.Side{}, err
	}
	client, err := newHTTP(kms.CA)
	return kms.signed(client, goroutines, same(&kmsapi.CreateKeyRequest{})), err
}

// createWithoutNetwork measures a request without TLS and HTTP.
func createWithoutNetwork(ctx context.Context, s *stage, goroutines int) (contest.Side, error) {
	binary, err := s.compileTests(ctx, "./server")
	return goBenchmark{binary, fmt.Sprintf("^BenchmarkCreateKey$/^c=%d$", goroutines), "keys/s"}.side(s.dir), err
}

func updateStore(ctx context.Context, s *stage, goroutines int) (contest.Side, error) {
	binary, err := s.compileTests(ctx, "./server/internal/store/bolt")
	return goBenchmark{binary, fmt.Sprintf("^BenchmarkUpdate$/^c=%d$", goroutines), "updates/s"}.side(s.dir), err
}

// againstBolt compares ours with bare writes to bbolt, which the service is built on, on the same disk.
func (s *stage) againstBolt(ours contest.Side, goroutines int) ([]contest.Side, func() error, error) {
	options := &bbolt.Options{FreelistType: bbolt.FreelistMapType} // as the service has them
	db, err := bbolt.Open(filepath.Join(s.dir, rand.Text()+".db"), 0o600, options)
	if err != nil {
		return nil, nil, err
	}
	return []contest.Side{ours, driven("bbolt", goroutines, always(func() error { return put(db) }))}, db.Close, nil
}

// put is one durable write, about as large as a CMK's record.
func put(db *bbolt.DB) error {
	const size = 600
	return db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte("records"))
		if err != nil {
			return err
		}
		return bucket.Put([]byte(rand.Text()), make([]byte, size))
	})
}
