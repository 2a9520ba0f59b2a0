package kmsapi

import "slices"

// The kinds of wrapping key.
const (
	// WrappingKeySpecRSA2048 is the only kind of wrapping key that the reference has (§4.2).
	WrappingKeySpecRSA2048 = KeySpecRSA2048
	// WrappingKeySpecSM2 is a key on the curve of SM2.
	WrappingKeySpecSM2 = KeySpecSM2
)

// The algorithms that key material may be wrapped with (§4.2). OAEP's mask generation uses the same hash, and its label
// is empty.
const (
	WrapPKCS1v15   = "RSAES_PKCS1_V1_5"
	WrapOAEPSHA1   = "RSAES_OAEP_SHA_1"
	WrapOAEPSHA256 = "RSAES_OAEP_SHA_256"
	// WrapSM2PKE goes with [WrappingKeySpecSM2]. The result has the form of [EncryptSM2].
	WrapSM2PKE = "SM2PKE"
	// WrapKeyPair is the only algorithm for the private key of an RSA key pair or one on a curve other than SM2's: 32
	// random bytes by [WrapOAEPSHA256], followed by the key in PKCS#8 encrypted with AES-256-ECB under these bytes,
	// with PKCS#7 padding.
	WrapKeyPair = "RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD"
	// WrapSM2KeyPair is the only algorithm for the private key of an SM2 key pair, and goes with [WrappingKeySpecSM2]:
	// 16 random bytes by [WrapSM2PKE], followed by the 32 bytes of the private key encrypted with SM4-ECB under these
	// bytes, without padding.
	WrapSM2KeyPair = "SM2PKE_SM4_ECB"
)

var (
	rsaWraps       = []string{WrapPKCS1v15, WrapOAEPSHA1, WrapOAEPSHA256}
	symmetricWraps = append(slices.Clone(rsaWraps), WrapSM2PKE)
	pairWraps      = []string{WrapKeyPair}
)

// WrappingAlgorithms returns the algorithms for the key material of a CMK with that KeySpec. Each goes with one kind of
// wrapping key: see [WrappingKeySpec].
func WrappingAlgorithms(spec string) []string { return slices.Clone(findKeySpec(spec).wraps) }

// WrappingKeySpec returns the kind of wrapping key that an algorithm goes with.
func WrappingKeySpec(algorithm string) string {
	if algorithm == WrapSM2PKE || algorithm == WrapSM2KeyPair {
		return WrappingKeySpecSM2
	}
	return WrappingKeySpecRSA2048
}

// KeyMaterialSize is the length of the key material of [KeySpecAES256], in bytes (§4.3). [MaterialSize] returns that of
// any KeySpec.
const KeyMaterialSize = 32

// The rules of the parameters that name a wrapping key and its algorithm.
var (
	importAlgorithm = Rule{
		Name: "WrappingAlgorithm", Required: true, OneOf: append(slices.Clone(symmetricWraps), WrapKeyPair, WrapSM2KeyPair),
	}
	wrappingKeySpec = Rule{
		Name: "WrappingKeySpec", Required: true, OneOf: []string{WrappingKeySpecRSA2048, WrappingKeySpecSM2},
	}
)

// OpGetParametersForImport is GetParametersForImport.
const OpGetParametersForImport Operation = "GetParametersForImport"

// GetParametersForImportRequest asks for what is needed to import key material into a CMK of origin EXTERNAL (§4.2).
type GetParametersForImportRequest struct {
	answers[GetParametersForImportResponse]
	KeyId string
	// WrappingAlgorithm is one of the [WrappingAlgorithms] of the CMK's KeySpec.
	WrappingAlgorithm string
	// WrappingKeySpec is the [WrappingKeySpec] of the algorithm.
	WrappingKeySpec string
}

// Operation returns [OpGetParametersForImport].
func (*GetParametersForImportRequest) Operation() Operation { return OpGetParametersForImport }

func (r *GetParametersForImportRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(importAlgorithm, &r.WrappingAlgorithm)
	v.str(wrappingKeySpec, &r.WrappingKeySpec)
}

// GetParametersForImportResponse holds a wrapping key and the token that goes with it (§4.2).
type GetParametersForImportResponse struct {
	Reply
	KeyId string
	// ImportToken is an opaque string.
	ImportToken string
	// PublicKey is base64 of a DER SubjectPublicKeyInfo.
	PublicKey string
	// TokenExpireTime is in [TimeFormat], 24 hours after the request.
	TokenExpireTime string
}

// OpImportKeyMaterial is ImportKeyMaterial.
const OpImportKeyMaterial Operation = "ImportKeyMaterial"

// ImportKeyMaterialRequest imports key material (§4.3).
type ImportKeyMaterialRequest struct {
	answers[ImportKeyMaterialResponse]
	// KeyId may be left out, as in the reference: the token names the CMK. If it is given, it must be the same.
	KeyId string
	// EncryptedKeyMaterial is base64 of [MaterialSize] bytes, encrypted with the public key of the token. For an
	// asymmetric CMK it is a private key: see [WrapKeyPair] and [WrapSM2KeyPair].
	EncryptedKeyMaterial string
	ImportToken          string
	// KeyMaterialExpireUnix is when the material expires, in seconds since 1970; 0 means never.
	KeyMaterialExpireUnix int
}

// Operation returns [OpImportKeyMaterial].
func (*ImportKeyMaterialRequest) Operation() Operation { return OpImportKeyMaterial }

func (r *ImportKeyMaterialRequest) visit(v visitor) {
	v.str(Rule{Name: "KeyId", Named: true}, &r.KeyId)
	v.str(Rule{Name: "EncryptedKeyMaterial", Required: true}, &r.EncryptedKeyMaterial)
	v.str(Rule{Name: "ImportToken", Required: true}, &r.ImportToken)
	v.integer(Rule{Name: "KeyMaterialExpireUnix"}, &r.KeyMaterialExpireUnix)
}

// ImportKeyMaterialResponse confirms the request (§4.3).
type ImportKeyMaterialResponse struct{ Reply }

// OpDeleteKeyMaterial is DeleteKeyMaterial.
const OpDeleteKeyMaterial Operation = "DeleteKeyMaterial"

// DeleteKeyMaterialRequest deletes imported key material. The same material can be imported again (§4.8).
type DeleteKeyMaterialRequest struct {
	answers[DeleteKeyMaterialResponse]
	KeyId string
}

// Operation returns [OpDeleteKeyMaterial].
func (*DeleteKeyMaterialRequest) Operation() Operation { return OpDeleteKeyMaterial }

func (r *DeleteKeyMaterialRequest) visit(v visitor) { v.str(keyID, &r.KeyId) }

// DeleteKeyMaterialResponse confirms the request (§4.8).
type DeleteKeyMaterialResponse struct{ Reply }
