package keyring

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// index records the state of a CMK, when time will change it, and when it is due for rotation.
func (w Writer) index(cmk *CMK) error {
	for _, path := range w.scope.timePaths(cmk) {
		if err := w.store.Put(path, nil); err != nil {
			return err
		}
	}
	return addToCount(w.store, w.scope.statePath(cmk.Lifecycle.State), 1)
}

// unindex undoes index.
func (w Writer) unindex(cmk *CMK) error {
	for _, path := range w.scope.timePaths(cmk) {
		if err := w.store.Delete(path); err != nil {
			return err
		}
	}
	return addToCount(w.store, w.scope.statePath(cmk.Lifecycle.State), -1)
}

// timePaths returns the paths of the records by which a CMK is found when it is due.
func (s Scope) timePaths(cmk *CMK) (paths []string) {
	if due := cmk.Lifecycle.Due(); !due.IsZero() {
		paths = append(paths, s.duePath(due, cmk.KeyID))
	}
	if due := cmk.rotationDue(); !due.IsZero() {
		paths = append(paths, s.rotationPath(due, cmk.KeyID))
	}
	return paths
}

// addToCount changes the number at path. There is no record for zero.
func addToCount(w store.Writer, path string, change int) error {
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
		return fmt.Errorf("record %s: it counts fewer than there are", path)
	case n == 0:
		return w.Delete(path)
	default:
		return w.Put(path, strconv.AppendInt(nil, int64(n), 10))
	}
}

func parseCount(path string, value []byte) (int, error) {
	n, err := strconv.Atoi(string(value))
	if err != nil || n < 1 {
		return 0, fmt.Errorf("record %s: it is not a count", path)
	}
	return n, nil
}

// dueCMK is a CMK that is due: time has changed it since it was last written, or it is due for rotation. It may also be
// a secret that is due for deletion; then keyID is its name.
type dueCMK struct {
	scope Scope
	keyID string
}

// parseDue parses the path of a record that is ordered by time.
func parseDue(path string) (at string, due dueCMK, err error) {
	parts := strings.SplitN(path, "/", 5)
	if len(parts) != 5 {
		return "", dueCMK{}, fmt.Errorf("record %s: it does not have five parts", path)
	}
	return parts[1], dueCMK{Scope{Account: parts[2], Region: parts[3]}, parts[4]}, nil
}

// eachDue visits the CMKs of all scopes that time has changed and that no sweep has handled yet, the longest due
// first.
func eachDue(r store.Reader, now time.Time, visit func(dueCMK) error) error {
	return eachUntil(r, duePrefix, now, visit)
}

// eachUntil visits the CMKs of all scopes in the records below prefix, which are ordered by time, up to now.
func eachUntil(r store.Reader, prefix string, now time.Time, visit func(dueCMK) error) error {
	last := now.UTC().Format(dueTime)
	return r.Scan(prefix, "", func(path string, _ []byte) (bool, error) {
		at, due, err := parseDue(path)
		if err != nil || at > last {
			return false, err
		}
		return true, visit(due)
	})
}

// Overdue returns the ids of the CMKs of all scopes that time has changed and no sweep has handled yet, the longest due
// first, and then in the same order the secrets that are past their deletion date, as secret/ and their names.
func Overdue(r store.Reader, now time.Time) (ids []string, err error) {
	for _, kind := range []struct{ due, before string }{{duePrefix, ""}, {secretDuePrefix, secretPrefix}} {
		err := eachUntil(r, kind.due, now, func(due dueCMK) error {
			ids = append(ids, kind.before+due.keyID)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return ids, nil
}

// goneCMKs returns the ids, in order, of the CMKs that are past their deletion date but not yet swept. There are rarely
// any.
func (r Reader) goneCMKs() (keyIDs []string, err error) {
	err = eachDue(r.store, r.now, func(due dueCMK) error {
		if due.scope != r.scope {
			return nil
		}
		_, err := r.CMK(due.keyID)
		if errors.Is(err, kmsapi.ErrKeyNotFound) {
			keyIDs = append(keyIDs, due.keyID)
			return nil
		}
		return err
	})
	slices.Sort(keyIDs)
	return keyIDs, err
}

// goneAliases returns the names, as they are in paths and in order, of the aliases of goneCMKs.
func (r Reader) goneAliases() (names []string, err error) {
	keyIDs, err := r.goneCMKs()
	if err != nil {
		return nil, err
	}
	for _, keyID := range keyIDs {
		err := r.scope.aliasesOf(keyID).Walk(r.store, 0, func(name string, _ []byte) (bool, error) {
			names = append(names, name)
			return true, nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(names)
	return names, nil
}
