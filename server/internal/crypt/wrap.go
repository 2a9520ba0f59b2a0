package crypt

// Kind says what wrapped bytes are, so that they are never used as something else. Its values are stored, so they must
// not change.
type Kind byte

const (
	// KindMaterial is the bytes of a [Material]. Their number distinguishes the KeySpecs.
	KindMaterial Kind = 1
	// KindFingerprintKey is the 32 bytes of a [FingerprintKey].
	KindFingerprintKey Kind = 2
	// KindPrivateKey is the PKCS#8 of a version of an asymmetric CMK.
	KindPrivateKey Kind = 3
	// KindPublicKey is the SubjectPublicKeyInfo of such a version. It is not secret: it is wrapped so that an attacker
	// that can write to the store can't replace it.
	KindPublicKey Kind = 4
	// KindSecretValue is a value of a secret.
	KindSecretValue Kind = 5
)

const (
	wrapFormat = 2
	wrapHeader = 2
	wrapLabel  = "alicloudkms record v2\x00"
	// recordLabel is the label of format 1, which has no kind.
	recordLabel = "alicloudkms record v1\x00"
)

// WrapBytes encrypts a secret of any length for storage in the record at path. The result is 42 bytes longer:
//
//	 0   1  format: 2
//	 1   1  kind
//	 2  24  nonce
//	26   n  encrypted secret
//	26+n 16 tag
//
// Its additional data are a label, the first 26 bytes, and path.
func (r *RootKey) WrapBytes(path string, kind Kind, secret []byte) ([]byte, error) {
	return r.key.seal(wrapLabel, []byte{wrapFormat, byte(kind)}, secret, []byte(path))
}

// UnwrapBytes returns the secret of a kind that WrapBytes encrypted for the record at path; the caller clears it. For
// anything else the error is [ErrOpen].
//
// It also opens format 1, which earlier programs wrote only for [KindMaterial] and which has no byte for the kind.
func (r *RootKey) UnwrapBytes(path string, kind Kind, wrapped []byte) ([]byte, error) {
	if kind == KindMaterial && len(wrapped) > 0 && wrapped[0] == recordFormat {
		return r.key.openRecord(recordLabel, recordFormat, wrapped, []byte(path))
	}
	if len(wrapped) < wrapHeader || wrapped[0] != wrapFormat || wrapped[1] != byte(kind) {
		return nil, ErrOpen
	}
	return r.key.open(wrapLabel, wrapped, wrapHeader, []byte(path))
}

// Wrap is [RootKey.WrapBytes] for m.
func (r *RootKey) Wrap(path string, m *Material) ([]byte, error) {
	return r.wrapKey(path, KindMaterial, m.key)
}

// Unwrap is [RootKey.UnwrapBytes] for material of a KeySpec. The caller clears it. The error is [ErrNotLinked] if the
// program is built without the cipher.
func (r *RootKey) Unwrap(path, keySpec string, wrapped []byte) (*Material, error) {
	s, err := schemeOf(keySpec)
	if err != nil {
		return nil, err
	}
	k, err := r.unwrapKey(path, KindMaterial, s, wrapped)
	if err != nil {
		return nil, err
	}
	return &Material{key: k}, nil
}

func (r *RootKey) wrapKey(path string, kind Kind, k *key) ([]byte, error) {
	secret, err := k.copy()
	if err != nil {
		return nil, err
	}
	defer secret.clear()
	return r.WrapBytes(path, kind, secret.bytes())
}

func (r *RootKey) unwrapKey(path string, kind Kind, s *scheme, wrapped []byte) (*key, error) {
	secret, err := r.UnwrapBytes(path, kind, wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	k, err := newKey(s, secret, r.key.random)
	if err != nil {
		return nil, ErrOpen
	}
	return k, nil
}

// Rewrap returns a secret that r has wrapped for the record at path, wrapped by other instead, in the current format.
// If it does not open, the error is [ErrOpen].
func (r *RootKey) Rewrap(other *RootKey, path string, kind Kind, wrapped []byte) ([]byte, error) {
	secret, err := r.UnwrapBytes(path, kind, wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	return other.WrapBytes(path, kind, secret)
}
