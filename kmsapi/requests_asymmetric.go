package kmsapi

import "slices"

// The rules that the operations of asymmetric keys share. None has a default for the version: the request must name it.
var (
	keyVersionID     = Rule{Name: "KeyVersionId", Required: true}
	signAlgorithm    = Rule{Name: "Algorithm", Required: true, OneOf: []string{SignPSS, SignPKCS1v15, SignECDSA, SignSM2}}
	encryptAlgorithm = Rule{Name: "Algorithm", Required: true, OneOf: append(slices.Clone(rsaEncrypts), EncryptSM2)}
	digest           = Rule{Name: "Digest", Required: true}
)

// OpGetPublicKey is GetPublicKey.
const OpGetPublicKey Operation = "GetPublicKey"

// GetPublicKeyRequest asks for the public key of a version of an asymmetric CMK.
type GetPublicKeyRequest struct {
	answers[GetPublicKeyResponse]
	// KeyId is the CMK's id or an alias.
	KeyId        string
	KeyVersionId string
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpGetPublicKey].
func (*GetPublicKeyRequest) Operation() Operation { return OpGetPublicKey }

func (r *GetPublicKeyRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(keyVersionID, &r.KeyVersionId)
	v.boolean(dryRun, &r.DryRun)
}

// GetPublicKeyResponse holds a public key.
type GetPublicKeyResponse struct {
	Reply
	// KeyId is the CMK's id, even if the request named an alias.
	KeyId        string
	KeyVersionId string
	// PublicKey is a SubjectPublicKeyInfo in PEM, with its lines.
	PublicKey string
}

// OpAsymmetricSign is AsymmetricSign.
const OpAsymmetricSign Operation = "AsymmetricSign"

// AsymmetricSignRequest signs a digest, of SHA-256 or, for an SM2 key, of SM3.
type AsymmetricSignRequest struct {
	answers[AsymmetricSignResponse]
	// KeyId is the CMK's id or an alias.
	KeyId        string
	KeyVersionId string
	// Algorithm is [SignPSS] or [SignPKCS1v15] for an RSA key, [SignSM2] for an SM2 key, and [SignECDSA] for a key on
	// another curve.
	Algorithm string
	// Digest is base64 of [DigestSize] bytes.
	Digest string
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpAsymmetricSign].
func (*AsymmetricSignRequest) Operation() Operation { return OpAsymmetricSign }

func (r *AsymmetricSignRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(keyVersionID, &r.KeyVersionId)
	v.str(signAlgorithm, &r.Algorithm)
	v.str(digest, &r.Digest)
	v.boolean(dryRun, &r.DryRun)
}

// AsymmetricSignResponse holds the signature.
type AsymmetricSignResponse struct {
	Reply
	// KeyId is the CMK's id, even if the request named an alias.
	KeyId        string
	KeyVersionId string
	// Value is the signature in base64. The signature of a key on a curve is DER.
	Value string
}

// OpAsymmetricVerify is AsymmetricVerify.
const OpAsymmetricVerify Operation = "AsymmetricVerify"

// AsymmetricVerifyRequest asks whether a signature is valid.
type AsymmetricVerifyRequest struct {
	answers[AsymmetricVerifyResponse]
	// KeyId is the CMK's id or an alias.
	KeyId        string
	KeyVersionId string
	// Algorithm is as in [AsymmetricSignRequest].
	Algorithm string
	// Digest is base64 of [DigestSize] bytes.
	Digest string
	// Value is the signature in base64.
	Value string
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpAsymmetricVerify].
func (*AsymmetricVerifyRequest) Operation() Operation { return OpAsymmetricVerify }

func (r *AsymmetricVerifyRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(keyVersionID, &r.KeyVersionId)
	v.str(signAlgorithm, &r.Algorithm)
	v.str(digest, &r.Digest)
	v.str(Rule{Name: "Value", Required: true}, &r.Value)
	v.boolean(dryRun, &r.DryRun)
}

// AsymmetricVerifyResponse says whether the signature is valid.
type AsymmetricVerifyResponse struct {
	Reply
	// KeyId is the CMK's id, even if the request named an alias.
	KeyId        string
	KeyVersionId string
	// Value is false for any signature that is not valid, even a malformed one.
	Value bool
}

// OpAsymmetricEncrypt is AsymmetricEncrypt.
const OpAsymmetricEncrypt Operation = "AsymmetricEncrypt"

// AsymmetricEncryptRequest encrypts with a public key.
type AsymmetricEncryptRequest struct {
	answers[AsymmetricEncryptResponse]
	// KeyId is the CMK's id or an alias.
	KeyId        string
	KeyVersionId string
	// Algorithm is [EncryptOAEPSHA256] or [EncryptOAEPSHA1] for an RSA key, and [EncryptSM2] for an SM2 key.
	Algorithm string
	// Plaintext is base64 of the bytes that are encrypted: unlike that of [EncryptRequest], it is decoded. The key and
	// the algorithm limit its length.
	Plaintext Secret
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpAsymmetricEncrypt].
func (*AsymmetricEncryptRequest) Operation() Operation { return OpAsymmetricEncrypt }

func (r *AsymmetricEncryptRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(keyVersionID, &r.KeyVersionId)
	v.str(encryptAlgorithm, &r.Algorithm)
	v.secret(Rule{Name: "Plaintext", Required: true}, &r.Plaintext)
	v.boolean(dryRun, &r.DryRun)
}

// AsymmetricEncryptResponse holds the ciphertext.
type AsymmetricEncryptResponse struct {
	Reply
	// KeyId is the CMK's id, even if the request named an alias.
	KeyId        string
	KeyVersionId string
	// CiphertextBlob is base64. It does not identify the CMK or the version.
	CiphertextBlob string
}

// OpAsymmetricDecrypt is AsymmetricDecrypt.
const OpAsymmetricDecrypt Operation = "AsymmetricDecrypt"

// AsymmetricDecryptRequest decrypts a ciphertext made with the public key of a version, by KMS or elsewhere.
type AsymmetricDecryptRequest struct {
	answers[AsymmetricDecryptResponse]
	// KeyId is the CMK's id or an alias.
	KeyId        string
	KeyVersionId string
	// Algorithm is as in [AsymmetricEncryptRequest].
	Algorithm string
	// CiphertextBlob is base64.
	CiphertextBlob string
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpAsymmetricDecrypt].
func (*AsymmetricDecryptRequest) Operation() Operation { return OpAsymmetricDecrypt }

func (r *AsymmetricDecryptRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(keyVersionID, &r.KeyVersionId)
	v.str(encryptAlgorithm, &r.Algorithm)
	v.str(Rule{Name: "CiphertextBlob", Required: true}, &r.CiphertextBlob)
	v.boolean(dryRun, &r.DryRun)
}

// AsymmetricDecryptResponse holds the plaintext.
type AsymmetricDecryptResponse struct {
	Reply
	// KeyId is the CMK's id, even if the request named an alias.
	KeyId        string
	KeyVersionId string
	// Plaintext is base64.
	Plaintext Secret
}
