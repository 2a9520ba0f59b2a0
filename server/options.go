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

// Options are what a service gets from its surroundings. Every field may be left out.
type Options struct {
	// Logger takes diagnostics; nil discards them.
	Logger *slog.Logger
	// Clock is the service's clock; nil is [time.Now].
	Clock func() time.Time
	// Version is that of the program, for its operators; "" says that it is not known.
	Version string
	// AcceptClock lets the service start although its clock is behind that of its last run, and accept requests by it.
	// Requests that the last run has accepted can then be repeated by someone who has recorded them.
	AcceptClock bool
	// BeforeListening, if it is set, is called once everything is open and before anything listens. Its error ends the
	// start.
	BeforeListening func() error
	// Rand is the source of key material and data keys; nil is crypto/rand.
	Rand io.Reader

	// KeyPairs returns the PKCS#8 of the key pair of every new asymmetric CMK with that KeySpec, or nil for one that is
	// made as usual. It is for tests, since to make an RSA key takes seconds; nil makes all as usual.
	KeyPairs func(spec string) []byte

	// Reloaded is called after each reload, with its error. It is called by one goroutine at a time.
	Reloaded func(error)

	// timeouts are the usual ones, unless a test sets others.
	timeouts timeouts
	// wrapStore, if it is set, is called with the store and returns the one that is used. Tests set it.
	wrapStore func(store.Store) store.Store
	// commit is [store.Options.Commit]. Tests set it, to make commits fail.
	commit func(updates int, commit func() error) error
	// cluster, if it is set, makes the service a node of a cluster. Tests set it.
	cluster *clusterParts
	// after is [time.After], and stepped is called after each change of a node's part in its cluster, and after each check
	// whether it may be the active one. Tests set them, since they have a clock of their own.
	after   func(time.Duration) <-chan time.Time
	stepped func()
	// generate makes wrapping keys. A benchmark sets it, since making them is slow.
	generate func() (*wrapping.Key, error)
	// generatePair makes the key pairs of CMKs. Tests set it, since RSA takes seconds.
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
	if o.generate == nil {
		o.generate = func() (*wrapping.Key, error) { return wrapping.Generate(kmsapi.WrappingKeySpecRSA2048) }
	}
	if o.generatePair == nil {
		o.generatePair = o.keyPair
	}
	return o
}

// keyPair returns what KeyPairs has for a KeySpec, or a new key pair.
func (o Options) keyPair(spec string) (*asymmetric.Key, error) {
	if o.KeyPairs != nil {
		if given := o.KeyPairs(spec); given != nil {
			return asymmetric.Parse(spec, given)
		}
	}
	return asymmetric.Generate(spec)
}
