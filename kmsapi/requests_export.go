package kmsapi

// The rules of parameters that name the public key that a data key is wrapped with.
var (
	publicKeyBlob   = Rule{Name: "PublicKeyBlob", Required: true}
	exportAlgorithm = Rule{
		Name: "WrappingAlgorithm", Required: true, OneOf: []string{WrapOAEPSHA256, WrapOAEPSHA1, WrapSM2PKE},
	}
)

// OpExportDataKey is ExportDataKey.
const OpExportDataKey Operation = "ExportDataKey"

// ExportDataKeyRequest decrypts a data key, and encrypts it for the owner of an RSA or SM2 key. It amounts to
// decryption, since the caller chooses that key.
type ExportDataKeyRequest struct {
	answers[ExportDataKeyResponse]
	// CiphertextBlob is an encrypted data key.
	CiphertextBlob    string
	EncryptionContext EncryptionContext
	// PublicKeyBlob is base64 of a DER SubjectPublicKeyInfo: a PEM file without its first and last line.
	PublicKeyBlob string
	// WrappingKeySpec is [WrappingKeySpecRSA2048] or [WrappingKeySpecSM2].
	WrappingKeySpec string
	// WrappingAlgorithm is [WrapOAEPSHA256] or [WrapOAEPSHA1] with an RSA key, and [WrapSM2PKE] with an SM2 key.
	WrappingAlgorithm string
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpExportDataKey].
func (*ExportDataKeyRequest) Operation() Operation { return OpExportDataKey }

func (r *ExportDataKeyRequest) visit(v visitor) {
	v.str(Rule{Name: "CiphertextBlob", Required: true}, &r.CiphertextBlob)
	v.context(contextRule, &r.EncryptionContext)
	v.str(publicKeyBlob, &r.PublicKeyBlob)
	v.str(wrappingKeySpec, &r.WrappingKeySpec)
	v.str(exportAlgorithm, &r.WrappingAlgorithm)
	v.boolean(dryRun, &r.DryRun)
}

// ExportDataKeyResponse holds the data key under the caller's public key, and the CMK that decrypted it.
type ExportDataKeyResponse struct {
	Reply
	KeyId        string
	KeyVersionId string
	// ExportedDataKey is base64 of the encrypted bytes of the data key, not of their base64.
	ExportedDataKey string
}

// OpGenerateAndExportDataKey is GenerateAndExportDataKey.
const OpGenerateAndExportDataKey Operation = "GenerateAndExportDataKey"

// GenerateAndExportDataKeyRequest makes a data key, and encrypts it twice: with a CMK, and for the owner of an RSA or
// SM2 key.
type GenerateAndExportDataKeyRequest struct {
	answers[GenerateAndExportDataKeyResponse]
	// KeyId is the CMK's id or an alias.
	KeyId string
	// KeySpec is [DataKeyAES256] or [DataKeyAES128].
	KeySpec string
	// NumberOfBytes wins over KeySpec; 0 means that KeySpec says the length. An RSA key of 2048 bits takes up to 190
	// bytes with [WrapOAEPSHA256], and up to 214 with [WrapOAEPSHA1].
	NumberOfBytes     int
	EncryptionContext EncryptionContext
	// PublicKeyBlob is base64 of a DER SubjectPublicKeyInfo: a PEM file without its first and last line.
	PublicKeyBlob string
	// WrappingKeySpec is [WrappingKeySpecRSA2048] or [WrappingKeySpecSM2].
	WrappingKeySpec string
	// WrappingAlgorithm is [WrapOAEPSHA256] or [WrapOAEPSHA1] with an RSA key, and [WrapSM2PKE] with an SM2 key.
	WrappingAlgorithm string
	// DryRun only asks how the request would end: see [ErrDryRunOperation].
	DryRun bool
}

// Operation returns [OpGenerateAndExportDataKey].
func (*GenerateAndExportDataKeyRequest) Operation() Operation { return OpGenerateAndExportDataKey }

func (r *GenerateAndExportDataKeyRequest) visit(v visitor) {
	v.str(keyID, &r.KeyId)
	v.str(dataKeySpec, &r.KeySpec)
	v.integer(dataKeyBytes, &r.NumberOfBytes)
	v.context(contextRule, &r.EncryptionContext)
	v.str(publicKeyBlob, &r.PublicKeyBlob)
	v.str(wrappingKeySpec, &r.WrappingKeySpec)
	v.str(exportAlgorithm, &r.WrappingAlgorithm)
	v.boolean(dryRun, &r.DryRun)
}

// GenerateAndExportDataKeyResponse holds a data key twice, encrypted both times. Decrypt of CiphertextBlob returns its
// base64.
type GenerateAndExportDataKeyResponse struct {
	Reply
	KeyId          string
	KeyVersionId   string
	CiphertextBlob string
	// ExportedDataKey is base64 of the encrypted bytes of the data key, not of their base64.
	ExportedDataKey string
}
