package cluster

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Options are what an engine needs from the configuration and from the program.
type Options struct {
	// Endpoints are the URLs of the store's members, all of them with https, or all with http.
	Endpoints []string
	// Prefix is the prefix of all keys; it ends in a slash.
	Prefix string
	// Lease is how long a term lasts after the node was last heard from, a multiple of a second.
	Lease time.Duration
	// TLS returns the configuration for a new connection. It is nil for plain HTTP.
	TLS func() *tls.Config
	// Username is empty if the store identifies the node by its certificate, or accepts anyone.
	Username string
	Password kmsapi.Secret
	// Logger logs what operators should know; nil discards it.
	Logger *slog.Logger
	// Clock is the wall clock; nil means [time.Now].
	Clock func() time.Time
	// Progress, if set, is called now and then while Read reads, or while a large update of an opened store is written,
	// with the number of records done and the total.
	Progress func(done, total int)
	// Salvage lets Open open a store that has lost a part of an update, for a program that replaces the whole store.
	// The store then has the records that are left.
	Salvage bool
	// Step, if set, is called after each step of a large update. Tests end the process there.
	Step func(name string)
}

// WithDefaults returns o with a logger and a clock.
func (o Options) WithDefaults() Options {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return o
}

// Engine is a store that several machines share.
type Engine struct {
	// Join makes this process a node.
	Join func(ctx context.Context, o Options) (Node, error)
	// Open is for programs that need nothing but the store: it leads at once, as self, and the error wraps
	// [store.ErrLocked] if a node is active.
	Open func(ctx context.Context, o Options, self Peer) (Alone, error)
	// Read reads the whole store as of one moment. A node may be active. The error wraps [store.ErrUnavailable] if the
	// store does not answer.
	Read func(ctx context.Context, o Options) (Snapshot, error)
}

// engine is the engine that the program links, registered by that package's init.
var engine *Engine

// Register gives the program an engine. It is called by the init of a package that the program imports, and panics if
// an engine is already registered.
func Register(e Engine) {
	if engine != nil {
		panic("cluster: an engine is registered already")
	}
	engine = &e
}

// Registered returns the program's engine, if it has one.
func Registered() (e Engine, found bool) {
	if engine == nil {
		return Engine{}, false
	}
	return *engine, true
}
