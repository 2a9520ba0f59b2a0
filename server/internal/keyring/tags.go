package keyring

import (
	"errors"

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

// PutTags replaces the tags of a CMK. There is no record for none.
func (w Writer) PutTags(keyID string, tags Tags) error {
	if len(tags) == 0 {
		return w.store.Delete(w.scope.tagsPath(keyID))
	}
	return w.store.Put(w.scope.tagsPath(keyID), encode(tags))
}
