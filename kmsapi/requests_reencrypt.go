package kmsapi

// OpReEncrypt is ReEncrypt.
const OpReEncrypt Operation = "ReEncrypt"

// ReEncryptRequest decrypts a ciphertext and encrypts its plaintext again, without showing it: with another CMK,
// another context, or the newest version of the same CMK.
type ReEncryptRequest struct {
	answers[ReEncryptResponse]
	// CiphertextBlob is a ciphertext of Encrypt, an encrypted data key or, with SourceKeyId, a ciphertext of an
	// asymmetric key.
	CiphertextBlob string
	// SourceEncryptionContext is the context of CiphertextBlob.
	SourceEncryptionContext EncryptionContext
	// SourceKeyId, SourceKeyVersionId and SourceEncryptionAlgorithm say how to decrypt a ciphertext of an asymmetric
	// key, which does not say it itself. Any other ciphertext must come without them.
	SourceKeyId, SourceKeyVersionId, SourceEncryptionAlgorithm string
	// DestinationKeyId is the id or an alias of the CMK that encrypts.
	DestinationKeyId string
	// DestinationEncryptionContext is bound to the new ciphertext.
	DestinationEncryptionContext EncryptionContext
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpReEncrypt].
func (*ReEncryptRequest) Operation() Operation { return OpReEncrypt }

func (r *ReEncryptRequest) visit(v visitor) {
	v.str(Rule{Name: "CiphertextBlob", Required: true}, &r.CiphertextBlob)
	v.context(Rule{Name: "SourceEncryptionContext"}, &r.SourceEncryptionContext)
	v.str(Rule{Name: reEncryptSource, Named: true}, &r.SourceKeyId)
	v.str(Rule{Name: "SourceKeyVersionId"}, &r.SourceKeyVersionId)
	v.str(Rule{Name: "SourceEncryptionAlgorithm"}, &r.SourceEncryptionAlgorithm)
	v.str(Rule{Name: reEncryptDestination, Required: true, Named: true}, &r.DestinationKeyId)
	v.context(Rule{Name: "DestinationEncryptionContext"}, &r.DestinationEncryptionContext)
	v.boolean(dryRun, &r.DryRun)
}

// The parameters that name the two keys of ReEncrypt.
const (
	reEncryptSource      = "SourceKeyId"
	reEncryptDestination = "DestinationKeyId"
)

// ReEncryptResponse holds the new ciphertext.
type ReEncryptResponse struct {
	Reply
	// KeyId and KeyVersionId name the CMK and version that decrypted the old ciphertext, not those that encrypted the
	// new one.
	KeyId          string
	KeyVersionId   string
	CiphertextBlob string
}
