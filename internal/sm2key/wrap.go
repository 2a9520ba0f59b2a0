package sm2key

import (
	"crypto/rand"

	"github.com/emmansun/gmsm/sm4"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
)

// ephemeralSize is the length of the SM4 key that a private key is wrapped with.
const ephemeralSize = 16

// wrappedSize is the length of a wrapped private key.
const wrappedSize = Overhead + ephemeralSize + curvekey.Size

// WrapPrivateKey encrypts the number of a private key, see [PrivateKey.Scalar], by SM2PKE_SM4_ECB: a random SM4 key,
// encrypted with p, and then the number under SM4-ECB with it. ECB is KMS's choice; each SM4 key is used once.
func (p *PublicKey) WrapPrivateKey(scalar []byte) ([]byte, error) {
	if len(scalar) != curvekey.Size {
		return nil, ErrKey
	}
	ephemeral := make([]byte, ephemeralSize)
	defer clear(ephemeral)
	_, _ = rand.Read(ephemeral) // It never fails.
	wrapped, err := p.Encrypt(ephemeral)
	if err != nil {
		return nil, err
	}
	block, err := sm4.NewCipher(ephemeral)
	if err != nil {
		return nil, err
	}
	encrypted := make([]byte, curvekey.Size)
	for at := 0; at < len(encrypted); at += sm4.BlockSize {
		block.Encrypt(encrypted[at:], scalar[at:])
	}
	return append(wrapped, encrypted...), nil
}

// UnwrapPrivateKey decrypts the number of a private key that [PublicKey.WrapPrivateKey] has encrypted; the caller
// clears it. Nothing authenticates the number, so it may be any even if ok is true. If ok is false, it is garbage or
// nil, and nothing shows how much of wrapped was right.
func (k *PrivateKey) UnwrapPrivateKey(wrapped []byte) (scalar []byte, ok bool) {
	if len(wrapped) != wrappedSize {
		return nil, false
	}
	decrypted, intact := k.Decrypt(wrapped[:wrappedSize-curvekey.Size])
	ephemeral := make([]byte, ephemeralSize)
	defer clear(ephemeral)
	_, _ = rand.Read(ephemeral) // It never fails.
	copy(ephemeral, decrypted)
	clear(decrypted)
	block, err := sm4.NewCipher(ephemeral)
	if err != nil {
		return nil, false
	}
	scalar = make([]byte, curvekey.Size)
	for at := 0; at < len(scalar); at += sm4.BlockSize {
		block.Decrypt(scalar[at:], wrapped[wrappedSize-curvekey.Size+at:])
	}
	return scalar, intact
}
