package server

import (
	"crypto/rand"
	"io"
	"log/slog"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// Options are what a service gets from the program that runs it. Every field is optional.
type Options struct {
	// Logger takes diagnostics; nil discards them.
	Logger *slog.Logger
	// Clock is the service's clock; nil is [time.Now].
	Clock func() time.Time
	// Version is the program's version, for operators; "" means that it is unknown.
	Version string
	// AcceptClock lets the service start although its clock is behind that of its last run, and accept requests by that
	// clock. Requests that the last run accepted can then be replayed by anyone that has recorded them.
	AcceptClock bool
	// BeforeListening, if set, is called once everything is open and before anything listens. Its error ends the start.
	BeforeListening func() error
	// Rand is the source of key material and data keys; nil is crypto/rand.
	Rand io.Reader

	// KeyPairs returns the PKCS#8 encoding of the key pair for each new asymmetric CMK with that KeySpec, or nil to
	// generate it. It is for tests, since generating an RSA key takes seconds; a nil KeyPairs generates all.
	KeyPairs func(spec string) []byte

	// Reloaded is called after each reload, with its error. It is called by one goroutine at a time.
	Reloaded func(error)

	// timeouts are usualTimeouts, unless a test sets others.
	timeouts timeouts
	// wrapStore, if set, is called with the store and returns the store to use. Tests set it.
	wrapStore func(store.Store) store.Store
	// commit is [store.Options.Commit]. Tests set it, to make commits fail.
	commit func(updates int, commit func() error) error
	// cluster, if set, makes the service a node of a cluster. Tests set it.
	cluster *clusterParts
	// after is [time.After]. stepped is called after each change of a node's role in its cluster, and after each check
	// whether it may be the active one. Tests set both, since they have their own clock.
	after   func(time.Duration) <-chan time.Time
	stepped func()
	// stepDownTime is the constant of that name, unless a test sets another.
	stepDownTime time.Duration
	// generate makes wrapping keys. A benchmark sets it, since RSA takes seconds.
	generate func() (*wrapping.Key, error)
	// generatePair makes the key pairs of CMKs. Tests set it, since generating RSA keys takes seconds.
	generatePair func(spec string) (*asymmetric.Key, error)
}

func (o Options) withDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	if o.Reloaded == nil {
		o.Reloaded = func(error) {}
	}
	if o.BeforeListening == nil {
		o.BeforeListening = func() error { return nil }
	}
	if o.timeouts == (timeouts{}) {
		o.timeouts = usualTimeouts
	}
	if o.after == nil {
		o.after = time.After
	}
	if o.stepped == nil {
		o.stepped = func() {}
	}
	if o.stepDownTime == 0 {
		o.stepDownTime = stepDownTime
	}
	if o.generate == nil {
		o.generate = func() (*wrapping.Key, error) { return wrapping.Generate(kmsapi.WrappingKeySpecRSA2048) }
	}
	if o.generatePair == nil {
		o.generatePair = o.keyPair
	}
	return o
}

// keyPair returns the key pair from KeyPairs for a KeySpec, or a new one.
func (o Options) keyPair(spec string) (*asymmetric.Key, error) {
	if o.KeyPairs != nil {
		if given := o.KeyPairs(spec); given != nil {
			return asymmetric.Parse(spec, given)
		}
	}
	return asymmetric.Generate(spec)
}
