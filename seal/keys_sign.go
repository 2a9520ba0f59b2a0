package seal

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/publickey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// signatures are the algorithms that the standard library can check.
var signatures = []string{kmsapi.SignPSS, kmsapi.SignPKCS1v15, kmsapi.SignECDSA}

// A message is the data to sign, or its digest.
type message struct {
	data   []byte
	hashed bool
}

func (m message) digest() ([]byte, error) {
	if !m.hashed {
		digest := sha256.Sum256(m.data)
		return digest[:], nil
	}
	if len(m.data) != kmsapi.DigestSize {
		return nil, fmt.Errorf("the digest has %d bytes, but a SHA-256 digest has %d", len(m.data), kmsapi.DigestSize)
	}
	return m.data, nil
}

// sign costs one call to KMS, and another for the public key if that is not known yet. A signature is checked before it
// is returned.
func (k *key) sign(ctx context.Context, m message, options crypto.SignerOpts) ([]byte, error) {
	public, algorithm, digest, err := k.begin(ctx, m, options)
	if err != nil {
		return nil, err
	}
	answer, err := k.holder.kms.AsymmetricSign(ctx, &kmsapi.AsymmetricSignRequest{
		KeyId: k.name, KeyVersionId: k.version, Algorithm: algorithm, Digest: base64.StdEncoding.EncodeToString(digest),
	})
	if err != nil {
		return nil, k.failed(kmsapi.OpAsymmetricSign, err)
	}
	signature, err := base64.StdEncoding.DecodeString(answer.Value)
	if err != nil || !public.Verify(algorithm, digest, signature) {
		return nil, errors.New("KMS answered with a signature that is not one of the key")
	}
	return signature, nil
}

// verify asks KMS only for the public key, if that is not known yet.
func (k *key) verify(ctx context.Context, m message, signature []byte, options crypto.SignerOpts) error {
	public, algorithm, digest, err := k.begin(ctx, m, options)
	if err != nil {
		return err
	}
	if !public.Verify(algorithm, digest, signature) {
		return errBadSignature
	}
	return nil
}

// begin returns the public key, KMS's algorithm and the digest.
func (k *key) begin(
	ctx context.Context, m message, options crypto.SignerOpts,
) (public *publickey.PublicKey, algorithm string, digest []byte, err error) {
	if public, err = k.public(ctx); err != nil {
		return nil, "", nil, err
	}
	if algorithm, err = k.choose(public, options); err != nil {
		return nil, "", nil, err
	}
	digest, err = m.digest()
	return public, algorithm, digest, err
}

var (
	errHash = errors.New("the hash function must be SHA-256: KMS signs no other digests")
	errSalt = errors.New("the salt of a PSS signature has 32 bytes in KMS: give 32, that of the hash, or auto")
)

// choose returns the algorithm that options ask for, interpreted as the standard library does.
func (k *key) choose(public *publickey.PublicKey, options crypto.SignerOpts) (string, error) {
	algorithm := kmsapi.SignPKCS1v15
	switch options := options.(type) {
	case crypto.Hash:
	case *rsa.PSSOptions:
		algorithm = kmsapi.SignPSS
		switch options.SaltLength {
		case kmsapi.DigestSize, rsa.PSSSaltLengthEqualsHash, rsa.PSSSaltLengthAuto:
		default:
			return "", errSalt
		}
	default:
		return "", fmt.Errorf("options of the type %T are for other kinds of keys", options)
	}
	if options.HashFunc() != crypto.SHA256 {
		return "", errHash
	}
	if _, onCurve := public.Key().(*ecdsa.PublicKey); onCurve {
		if algorithm == kmsapi.SignPSS {
			return "", errors.New("PSS is for RSA keys, and this one is on a curve")
		}
		algorithm = kmsapi.SignECDSA
	}
	if k.algorithm != "" && k.algorithm != algorithm {
		return "", fmt.Errorf("%s was requested, but the key's only algorithm is %s", algorithm, k.algorithm)
	}
	return algorithm, nil
}

// parsePublic reads a public key of GetPublicKey. It refuses kinds that certificates and signatures of the standard
// library can't have.
func parsePublic(encoded string) (*publickey.PublicKey, error) {
	unsupported := fmt.Errorf("a signature is %w: only RSA and P-256 are", errUnsupported)
	public, err := publickey.Parse(encoded)
	switch {
	case errors.Is(err, publickey.ErrUnknownKey):
		return nil, unsupported
	case err != nil:
		return nil, fmt.Errorf("KMS answered with something other than a public key: %w", err)
	}
	if _, isRSA := public.Key().(*rsa.PublicKey); !isRSA && public.KeySpec() != kmsapi.KeySpecP256 {
		return nil, unsupported
	}
	return public, nil
}
