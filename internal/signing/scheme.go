package signing

import (
	"crypto/sha256"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The values of transit's parameters. The first of each is the default; the default hash function is the one that goes
// with the key.
const (
	HashSHA256 = "sha2-256"
	HashSM3    = "sm3"

	PSS      = "pss"
	PKCS1v15 = "pkcs1v15"

	SaltAuto  = "auto"
	SaltHash  = "hash"
	SaltBytes = "32"

	ASN1 = "asn1"
	JWS  = "jws"
)

// Parameters are what a caller of transit says about a signature, besides the key and what is signed. An empty value is
// the default.
type Parameters struct {
	// Hashes are the names of the hash function that the caller gave, in all places where it may.
	Hashes []string
	// Prehashed says that the input is already the digest.
	Prehashed bool
	// SignatureAlgorithm is [PSS] or [PKCS1v15]. It means nothing to a key on a curve.
	SignatureAlgorithm string
	// SaltLength is [SaltAuto], [SaltHash] or [SaltBytes], and matters only to PSS.
	SaltLength string
	// Marshaling is [ASN1] or [JWS].
	Marshaling string
}

// A Scheme is how a key makes the signatures that a caller asks for.
type Scheme struct {
	// Algorithm is the algorithm of AsymmetricSign and AsymmetricVerify.
	Algorithm string

	prehashed bool
	form      form
}

// rsaAlgorithms are KMS's algorithms by transit's names. They are read only.
var rsaAlgorithms = map[string]string{"": kmsapi.SignPSS, PSS: kmsapi.SignPSS, PKCS1v15: kmsapi.SignPKCS1v15}

// Scheme returns how a key of that KeySpec signs. The KeySpec must be one that signs.
func (p Parameters) Scheme(keySpec string) (Scheme, error) {
	algorithm, err := p.algorithm(keySpec)
	if err != nil {
		return Scheme{}, err
	}
	wanted := hashOf(algorithm)
	for _, name := range p.Hashes {
		if name != "" && name != wanted {
			return Scheme{}, refusal.BadRequest("the hash must be %s: KMS signs no other digests with a key of this type",
				wanted)
		}
	}
	made := Scheme{Algorithm: algorithm, prehashed: p.Prehashed, form: form{onCurve: !isRSA(algorithm)}}
	switch p.Marshaling {
	case "", ASN1:
	case JWS:
		made.form.jws = true
	default:
		return Scheme{}, refusal.BadRequest("marshaling_algorithm must be %s or %s", ASN1, JWS)
	}
	return made, nil
}

func (p Parameters) algorithm(keySpec string) (string, error) {
	algorithm, known := rsaAlgorithms[p.SignatureAlgorithm]
	if !known {
		return "", refusal.BadRequest("signature_algorithm must be %s or %s", PSS, PKCS1v15)
	}
	if of := kmsapi.Algorithms(keySpec, kmsapi.KeyUsageSignVerify); !slices.Contains(of, algorithm) {
		if len(of) == 0 {
			return "", refusal.BadRequest("the KMS key is of the key_spec %s, which can't sign", keySpec)
		}
		return of[0], nil
	}
	switch p.SaltLength {
	case "", SaltAuto, SaltHash, SaltBytes:
		return algorithm, nil
	}
	if algorithm == kmsapi.SignPSS {
		return "", refusal.BadRequest("salt_length must be %s, %s or %s: the salt of KMS has %[3]s bytes",
			SaltAuto, SaltHash, SaltBytes)
	}
	return algorithm, nil
}

func isRSA(algorithm string) bool {
	return algorithm == kmsapi.SignPSS || algorithm == kmsapi.SignPKCS1v15
}

// hashOf is the hash function that goes with an algorithm.
func hashOf(algorithm string) string {
	if algorithm == kmsapi.SignSM2 {
		return HashSM3
	}
	return HashSHA256
}

// SignsPublicKey reports whether the public key of the version is part of what [Scheme.Digest] makes.
func (s Scheme) SignsPublicKey() bool { return s.Algorithm == kmsapi.SignSM2 && !s.prehashed }

// Digest returns the digest of the caller's input that is signed. publicKey is that of the version, in PEM; it is
// needed only if [Scheme.SignsPublicKey].
func (s Scheme) Digest(input []byte, publicKey string) ([]byte, error) {
	switch {
	case s.prehashed && len(input) == kmsapi.DigestSize:
		return input, nil
	case s.prehashed:
		return nil, refusal.BadRequest("input has %d bytes, and with prehashed=true it must be %s, of %d",
			len(input), digestName(s.Algorithm), kmsapi.DigestSize)
	case s.SignsPublicKey():
		return digestOfSM2(input, publicKey)
	default:
		digest := sha256.Sum256(input)
		return digest[:], nil
	}
}

// digestName is what a caller must have computed for an algorithm.
func digestName(algorithm string) string {
	if algorithm == kmsapi.SignSM2 {
		return "SM3(Z || data)"
	}
	return "a SHA-256 digest"
}

func digestOfSM2(input []byte, publicKey string) ([]byte, error) {
	newSM3 := NewSM3()
	if newSM3 == nil {
		return nil, refusal.BadRequest("this program is built without SM3; give prehashed=true, and as input SM3(Z || data), of %d bytes",
			kmsapi.DigestSize)
	}
	key, ok := sm2.ParsePublicKeyPEM(publicKey)
	if !ok {
		return nil, refusal.Internal("the public key of the version is not one on SM2, as a key of this type has")
	}
	return key.Digest(newSM3, input), nil
}

// Encode returns a signature of KMS in the form that the caller wants.
func (s Scheme) Encode(signature []byte) (string, error) { return s.form.encode(signature) }

// Decode returns a signature as KMS makes it, and nil if what is encoded can't be one. It returns an error if the
// encoding is wrong.
func (s Scheme) Decode(encoded string) ([]byte, error) { return s.form.decode(encoded) }
