package sm

import (
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2key"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
)

func init() {
	asymmetric.Register(kmsapi.KeySpecSM2, asymmetric.Scheme{
		Generate: func() (asymmetric.PrivateKey, error) {
			key, err := sm2key.Generate()
			return pair{key}, err
		},
		Parse: func(pkcs8 []byte) (asymmetric.PrivateKey, error) {
			key, err := sm2key.ParsePrivate(pkcs8)
			return pair{key}, err
		},
		ParsePublic: func(spki []byte) (asymmetric.PublicKey, error) {
			key, err := sm2key.ParsePublic(spki)
			return public{key}, err
		},
	})
}

// pair is the key pair of a CMK.
type pair struct{ *sm2key.PrivateKey }

func (k pair) Public() asymmetric.PublicKey { return public{k.PrivateKey.Public()} }

func (k pair) Sign(algorithm string, digest []byte) ([]byte, error) {
	if algorithm != kmsapi.SignSM2 {
		return nil, asymmetric.ErrAlgorithm
	}
	return k.PrivateKey.Sign(digest)
}

func (k pair) Decrypt(algorithm string, ciphertext []byte) (plaintext []byte, ok bool) {
	if algorithm != kmsapi.EncryptSM2 {
		return nil, false
	}
	return k.PrivateKey.Decrypt(ciphertext)
}

// public is the public key of a CMK, or one that a caller has sent.
type public struct{ *sm2key.PublicKey }

func (p public) Verify(algorithm string, digest, signature []byte) bool {
	return algorithm == kmsapi.SignSM2 && p.PublicKey.Verify(digest, signature)
}

func (public) MaxPlaintext(algorithm string) int {
	if algorithm != kmsapi.EncryptSM2 {
		return 0
	}
	return sm2key.MaxPlaintext
}

func (p public) Encrypt(algorithm string, plaintext []byte) ([]byte, error) {
	if algorithm != kmsapi.EncryptSM2 {
		return nil, asymmetric.ErrAlgorithm
	}
	return p.PublicKey.Encrypt(plaintext)
}
