package publickey

import (
	"crypto/rsa"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// MaxPlaintext is the most that the key encrypts by RSAES-OAEP with SHA-256, in bytes, and 0 for a key on a curve.
func (p *PublicKey) MaxPlaintext() int {
	key, ok := p.key.(*rsa.PublicKey)
	if !ok {
		return 0
	}
	return key.Size() - 2*kmsapi.DigestSize - 2
}
