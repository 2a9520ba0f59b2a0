package cluster

import (
	"context"
	"crypto/tls"
	"log/slog"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Options are what an engine needs of the configuration and its surroundings.
type Options struct {
	// Endpoints are the URLs of the store's members, all of them with https, or all with http.
	Endpoints []string
	// Prefix is what all keys begin with; it ends in a slash.
	Prefix string
	// Lease is how long a term lasts after the node was last heard of, in whole seconds.
	Lease time.Duration
	// TLS returns the configuration of a connection that begins. It is nil for plain HTTP.
	TLS func() *tls.Config
	// Username is empty if the store knows the node by its certificate, or everybody.
	Username string
	Password kmsapi.Secret
	// Logger receives what operators should know; nil discards it.
	Logger *slog.Logger
	// Clock is the wall clock; nil is [time.Now].
	Clock func() time.Time
	// Progress, if it is set, is called now and then with how many records of all have been read by Read, or written by
	// a large update of what Open returns.
	Progress func(done, total int)
	// Salvage lets Open open a store of which a part is lost, for a program that replaces all of it. The store then has
	// the records that there are.
	Salvage bool
	// Step, if it is set, is called after each step of a large update. Tests end the process there.
	Step func(name string)
}

// WithDefaults returns o with no function and no logger nil.
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
	// Open is for programs that need the store alone: it leads at once, as self, and the error wraps [store.ErrLocked] if
	// a node is active.
	Open func(ctx context.Context, o Options, self Peer) (Alone, error)
	// Read reads the whole store as of one moment. A node may be active. The error wraps [store.ErrUnavailable] if the
	// store does not answer.
	Read func(ctx context.Context, o Options) (Snapshot, error)
}

// engine is the one that the program links, which its init registers.
var engine *Engine

// Register gives the program an engine, from the init of a package that the program imports. It panics if there is one.
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
