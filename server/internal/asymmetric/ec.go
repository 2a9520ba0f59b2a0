package asymmetric

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/curvekey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// noEncryption is for keys that only sign.
type noEncryption struct{}

func (noEncryption) Decrypt(string, []byte) ([]byte, bool) { return nil, false }

func (noEncryption) MaxPlaintext(string) int { return 0 }

func (noEncryption) Encrypt(string, []byte) ([]byte, error) { return nil, ErrAlgorithm }

type p256Private struct {
	noEncryption
	key *ecdsa.PrivateKey
}

func generateP256() (PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return &p256Private{key: key}, err
}

func parseP256(der []byte) (PrivateKey, error) {
	scalar, point, err := curvekey.P256.ParsePrivate(der)
	if err != nil {
		return nil, err
	}
	defer clear(scalar)
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		return nil, err
	}
	own, err := key.PublicKey.Bytes()
	if err != nil || !curvekey.Matches(point, own) {
		return nil, ErrKey
	}
	return &p256Private{key: key}, nil
}

func (k *p256Private) PKCS8() ([]byte, error) { return x509.MarshalPKCS8PrivateKey(k.key) }

func (k *p256Private) Public() PublicKey { return &p256Public{key: &k.key.PublicKey} }

func (k *p256Private) Sign(algorithm string, digest []byte) ([]byte, error) {
	if algorithm != kmsapi.SignECDSA {
		return nil, ErrAlgorithm
	}
	return ecdsa.SignASN1(rand.Reader, k.key, digest)
}

// Clear can only drop the key: the library gives no access to the private number.
func (k *p256Private) Clear() { k.key = nil }

type p256Public struct {
	noEncryption
	key *ecdsa.PublicKey
}

func parsePublicP256(spki []byte) (PublicKey, error) {
	parsed, err := x509.ParsePKIXPublicKey(spki)
	key, ok := parsed.(*ecdsa.PublicKey)
	if err != nil || !ok || key.Curve != elliptic.P256() {
		return nil, ErrKey
	}
	return &p256Public{key: key}, nil
}

func (p *p256Public) SPKI() ([]byte, error) { return x509.MarshalPKIXPublicKey(p.key) }

func (p *p256Public) Verify(algorithm string, digest, signature []byte) bool {
	return algorithm == kmsapi.SignECDSA && ecdsa.VerifyASN1(p.key, digest, signature)
}
