package server

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// What can be asked of all CMKs or aliases without reading them, is written down beside them, in the transaction that
// changes one: their number and order (package list), how many CMKs are in each state, and when time will change one. So a
// service answers as fast with 100,000 CMKs as with 100.

const (
	duePrefix   = "due/"
	statePrefix = "state/"
)

// dueTime has a fixed width, so that its byte order is the order of time.
const dueTime = kmsapi.TimeFormat

func cmkList(scope Scope) list.List { return list.Of(cmkPath(scope, "")) }

func aliasList(scope Scope) list.List { return list.Of(aliasPath(scope, "")) }

func cmkAliasList(scope Scope, keyID string) list.List {
	return list.Of(cmkAliasPath(scope, keyID, ""))
}

func statePath(scope Scope, state kmsapi.KeyState) string {
	return statePrefix + scope.path() + string(state)
}

func duePath(scope Scope, at time.Time, keyID string) string {
	return duePrefix + at.UTC().Format(dueTime) + "/" + scope.path() + keyID
}

// addCMK stores a new CMK, and where its version leads to.
func addCMK(w store.Writer, scope Scope, record *cmkRecord) error {
	if err := w.Put(versionPath(scope, record.PrimaryVersion), []byte(record.KeyID)); err != nil {
		return err
	}
	if err := putJSON(w, cmkPath(scope, record.KeyID), record); err != nil {
		return err
	}
	return errors.Join(cmkList(scope).Add(w, record.KeyID), enter(w, scope, record))
}

// putCMK stores a CMK that has changed.
func putCMK(w store.Writer, scope Scope, record *cmkRecord) error {
	path := cmkPath(scope, record.KeyID)
	old, err := w.Get(path)
	if err != nil {
		return err
	}
	if err := putJSON(w, path, record); err != nil {
		return err
	}
	before, err := decodeCMK(path, old)
	if err != nil || before.Lifecycle == record.Lifecycle {
		return err
	}
	return errors.Join(leave(w, scope, before), enter(w, scope, record))
}

// enter writes down the state of a CMK, and when time will change it.
func enter(w store.Writer, scope Scope, record *cmkRecord) error {
	if due := record.Lifecycle.Due(); !due.IsZero() {
		if err := w.Put(duePath(scope, due, record.KeyID), nil); err != nil {
			return err
		}
	}
	return count(w, statePath(scope, record.Lifecycle.State), 1)
}

// leave undoes enter.
func leave(w store.Writer, scope Scope, record *cmkRecord) error {
	if due := record.Lifecycle.Due(); !due.IsZero() {
		if err := w.Delete(duePath(scope, due, record.KeyID)); err != nil {
			return err
		}
	}
	return count(w, statePath(scope, record.Lifecycle.State), -1)
}

// count changes the number at path. There is no record for zero.
func count(w store.Writer, path string, change int) error {
	n := 0
	value, err := w.Get(path)
	if err == nil {
		n, err = parseCount(path, value)
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	switch n += change; {
	case n < 0:
		return fmt.Errorf("record %s: it counts fewer CMKs than there are", path)
	case n == 0:
		return w.Delete(path)
	default:
		return w.Put(path, strconv.AppendInt(nil, int64(n), 10))
	}
}

func parseCount(path string, value []byte) (int, error) {
	n, err := strconv.Atoi(string(value))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("record %s: it is no count", path)
	}
	return n, nil
}

// dueCMK is a CMK that time has changed.
type dueCMK struct {
	scope Scope
	keyID string
}

// dueBy visits the CMKs that time alone has changed by now and that no sweep has seen since, the longest due first.
func dueBy(r store.Reader, now time.Time, visit func(dueCMK) error) error {
	last := now.UTC().Format(dueTime)
	return r.Scan(duePrefix, "", func(path string, _ []byte) (bool, error) {
		at := strings.Split(path, "/")
		if len(at) != 5 {
			return false, fmt.Errorf("record %s: it has not five parts", path)
		}
		if at[1] > last {
			return false, nil
		}
		return true, visit(dueCMK{Scope{at[2], at[3]}, at[4]})
	})
}

// goneCMKs returns the ids of the CMKs of an account and region whose deletion date has come, but not the sweeper. There
// are seldom any.
func goneCMKs(r store.Reader, scope Scope, now time.Time) (gone []string, err error) {
	err = dueBy(r, now, func(d dueCMK) error {
		if d.scope != scope {
			return nil
		}
		_, err := readCMK(r, scope, now, d.keyID)
		if errors.Is(err, kmsapi.ErrKeyNotFound) {
			gone = append(gone, d.keyID)
			return nil
		}
		return err
	})
	return gone, err
}

// goneAliases returns the names, as they are in paths, of the aliases that are gone with their CMKs.
func goneAliases(r store.Reader, scope Scope, now time.Time) (gone []string, err error) {
	keyIDs, err := goneCMKs(r, scope, now)
	if err != nil {
		return nil, err
	}
	for _, keyID := range keyIDs {
		err := cmkAliasList(scope, keyID).Walk(r, 0, func(name string, _ []byte) (bool, error) {
			gone = append(gone, name)
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(gone)
	return gone, nil
}
