package server

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Migrated is the result of [Migrate].
type Migrated struct {
	// Report is the check of the new store.
	Report
	// Already says that an earlier Migrate had finished, so nothing was done.
	Already bool
	// Kept is the name under which a file that was in the place of the new store is kept: a store that an earlier
	// migration moved to what is now the old store. It is "" if there was none.
	Kept string
}

// Migrate copies everything in the store of from to the store of to, which must be empty, and marks the old store as
// moved, so that no service starts on it again. One of the stores is usually in a file and the other in etcd. Both
// configurations have the same root key. No service may run on either: the error then wraps [ErrInUse].
//
// The copy is checked before it becomes valid. Whenever the process dies, either the old store or the new one can be
// used, never both, and Migrate can be called again.
func Migrate(ctx context.Context, from, to Config, progress Progress) (Migrated, error) {
	return migrate(ctx, from, to, progress, func(string) {})
}

// migrate is [Migrate], for tests. step is called with the name of each step that has changed a store.
func migrate(ctx context.Context, from, to Config, progress Progress, step func(string)) (_ Migrated, err error) {
	if where(from) == where(to) {
		return Migrated{}, fmt.Errorf("%s: both configurations have this store", StoreName(from))
	}
	root, err := commonRootKey(from, to)
	if err != nil {
		return Migrated{}, err
	}
	defer root.Clear()
	m := migration{
		from: from, to: to, progress: progress, step: step,
		before: newCheckup(root, from.RootKey.File, StoreName(from), progress),
		after:  newCheckup(root, to.RootKey.File, StoreName(to), progress),
	}
	m.after.moving = keyring.Arriving
	if m.source, err = m.openSource(ctx); err != nil {
		return Migrated{}, err
	}
	defer func() { err = errors.Join(err, m.source.Close()) }()
	if m.target, err = m.openTarget(ctx); err != nil {
		return Migrated{}, m.explainTarget(ctx, err)
	}
	defer func() { err = errors.Join(err, m.target.close()) }()
	return m.run(ctx)
}

// where returns a name of the store of c that does not depend on the working directory.
func where(c Config) string {
	c.Storage.Path = absolute(c.Storage.Path)
	return StoreName(c)
}

// commonRootKey loads the root key of two configurations, which must be the same.
func commonRootKey(from, to Config) (*crypt.RootKey, error) {
	root, err := loadRootKey(from)
	if err != nil {
		return nil, err
	}
	other, err := loadRootKey(to)
	if err == nil && !root.Equal(other) {
		err = fieldOf(to, "root_key", "file").Fault(fmt.Errorf(
			"%s holds a root key other than %s; a store keeps its root key when it is migrated",
			to.RootKey.File, from.RootKey.File))
	}
	if err != nil {
		root.Clear()
		return nil, err
	}
	other.Clear()
	return root, nil
}

// migration is the work of [Migrate] on two stores.
type migration struct {
	from, to Config
	progress Progress
	step     func(string)
	// before checks the old store, and after the new one.
	before, after checkup
	source        store.Store
	target        moveTarget
}

// moveTarget is the place where the new store goes.
type moveTarget interface {
	records
	// fill replaces the content of the place by the records of another store, applies last to them, and checks the
	// result. It returns the name under which a replaced file is kept, or "".
	fill(ctx context.Context, from store.Store, last func(store.Writer) error) (after Report, kept string, err error)
	// update changes the records.
	update(ctx context.Context, fn func(store.Writer) error) error
	close() error
}

// run finds out how far an earlier attempt got, and does the rest.
func (m migration) run(ctx context.Context) (Migrated, error) {
	departed, err := m.departure(ctx)
	if err != nil {
		return Migrated{}, err
	}
	there, empty, err := m.arrival(ctx)
	if err != nil {
		return Migrated{}, m.explainTarget(ctx, err)
	}
	switch {
	case departed == nil && (empty || m.mayReplace(there)):
		return m.copy(ctx)
	case departed == nil:
		return Migrated{}, fmt.Errorf("%s: %w; a store is migrated to an empty place", StoreName(m.to), errTaken)
	case there.ID != departed.ID:
		return Migrated{}, fmt.Errorf("%s: %w", StoreName(m.from), &keyring.MoveError{Move: *departed})
	case there.State == keyring.Arriving:
		report, err := m.after.good(m.after.ofArchive(ctx, unstructured{m.target}))
		if err != nil {
			return Migrated{}, err
		}
		return Migrated{Report: report}, m.arrive(ctx)
	default:
		report, err := m.after.good(m.after.ofArchive(ctx, unstructured{m.target}))
		return Migrated{Report: report, Already: true}, err
	}
}

// departure returns the old store's record of its move, or nil if it has not moved.
func (m migration) departure(ctx context.Context) (departed *keyring.Move, err error) {
	err = m.source.View(ctx, func(r store.Reader) error {
		err := keyring.VerifyRootKey(r, m.before.root)
		if moved, ok := errors.AsType[*keyring.MoveError](err); ok && moved.State == keyring.Departed {
			departed = &moved.Move
			return nil
		}
		if errors.Is(err, store.ErrNotFound) {
			return errEmpty
		}
		return explainRootKey(m.before.rootFile, err)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", StoreName(m.from), err)
	}
	return departed, nil
}

// arrival returns the new place's record of the last migration from or to it, zero if there was none, and whether the
// place is empty.
func (m migration) arrival(ctx context.Context) (there keyring.Move, empty bool, err error) {
	empty, err = isEmpty(ctx, m.target)
	if errors.Is(err, os.ErrNotExist) {
		return there, true, nil
	}
	if empty || err != nil {
		return there, empty, err
	}
	err = m.target.View(ctx, func(r store.Reader) (err error) {
		there, _, err = keyring.ReadMove(r)
		return err
	})
	return there, false, err
}

// mayReplace reports whether the store in the new place can be replaced without loss: it is an unfinished copy of the
// old store, or was migrated to the old store earlier.
func (m migration) mayReplace(there keyring.Move) bool {
	return there.State != keyring.Arrived && there.Other == where(m.from)
}

func (m migration) copy(ctx context.Context) (Migrated, error) {
	before, err := m.before.good(m.before.ofArchive(ctx, unstructured{m.source}))
	if err != nil {
		return Migrated{}, err
	}
	move := keyring.Move{ID: rand.Text(), At: time.Now().UTC().Truncate(time.Second)}
	arriving, departed := move, move
	arriving.State, arriving.Other = keyring.Arriving, where(m.from)
	departed.State, departed.Other = keyring.Departed, where(m.to)
	after, kept, err := m.target.fill(ctx, m.source, func(w store.Writer) error { return keyring.BeginMove(w, arriving) })
	if err != nil {
		return Migrated{}, err
	}
	m.step("the copy is in its place")
	if before.Records, err = m.expected(ctx, before.Records); err != nil {
		return Migrated{}, err
	}
	if err := compareContents(StoreName(m.to), after, before); err != nil {
		return Migrated{}, err
	}
	err = m.source.Update(ctx, func(w store.Writer) error { return keyring.BeginMove(w, departed) })
	if err != nil {
		return Migrated{}, fmt.Errorf("%s: %w", StoreName(m.from), err)
	}
	m.step("the old store has moved")
	return Migrated{Report: after, Kept: kept}, m.arrive(ctx)
}

// expected returns how many records the copy must have: one more than the old store, unless that has the record of an
// earlier migration.
func (m migration) expected(ctx context.Context, records int) (n int, err error) {
	err = m.source.View(ctx, func(r store.Reader) error {
		n = records
		_, found, err := keyring.ReadMove(r)
		if !found {
			n++
		}
		return err
	})
	return n, err
}

// arrive makes the new store usable by services.
func (m migration) arrive(ctx context.Context) error {
	if err := m.target.update(ctx, keyring.EndMove); err != nil {
		return fmt.Errorf("%s: %w", StoreName(m.to), err)
	}
	m.step("the new store is in use")
	return nil
}

// explainTarget explains err, from opening or reading the new place: if that is in use because an earlier migration has
// finished, it adds that.
func (m migration) explainTarget(ctx context.Context, err error) error {
	if !errors.Is(err, ErrInUse) {
		return err
	}
	if departed, readErr := m.departure(ctx); readErr == nil && departed != nil {
		return fmt.Errorf("%s: %w: %w", StoreName(m.from), &keyring.MoveError{Move: *departed}, err)
	}
	return err
}
