package wrapping

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// keyBits is the size of the reference's RSA_2048 (§4.2).
const keyBits = 2048

type rsaKey struct{ private *rsa.PrivateKey }

func generateRSA() (PrivateKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, keyBits)
	return &rsaKey{private}, err
}

// parseRSA parses PKCS#1 DER.
func parseRSA(der []byte) (PrivateKey, error) {
	private, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, err
	}
	if private.N.BitLen() != keyBits {
		return nil, fmt.Errorf("it has %d bits, not %d", private.N.BitLen(), keyBits)
	}
	return &rsaKey{private}, nil
}

func (k *rsaKey) SPKI() ([]byte, error) { return x509.MarshalPKIXPublicKey(&k.private.PublicKey) }

func (k *rsaKey) DER() ([]byte, error) { return x509.MarshalPKCS1PrivateKey(k.private), nil }

func (k *rsaKey) Unwrap(algorithm string, ciphertext, material []byte) int {
	unwrap, known := rsaUnwraps[algorithm]
	// RFC 8017 (7.1.2, 7.2.2) requires the full length. crypto/rsa would accept a ciphertext without its leading zeros.
	if !known || len(ciphertext) != k.private.Size() {
		return 0
	}
	return unwrap(k.private, ciphertext, material)
}

// UnwrapPrivateKey reverses [kmsapi.WrapKeyPair].
func (k *rsaKey) UnwrapPrivateKey(ciphertext []byte) (pkcs8 []byte, ok bool) {
	size := k.private.Size()
	if len(ciphertext) <= size || len(ciphertext) > size+maxPrivateKey {
		return nil, false
	}
	ephemeral, intact := unwrap(k, kmsapi.WrapOAEPSHA256, ciphertext[:size], ephemeralSize)
	defer clear(ephemeral)
	pkcs8, unpadded := decryptECB(ephemeral, ciphertext[size:])
	return pkcs8, intact && unpadded
}

func (k *rsaKey) Clear() {
	clear(k.private.D.Bits())
	for _, prime := range k.private.Primes {
		clear(prime.Bits())
	}
	clear(k.private.Precomputed.Dp.Bits())
	clear(k.private.Precomputed.Dq.Bits())
	clear(k.private.Precomputed.Qinv.Bits())
	k.private = nil
}
