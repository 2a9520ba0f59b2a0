package kmsapi

// OpEncrypt is Encrypt.
const OpEncrypt Operation = "Encrypt"

// EncryptRequest encrypts up to [MaxPlaintext] bytes (§4.11).
type EncryptRequest struct {
	answers[EncryptResponse]
	// KeyId is the CMK's id or an alias.
	KeyId string
	// Plaintext is an opaque UTF-8 string to KMS, and base64 by convention: the string is encrypted, not the bytes that
	// it encodes.
	Plaintext         Secret
	EncryptionContext EncryptionContext
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpEncrypt].
func (*EncryptRequest) Operation() Operation { return OpEncrypt }

func (r *EncryptRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.secret(Rule{Name: "Plaintext", Required: true}, &r.Plaintext)
	v.context(contextRule, &r.EncryptionContext)
	v.boolean(dryRun, &r.DryRun)
}

// EncryptResponse holds the ciphertext (§4.11).
type EncryptResponse struct {
	Reply
	// KeyId is the CMK's id, even if the request named an alias.
	KeyId          string
	KeyVersionId   string
	CiphertextBlob string
}

// OpDecrypt is Decrypt.
const OpDecrypt Operation = "Decrypt"

// DecryptRequest decrypts a ciphertext of Encrypt or GenerateDataKey. It names no key: the ciphertext does (§4.13).
type DecryptRequest struct {
	answers[DecryptResponse]
	CiphertextBlob    string
	EncryptionContext EncryptionContext
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpDecrypt].
func (*DecryptRequest) Operation() Operation { return OpDecrypt }

func (r *DecryptRequest) visit(v visitor) {
	v.str(Rule{Name: "CiphertextBlob", Required: true}, &r.CiphertextBlob)
	v.context(contextRule, &r.EncryptionContext)
	v.boolean(dryRun, &r.DryRun)
	v.unserved(recipient)
}

// recipient is the rule of Recipient, an enclave for which the plaintext in the answer should be encrypted. Ignoring it
// would send the plaintext in the clear.
var recipient = refused("Recipient")

// DecryptResponse holds the string that was encrypted, and the CMK that opened it (§4.13).
type DecryptResponse struct {
	Reply
	KeyId        string
	KeyVersionId string
	Plaintext    Secret
}
