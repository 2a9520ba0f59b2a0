package keyring

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Keyring holds all records of a service. It is safe for parallel use.
type Keyring struct {
	store        store.Store
	root         *crypt.RootKey
	fingerprints *crypt.FingerprintKey
	rand         io.Reader
	indices      indices
}

// Options of [Open]. Both fields are required.
type Options struct {
	// Logger logs upgrades of the layout.
	Logger *slog.Logger
	// Rand is the source of key material.
	Rand io.Reader
}

// Open opens a store. It initializes a new one, and upgrades one with an old layout. It refuses a store with an unknown
// layout (the error wraps [ErrLayout]) or under another root key ([crypt.ErrWrongRootKey]). fresh reports whether the
// store is new. The caller closes s, after its last use of the keyring.
func Open(ctx context.Context, s store.Store, root *crypt.RootKey, o Options) (k *Keyring, fresh bool, err error) {
	k = &Keyring{store: s, root: root, rand: o.Rand}
	err = s.Update(ctx, func(w store.Writer) (err error) {
		if fresh, err = prepare(w, root, o.Logger); err != nil {
			return err
		}
		k.fingerprints, err = fingerprintKey(w, root)
		return err
	})
	return k, fresh, err
}

// Reader reads the records of a scope, in the state that they have at a given time, within one transaction.
type Reader struct {
	store store.Reader
	scope Scope
	now   time.Time
}

// Writer is a Reader that can also change records, and sees its own changes.
type Writer struct {
	Reader
	store store.Writer
	// changed are the ids of the CMKs that may be new, gone or found by different filters than before.
	changed map[string]bool
}

// View runs read on a snapshot of the records of scope.
func (k *Keyring) View(ctx context.Context, scope Scope, now time.Time, read func(Reader) error) error {
	return k.store.View(ctx, func(r store.Reader) error { return read(Reader{r, scope, now}) })
}

// Update runs change, and returns nil once its writes are durable. If change returns an error, nothing is written.
func (k *Keyring) Update(ctx context.Context, scope Scope, now time.Time, change func(Writer) error) error {
	return k.store.Update(ctx, func(w store.Writer) error {
		scoped := newWriter(w, scope, now)
		if err := change(scoped); err != nil {
			return err
		}
		return k.indices.follow(scoped)
	})
}

func newWriter(w store.Writer, scope Scope, now time.Time) Writer {
	return Writer{Reader{w, scope, now}, w, map[string]bool{}}
}
