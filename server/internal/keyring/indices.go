package keyring

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyindex"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// indices are the in-memory indices of the scopes whose CMKs have been filtered. Every commit brings them up to date
// before its update returns, so they never differ from the store.
type indices struct {
	// mu guards scopes, but not the indices in it.
	mu     sync.Mutex
	scopes map[Scope]*scopeIndex
}

// scopeIndex is the index of a scope.
type scopeIndex struct {
	*keyindex.Index
	// loaded is closed once the index can be used or err is set to why it can't.
	loaded chan struct{}
	err    error
}

// of returns the index of a scope. The first request loads it with read; others wait for that.
func (x *indices) of(ctx context.Context, scope Scope, read func(keyindex.Loader) error) (*keyindex.Index, error) {
	for {
		s, isNew := x.find(scope)
		if isNew {
			x.load(scope, s, read)
			return s.Index, s.err
		}
		select {
		case <-s.loaded:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if s.err == nil {
			return s.Index, nil
		}
		// The loading request may have failed for a reason of its own, for example because its client has gone.
	}
}

// find returns the index of a scope; isNew means that the caller must load it.
func (x *indices) find(scope Scope) (s *scopeIndex, isNew bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if s = x.scopes[scope]; s != nil {
		return s, false
	}
	if x.scopes == nil {
		x.scopes = map[Scope]*scopeIndex{}
	}
	s = &scopeIndex{Index: keyindex.New(), loaded: make(chan struct{})}
	x.scopes[scope] = s
	return s, true
}

// load loads the index of a scope, or drops it. The index has gathered changes since before anything is read.
func (x *indices) load(scope Scope, s *scopeIndex, read func(keyindex.Loader) error) {
	defer close(s.loaded)
	s.err = errNotLoaded
	defer func() {
		if s.err != nil {
			x.drop(scope)
		}
	}()
	s.err = s.Load(read)
}

// errNotLoaded is returned to waiting callers if loading panics.
var errNotLoaded = errors.New("the index of keys was not loaded")

func (x *indices) drop(scope Scope) {
	x.mu.Lock()
	defer x.mu.Unlock()
	delete(x.scopes, scope)
}

// follow applies the changes of an update to the index of w's scope once the update is durable.
func (x *indices) follow(w Writer) error {
	if len(w.changed) == 0 {
		return nil
	}
	keys := make(map[string]*keyindex.Key, len(w.changed))
	for keyID := range w.changed {
		cmk, err := w.stored(keyID)
		if errors.Is(err, store.ErrNotFound) {
			keys[keyID] = nil
			continue
		}
		if err != nil {
			return err
		}
		tags, err := w.Tags(keyID)
		if err != nil {
			return err
		}
		key := cmk.indexed(tags)
		keys[keyID] = &key
	}
	w.store.OnCommit(func() { x.apply(w.scope, keys) })
	return nil
}

// apply changes the index of a scope, if there is one; a nil key is gone. An index that is made later reads the changed
// keys anyway.
func (x *indices) apply(scope Scope, keys map[string]*keyindex.Key) {
	x.mu.Lock()
	s := x.scopes[scope]
	x.mu.Unlock()
	if s == nil {
		return
	}
	for keyID, key := range keys {
		if key == nil {
			s.Remove(keyID)
		} else {
			s.Put(*key)
		}
	}
}

// loadIndex reads all CMKs of a scope.
func (k *Keyring) loadIndex(ctx context.Context, scope Scope, l keyindex.Loader) error {
	return k.store.View(ctx, func(s store.Reader) error {
		prefix := scope.cmkPath("")
		err := s.Scan(prefix, "", func(path string, value []byte) (bool, error) {
			cmk, err := decodeCMK(path, strings.TrimPrefix(path, prefix), value)
			if err != nil {
				return false, err
			}
			l.Add(cmk.indexed(nil))
			return true, nil
		})
		if err != nil {
			return err
		}
		tags := Tags{}
		return Reader{store: s, scope: scope}.eachTags(scope.tagsPath(""), "", tags, func(keyID string) (bool, error) {
			l.AddTags(keyID, tags)
			return true, nil
		})
	})
}

// indexed returns the index entry of a CMK, which must be as it was last written.
func (c *CMK) indexed(tags Tags) keyindex.Key {
	key := keyindex.Key{ID: c.KeyID, Class: c.class(), Tags: tags}
	after := *c
	for due := after.Lifecycle.Due(); !due.IsZero(); due = after.Lifecycle.Due() {
		settled, gone := after.Lifecycle.Settle(due)
		after.Lifecycle = settled
		key.Changes = append(key.Changes, keyindex.Change{At: due, Gone: gone, Class: after.class()})
		if gone {
			break
		}
	}
	return key
}

// class returns the properties of a CMK that filters compare, except for its tags.
func (c *CMK) class() keyindex.Class {
	return keyindex.Class{
		State: string(c.Lifecycle.State), Spec: c.KeySpec, Usage: c.KeyUsage,
		ProtectionLevel: string(c.ProtectionLevel), Instance: c.InstanceID,
	}
}
