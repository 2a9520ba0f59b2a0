package keyring

import (
	"errors"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// HasDefaultCMK reports whether a CMK of the scope is marked as its default key.
func (r Reader) HasDefaultCMK() (exists bool, err error) {
	prefix := r.scope.defaultPath("")
	err = r.store.Scan(prefix, "", func(path string, _ []byte) (bool, error) {
		_, err := r.CMK(strings.TrimPrefix(path, prefix))
		if errors.Is(err, kmsapi.ErrKeyNotFound) {
			return true, nil // It is past its deletion date, but not yet swept.
		}
		exists = err == nil
		return false, err
	})
	return exists, err
}

// indexDefault records that a CMK is the default key, if it is.
func (w Writer) indexDefault(cmk *CMK) error {
	if !cmk.Default {
		return nil
	}
	return w.store.Put(w.scope.defaultPath(cmk.KeyID), nil)
}
