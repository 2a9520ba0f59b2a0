package keyring

import (
	"errors"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Tags are tag values by tag key. A CMK or a secret has at most [kmsapi.MaxTags] tags, so they share a record.
type Tags map[string]string

// fields implements [record].
func (t Tags) fields(f *codec) { f.pairs(1, t) }

// Tags returns the tags of a CMK, which may be none. The caller may change them.
func (r Reader) Tags(keyID string) (Tags, error) { return r.tagsAt(r.scope.tagsPath(keyID)) }

// SecretTags is Tags for a secret.
func (r Reader) SecretTags(name string) (Tags, error) { return r.tagsAt(r.scope.secretTagsPath(name)) }

func (r Reader) tagsAt(path string) (Tags, error) {
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

// EachTagged visits the CMKs that have tags, in the order of their ids and starting at the id from, until visit returns
// false or an error. visit may keep the strings in tags, but not the map.
func (r Reader) EachTagged(from string, visit func(keyID string, tags Tags) (more bool, err error)) error {
	gone, err := r.goneCMKs()
	if err != nil {
		return err
	}
	return r.eachTagged(r.scope.tagsPath(""), from, gone, visit)
}

// EachTaggedSecret is EachTagged for secrets, in the order of their names.
func (r Reader) EachTaggedSecret(from string, visit func(name string, tags Tags) (more bool, err error)) error {
	gone, err := r.goneSecrets()
	if err != nil {
		return err
	}
	return r.eachTagged(r.scope.secretTagsPath(""), from, gone, visit)
}

func (r Reader) eachTagged(
	prefix, from string, gone []string, visit func(name string, tags Tags) (more bool, err error),
) error {
	tags := Tags{}
	return r.eachTags(prefix, from, tags, func(name string) (bool, error) {
		if _, isGone := slices.BinarySearch(gone, name); isGone {
			return true, nil
		}
		return visit(name, tags)
	})
}

// eachTags visits the tag records below prefix, even of CMKs or secrets past their deletion date. It decodes each
// record into tags.
func (r Reader) eachTags(prefix, from string, tags Tags, visit func(name string) (more bool, err error)) error {
	return r.store.Scan(prefix, beforePath(prefix, from), func(path string, value []byte) (bool, error) {
		clear(tags)
		if err := decode(path, value, tags); err != nil {
			return false, err
		}
		return visit(path[len(prefix):])
	})
}

// beforePath returns a path just before that of name: no id of a CMK and no name of a secret lies between them. It is
// "" if name is.
func beforePath(prefix, name string) string {
	if name == "" {
		return ""
	}
	last := len(name) - 1
	return prefix + name[:last] + string(name[last]-1) + "\xff"
}

// PutTags replaces the tags of a CMK. Without tags there is no record.
func (w Writer) PutTags(keyID string, tags Tags) error {
	w.changed[keyID] = true
	return w.putTagsAt(w.scope.tagsPath(keyID), tags)
}

// PutSecretTags is PutTags for a secret.
func (w Writer) PutSecretTags(name string, tags Tags) error {
	return w.putTagsAt(w.scope.secretTagsPath(name), tags)
}

func (w Writer) putTagsAt(path string, tags Tags) error {
	if len(tags) == 0 {
		return w.store.Delete(path)
	}
	return w.store.Put(path, encode(tags))
}
