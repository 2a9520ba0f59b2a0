package server

import (
	"context"
	"crypto/tls"
	"net/http"
	"slices"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/api"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/storetest"
)

// Service is a service without listeners.
type Service = service

// Open opens a service without listeners, for tests that call it directly.
func Open(c Config, o Options) (*Service, error) {
	o = o.withDefaults()
	f, err := loadFiles(c, o.Clock())
	if err != nil {
		return nil, err
	}
	return openService(context.Background(), c, f, o)
}

// ServeHTTP answers a request to the shared gateway.
func (s *service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.handlers[sharedGateway].ServeHTTP(w, r)
}

// Gateway answers requests to the dedicated gateway of a KMS instance, or to the shared gateway if that is "".
func (s *service) Gateway(instance string) http.Handler { return s.handlers[instance] }

// Close closes a service that Open has opened.
func (s *service) Close() error { return s.close() }

// StoredNonces returns the number of nonces in the store.
func (s *service) StoredNonces(ctx context.Context) (n int, err error) {
	err = s.keys.EachNonce(ctx, func(string) error { n++; return nil })
	return n, err
}

// WithCommit returns o with commit called in place of every commit: see store.Options.
func (o Options) WithCommit(commit func(updates int, commit func() error) error) Options {
	o.commit = commit
	return o
}

// WithUpdatesRunTwice returns o with a store that runs the function of every update twice.
func (o Options) WithUpdatesRunTwice() Options {
	o.wrapStore = storetest.Twice
	return o
}

// WithTimeouts returns o with other timeouts of connections.
func (o Options) WithTimeouts(readHeader, read, write, idle time.Duration) Options {
	o.timeouts = timeouts{readHeader, read, write, idle}
	return o
}

// Operations returns every operation that the service serves, sorted.
func Operations() []kmsapi.Operation {
	served := slices.DeleteFunc(kmsapi.Operations(), func(op kmsapi.Operation) bool { return !api.Serves(op) })
	slices.Sort(served)
	return served
}

// RateClass returns the rate limit class of an operation.
func RateClass(operation kmsapi.Operation) string { return string(operation.RateClass()) }

// DefaultKeyQuota is the quota of CMKs unless the configuration has another.
const DefaultKeyQuota = config.DefaultKeyQuota

// FailACommit writes to the store of s, and returns the error.
func (s *Server) FailACommit(ctx context.Context) error {
	return s.service.Load().store.Update(ctx, func(w store.Writer) error { return w.Put("nonce/x", nil) })
}

// RekeyInSteps is Rekey with a function that is called with the name of each step that is done.
func RekeyInSteps(ctx context.Context, c Config, newKey, keep string, step func(name string)) (Rekeyed, error) {
	return rekey(ctx, c, newKey, keep, nil, step)
}

// RestoreInSteps is Restore, with replace set, with a function that is called with the name of each step that is done.
func RestoreInSteps(ctx context.Context, c Config, path, keep string, step func(name string)) (Restored, error) {
	return restore(ctx, c, path, true, keep, nil, step)
}

// MigrateInSteps is Migrate with a function that is called with the name of each step that is done.
func MigrateInSteps(ctx context.Context, from, to Config, step func(name string)) (Migrated, error) {
	return migrate(ctx, from, to, nil, step)
}

// Link is a node's connection to the others of its cluster.
type Link = link

// ErrNotRun is what a Link returns for a request that has certainly not run.
var ErrNotRun = peers.ErrNotRun

// Member replaces the store and the network of a node in a test.
type Member struct {
	Join func() (cluster.Node, error)
	// Connect is called with a function that returns the handler of forwarded requests, and with what the node says
	// about itself.
	Connect func(handler func(gateway string) http.Handler, said peers.Description) (Link, error)
	Skew    time.Duration
	// ForStore is the certificate that the node presents to the store; nil if it presents none.
	ForStore *tls.Certificate
	// After is time.After by the test's clock. Stepped is called when something may have changed.
	After   func(time.Duration) <-chan time.Time
	Stepped func()
	// StepDown is how long a step-down waits for requests in hand; 0 is the usual time.
	StepDown time.Duration
}

// As returns o for a node that is the member m of a cluster.
func (o Options) As(m Member) Options {
	o.cluster = &clusterParts{
		join:    func(context.Context) (cluster.Node, error) { return m.Join() },
		connect: func(l linkOptions) (link, error) { return m.Connect(l.Handler, l.Description) },
		skew:    m.Skew, forStore: newStoreTLS(storeIdentity{certificate: m.ForStore}),
	}
	o.after, o.stepped, o.stepDownTime = m.After, m.Stepped, m.StepDown
	return o
}

// Handler returns the handler of a gateway, as its listener uses it.
func (s *Server) Handler(gateway string) http.Handler { return s.handler(gateway) }

// NodeHealth returns the state of a node of a cluster, as /healthz and the metrics show it.
func (s *Server) NodeHealth() ops.Node { return s.node.status() }
