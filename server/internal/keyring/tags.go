package keyring

import (
	"errors"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Tags are values by keys. A CMK has [kmsapi.MaxTags] at most, so they share a record.
type Tags map[string]string

// fields implements [record].
func (t Tags) fields(f *codec) { f.pairs(1, t) }

// Tags returns the tags of a CMK, which may be none. The caller may change them.
func (r Reader) Tags(keyID string) (Tags, error) {
	path := r.scope.tagsPath(keyID)
	value, err := r.store.Get(path)
	if errors.Is(err, store.ErrNotFound) {
		return Tags{}, nil
	}
	if err != nil {
		return nil, err
	}
	tags := Tags{}
	return tags, decode(path, value, tags)
}

// EachTagged visits the CMKs that have tags, from the id from on and in the order of their ids, until visit returns
// false or an error. It may keep nothing of tags but strings.
func (r Reader) EachTagged(from string, visit func(keyID string, tags Tags) (more bool, err error)) error {
	gone, err := r.goneCMKs()
	if err != nil {
		return err
	}
	tags := Tags{}
	return r.eachTags(from, tags, func(keyID string) (bool, error) {
		if _, isGone := slices.BinarySearch(gone, keyID); isGone {
			return true, nil
		}
		return visit(keyID, tags)
	})
}

// eachTags is EachTagged, with the CMKs that are past their deletion date. It puts the tags of each into tags.
func (r Reader) eachTags(from string, tags Tags, visit func(keyID string) (more bool, err error)) error {
	prefix := r.scope.tagsPath("")
	return r.store.Scan(prefix, beforePath(prefix, from), func(path string, value []byte) (bool, error) {
		clear(tags)
		if err := decode(path, value, tags); err != nil {
			return false, err
		}
		return visit(path[len(prefix):])
	})
}

// beforePath is a path that is less than that of name, with no id of a CMK between them; "" if name is.
func beforePath(prefix, name string) string {
	if name == "" {
		return ""
	}
	last := len(name) - 1
	return prefix + name[:last] + string(name[last]-1) + "\xff"
}

// PutTags replaces the tags of a CMK. There is no record for none.
func (w Writer) PutTags(keyID string, tags Tags) error {
	w.changed[keyID] = true
	if len(tags) == 0 {
		return w.store.Delete(w.scope.tagsPath(keyID))
	}
	return w.store.Put(w.scope.tagsPath(keyID), encode(tags))
}
