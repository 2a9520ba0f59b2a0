package crypt

const valueLabel = "alicloudkms secret value v1\x00"

// SealValue encrypts a value of a secret for storage in the record at path. The result is 41 bytes longer with an AES
// key, and 33 with an SM4 key: a format byte, 1 or 2, then nonce, ciphertext and tag. The label differs from that of a
// blob, so Decrypt can't open a copied record.
func (m *Material) SealValue(path string, value []byte) ([]byte, error) {
	return m.key.seal(valueLabel, []byte{m.key.scheme.format}, value, []byte(path))
}

// OpenValue returns what SealValue encrypted for the record at path; the caller clears it. For anything else the error
// is [ErrOpen].
func (m *Material) OpenValue(path string, sealed []byte) ([]byte, error) {
	return m.key.openRecord(valueLabel, m.key.scheme.format, sealed, []byte(path))
}
