package keyring

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Move is a store's record of its migration to or from another store.
type Move struct {
	// ID identifies the migration, in both stores.
	ID string `json:"id"`
	// State is one of those below.
	State MoveState `json:"state"`
	// Other describes the other store for operators.
	Other string    `json:"other"`
	At    time.Time `json:"at"`
	// Layout is the content of the layout record while the store can be used.
	Layout string `json:"layout"`
}

// MoveState is the state of a migration as seen by one of the two stores. While a store is Arriving or Departed, its
// layout record contains that instead of a version, so no program uses the store, not even one that knows nothing about
// migrations.
type MoveState string

// The states of a migration. At no time can both stores be used.
const (
	// Arriving is the state of a copy whose original may still be in use.
	Arriving MoveState = "arriving"
	// Departed is the state of the original once the copy replaces it.
	Departed MoveState = "moved"
	// Arrived is the state of a copy that has replaced the original.
	Arrived MoveState = "arrived"
)

// ReadMove returns a store's record of its last migration; found is false if there was none.
func ReadMove(r store.Reader) (m Move, found bool, err error) {
	value, err := r.Get(movePath)
	if errors.Is(err, store.ErrNotFound) {
		return m, false, nil
	}
	if err != nil {
		return m, false, err
	}
	if err := json.Unmarshal(value, &m); err != nil {
		return m, false, fmt.Errorf("record %s: it is not a migration", movePath)
	}
	return m, true, nil
}

// BeginMove marks a usable store as Arriving or Departed.
func BeginMove(w store.Writer, m Move) error {
	layout, err := w.Get(schemaPath)
	if err != nil {
		return err
	}
	m.Layout = string(layout)
	return errors.Join(w.Put(schemaPath, []byte(m.State)), putMove(w, m))
}

// EndMove makes an Arriving store usable.
func EndMove(w store.Writer) error {
	m, found, err := ReadMove(w)
	if err != nil {
		return err
	}
	if !found || m.State != Arriving {
		return fmt.Errorf("record %s: no migration to this store is under way", movePath)
	}
	m.State = Arrived
	return errors.Join(w.Put(schemaPath, []byte(m.Layout)), putMove(w, m))
}

// UndoMove makes a Departed store usable, and leaves any other as it is. It is for backups from before the migration:
// it does not check what has become of the copy.
func UndoMove(w store.Writer) error {
	m, found, err := ReadMove(w)
	if err != nil || !found || m.State != Departed {
		return err
	}
	return errors.Join(w.Put(schemaPath, []byte(m.Layout)), w.Delete(movePath))
}

func putMove(w store.Writer, m Move) error {
	value, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return w.Put(movePath, value)
}

// MoveError reports that a store can't be used because of a migration.
type MoveError struct{ Move }

// Error implements error.
func (e *MoveError) Error() string {
	if e.State == Departed {
		return fmt.Sprintf("the store has moved to %s (%s) and is no longer used", e.Other, e.At.Format(time.RFC3339))
	}
	return fmt.Sprintf("the store is a copy that is not in use yet: its migration from %s has not ended; "+
		"run the same alicloudkms migrate again", e.Other)
}

// layoutIn returns the content of the layout record. For a store that can't be used because of a migration, the error
// is a [MoveError].
func layoutIn(r store.Reader) (layout string, err error) {
	value, err := r.Get(schemaPath)
	if err != nil {
		return "", err
	}
	if state := MoveState(value); state != Arriving && state != Departed {
		return string(value), nil
	}
	m, found, err := ReadMove(r)
	if err == nil && !found {
		err = fmt.Errorf("record %s: it is missing", movePath)
	}
	if err != nil {
		return "", err
	}
	return m.Layout, &MoveError{m}
}
