package crypt

// Kind is what wrapped bytes are, so that they are never used as something else. Stores contain its values.
type Kind byte

// KindMaterial is the 32 bytes of a [Material].
const KindMaterial Kind = 1

const (
	wrapFormat = 2
	wrapHeader = 2
	wrapLabel  = "alicloudkms record v2\x00"
	// recordLabel is that of format 1, which has no kind.
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

// UnwrapBytes returns the secret of that kind which WrapBytes encrypted for the record at path; the caller clears it.
// For anything else the error is [ErrOpen].
//
// It also opens format 1, which earlier programs wrote for [KindMaterial] alone and which has no byte for the kind.
func (r *RootKey) UnwrapBytes(path string, kind Kind, wrapped []byte) ([]byte, error) {
	if kind == KindMaterial && len(wrapped) > 0 && wrapped[0] == recordFormat {
		return r.key.openRecord(recordLabel, wrapped, []byte(path))
	}
	if len(wrapped) < wrapHeader || wrapped[0] != wrapFormat || wrapped[1] != byte(kind) {
		return nil, ErrOpen
	}
	return r.key.open(wrapLabel, wrapped, wrapHeader, []byte(path))
}

// Wrap is [RootKey.WrapBytes] for m.
func (r *RootKey) Wrap(path string, m *Material) ([]byte, error) {
	secret, err := m.key.copy()
	if err != nil {
		return nil, err
	}
	defer clear(secret[:])
	return r.WrapBytes(path, KindMaterial, secret[:])
}

// Unwrap is [RootKey.UnwrapBytes] for material. The caller clears it.
func (r *RootKey) Unwrap(path string, wrapped []byte) (*Material, error) {
	secret, err := r.UnwrapBytes(path, KindMaterial, wrapped)
	if err != nil {
		return nil, err
	}
	defer clear(secret)
	k, err := newKey(secret, r.key.random)
	if err != nil {
		return nil, ErrOpen
	}
	return &Material{key: k}, nil
}
