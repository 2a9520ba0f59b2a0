package crypt

import (
	"bytes"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/durable"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/private"
)

const (
	recordFormat = 1
	recordHeader = 1
	checkLabel   = "alicloudkms root key check v1\x00"
)

// ErrWrongRootKey reports that a store is under another root key.
var ErrWrongRootKey = errors.New("it is under another root key")

// RootKey wraps the material of CMKs. It is safe for concurrent use.
type RootKey struct {
	redacted
	key *key
}

// NewRootKey generates a root key from random, which is also the source of nonces for it and for the material that it
// unwraps; nil means crypto/rand. See [NewMaterial] for any other source.
func NewRootKey(random io.Reader) (*RootKey, error) {
	k, err := newRandomKey(&aes256, random)
	if err != nil {
		return nil, err
	}
	return &RootKey{key: k}, nil
}

// Clear overwrites the key. It may be called more than once.
func (r *RootKey) Clear() { r.key.clear() }

// Equal reports in constant time whether r and other are the same key. A cleared key does not equal any key, not even
// itself.
func (r *RootKey) Equal(other *RootKey) bool { return r.key.equal(other.key) }

// SealCheck returns a value to keep in a store, from which [RootKey.VerifyCheck] can later tell whether the store is
// under the same root key.
func (r *RootKey) SealCheck() ([]byte, error) {
	return r.key.seal(checkLabel, []byte{recordFormat}, nil, nil)
}

// VerifyCheck returns [ErrWrongRootKey] if check was not sealed with this root key.
func (r *RootKey) VerifyCheck(check []byte) error {
	_, err := r.key.openRecord(checkLabel, recordFormat, check, nil)
	if errors.Is(err, ErrOpen) {
		return ErrWrongRootKey
	}
	return err
}

// maxRootKeyFile is more than a root key file can have, in bytes.
const maxRootKeyFile = 1024

// rootKeyAdvice ends an error about a file that does not exist or does not hold a root key. It must not follow an error
// about a file that might hold one: overwriting a root key loses everything that it protects.
const rootKeyAdvice = "a root key file holds 32 random bytes in base64, and only its owner can access it: " +
	"umask 077; openssl rand -base64 32 > FILE"

// LoadRootKey reads a root key file: 32 bytes in base64, with or without line breaks, and with any white space around
// it. It follows symbolic links, and refuses a file that anyone but its owner may read or write. Errors say what to do,
// and show nothing of the content.
func LoadRootKey(path string) (*RootKey, error) {
	k, err := readKeyFile(path)
	if err != nil {
		return nil, err
	}
	return &RootKey{key: k}, nil
}

func readKeyFile(path string) (*key, error) {
	encoded, err := private.Read(path, private.OwnerOnly, maxRootKeyFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w (%s)", err, rootKeyAdvice)
	}
	if err != nil {
		return nil, err
	}
	defer clear(encoded)
	k, err := parseKey(encoded)
	if err != nil {
		return nil, fmt.Errorf("%s %w (%s)", path, err, rootKeyAdvice)
	}
	return k, nil
}

func parseKey(encoded []byte) (*key, error) {
	encoded = bytes.TrimSpace(bytes.TrimPrefix(encoded, []byte("\ufeff"))) // Some editors add this byte order mark.
	secret := make([]byte, base64.StdEncoding.DecodedLen(len(encoded)))
	defer clear(secret)
	n, err := base64.StdEncoding.Strict().Decode(secret, encoded)
	if err != nil {
		return nil, errors.New("is not base64")
	}
	if n != keySize {
		return nil, fmt.Errorf("holds %d bytes", n)
	}
	if subtle.ConstantTimeCompare(secret[:n], make([]byte, keySize)) == 1 {
		return nil, errors.New("holds only zeros")
	}
	return newKey(&aes256, secret[:n], nil)
}

// Encode returns the key in the form of a root key file. The caller must clear it.
func (r *RootKey) Encode() ([]byte, error) {
	secret, err := r.key.copy()
	if err != nil {
		return nil, err
	}
	defer secret.clear()
	return append(base64.StdEncoding.AppendEncode(make([]byte, 0, 2*keySize), secret.bytes()), '\n'), nil
}

// WriteFile writes the key to a new file at path with mode 0600, and syncs file and folder. If the file exists, the
// error wraps [fs.ErrExist]: overwriting a root key loses everything that it protects.
func (r *RootKey) WriteFile(path string) (err error) {
	encoded, err := r.Encode()
	if err != nil {
		return err
	}
	defer clear(encoded)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(encoded)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return durable.SyncFolder(filepath.Dir(path))
}
