package kmsapi

// The KeySpecs of GenerateDataKey (§4.12).
const (
	// DataKeyAES256 asks for 32 bytes. It is the default.
	DataKeyAES256 = "AES_256"
	// DataKeyAES128 asks for 16 bytes.
	DataKeyAES128 = "AES_128"
)

// The rules of the parameters for the length of a data key.
var (
	dataKeySpec = Rule{
		Name: "KeySpec", Default: DataKeyAES256, OneOf: []string{DataKeyAES256, DataKeyAES128},
	}
	dataKeyBytes = Rule{Name: "NumberOfBytes", Min: 1, Max: MaxDataKeyBytes}
)

// OpGenerateDataKey is GenerateDataKey.
const OpGenerateDataKey Operation = "GenerateDataKey"

// GenerateDataKeyRequest makes random bytes and encrypts them (§4.12).
type GenerateDataKeyRequest struct {
	answers[GenerateDataKeyResponse]
	// KeyId is the CMK's id or an alias.
	KeyId string
	// KeySpec is [DataKeyAES256] or [DataKeyAES128].
	KeySpec string
	// NumberOfBytes, 1 to [MaxDataKeyBytes], wins over KeySpec; 0 means that KeySpec says the length.
	NumberOfBytes     int
	EncryptionContext EncryptionContext
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpGenerateDataKey].
func (*GenerateDataKeyRequest) Operation() Operation { return OpGenerateDataKey }

func (r *GenerateDataKeyRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(dataKeySpec, &r.KeySpec)
	v.integer(dataKeyBytes, &r.NumberOfBytes)
	v.context(contextRule, &r.EncryptionContext)
	v.boolean(dryRun, &r.DryRun)
	v.unserved(recipient)
}

// GenerateDataKeyResponse holds a data key twice: in base64, and encrypted (§4.12). Decrypt of CiphertextBlob returns
// exactly Plaintext.
type GenerateDataKeyResponse struct {
	Reply
	KeyId          string
	KeyVersionId   string
	CiphertextBlob string
	Plaintext      Secret
}

// OpGenerateDataKeyWithoutPlaintext is GenerateDataKeyWithoutPlaintext.
const OpGenerateDataKeyWithoutPlaintext Operation = "GenerateDataKeyWithoutPlaintext"

// GenerateDataKeyWithoutPlaintextRequest makes a data key that its caller can't read without the permission to
// decrypt.
type GenerateDataKeyWithoutPlaintextRequest struct {
	answers[GenerateDataKeyWithoutPlaintextResponse]
	// KeyId is the CMK's id or an alias.
	KeyId string
	// KeySpec is [DataKeyAES256] or [DataKeyAES128].
	KeySpec string
	// NumberOfBytes, 1 to [MaxDataKeyBytes], wins over KeySpec; 0 means that KeySpec says the length.
	NumberOfBytes     int
	EncryptionContext EncryptionContext
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpGenerateDataKeyWithoutPlaintext].
func (*GenerateDataKeyWithoutPlaintextRequest) Operation() Operation {
	return OpGenerateDataKeyWithoutPlaintext
}

func (r *GenerateDataKeyWithoutPlaintextRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(dataKeySpec, &r.KeySpec)
	v.integer(dataKeyBytes, &r.NumberOfBytes)
	v.context(contextRule, &r.EncryptionContext)
	v.boolean(dryRun, &r.DryRun)
}

// GenerateDataKeyWithoutPlaintextResponse holds an encrypted data key. Decrypt returns its base64.
type GenerateDataKeyWithoutPlaintextResponse struct {
	Reply
	KeyId          string
	KeyVersionId   string
	CiphertextBlob string
}
