package server

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Open opens a service that listens nowhere, for tests that call it directly.
func Open(c Config, o Options) (*Service, error) {
	return openService(context.Background(), c, o.withDefaults())
}

// Close closes a service that Open has opened.
func (s *Service) Close() error { return s.close() }

// WithCommit returns o with commit in the place of every commit: see store.Options.
func (o Options) WithCommit(commit func(updates int, commit func() error) error) Options {
	o.commit = commit
	return o
}

// Operations names every operation that the service knows, in order.
func Operations() []kmsapi.Operation { return slices.Sorted(maps.Keys(actions)) }

// WithTimeouts returns o with other timeouts of connections.
func (o Options) WithTimeouts(readHeader, read, write, idle time.Duration) Options {
	o.timeouts = timeouts{readHeader, read, write, idle}
	return o
}

// RateClass is the class that an operation is counted in.
func RateClass(operation kmsapi.Operation) string { return string(operation.RateClass()) }

// FailACommit writes to the store of s, and returns what came of it.
func (s *Server) FailACommit(ctx context.Context) error {
	return s.service.store.Update(ctx, func(w store.Writer) error { return w.Put(noncePrefix+"x", nil) })
}
