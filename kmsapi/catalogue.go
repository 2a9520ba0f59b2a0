package kmsapi

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// An operationRow is all that is known of one operation. Everything that depends on the operation derives from its row:
// what the client repeats and checks, what the service allows, counts and refuses, what callers need in RAM.
type operationRow struct {
	request func() Request
	section string
	// once marks operations that must not run twice; see [Operation.Repeatable].
	once     bool
	plane    Plane
	rate     RateClass
	resource Resource
	// actions of RAM; if there are none, it is the one called like the operation.
	actions []string
	// keys are the parameters that name the keys of an operation of several: actions has one for each, in the same order.
	keys []string
	// keyAction is the action of RAM that is needed on the key that encrypts the secret, if the operation uses it.
	keyAction string
	states    states
	// uses is the kind of key that the operation works with.
	uses KeyKind
	// externalOnly marks operations for keys of origin EXTERNAL.
	externalOnly bool
	// required are the fields that no answer may lack.
	required fields
}

// The cells of the table of key states.
var (
	ok              *Error
	rejDisabled     = ErrRejectedDisabled
	rejPendDeletion = ErrRejectedPendingDeletion
	rejPendImport   = ErrRejectedPendingImport
	modifyFailed    = ErrStateModifiedFailed
)

// Rows of the table that several operations share: in the states Enabled, Disabled, PendingDeletion, PendingImport.
var (
	inAnyState     = states{ok, ok, ok, ok}
	whenEnabled    = states{ok, rejDisabled, rejPendDeletion, rejPendImport}
	unlessPending  = states{ok, ok, modifyFailed, modifyFailed}
	unlessDeletion = states{ok, ok, modifyFailed, ok}
	unlessRejected = states{ok, ok, rejPendDeletion, ok}
	unlessImport   = states{ok, ok, ok, rejPendImport}
	whenPending    = states{modifyFailed, modifyFailed, ok, modifyFailed}
)

// operationRows has a row for each operation, in the order of the reference (§4).
var operationRows = []operationRow{
	{
		request: request[CreateKeyRequest], section: "§4.1", once: true, rate: RateCreateKey, resource: AllKeys,
		states: inAnyState, required: holds[CreateKeyResponse]("KeyMetadata.KeyId"),
	},
	{
		request: request[GetParametersForImportRequest], section: "§4.2", rate: RateWrite, resource: NamedKey,
		states: inAnyState, externalOnly: true, required: holds[GetParametersForImportResponse]("ImportToken", "PublicKey"),
	},
	{
		request: request[ImportKeyMaterialRequest], section: "§4.3", rate: RateWrite, resource: NamedKey,
		states: unlessDeletion, externalOnly: true,
	},
	{request: request[EnableKeyRequest], section: "§4.4", rate: RateWrite, resource: NamedKey, states: unlessPending},
	{request: request[DisableKeyRequest], section: "§4.5", rate: RateWrite, resource: NamedKey, states: unlessPending},
	{
		request: request[ScheduleKeyDeletionRequest], section: "§4.6", once: true, rate: RateWrite, resource: NamedKey,
		states: unlessDeletion,
	},
	{
		request: request[CancelKeyDeletionRequest], section: "§4.7", once: true, rate: RateWrite, resource: NamedKey,
		states: whenPending,
	},
	{
		request: request[DeleteKeyMaterialRequest], section: "§4.8", rate: RateWrite, resource: NamedKey,
		states: inAnyState, externalOnly: true,
	},
	{
		request: request[DescribeKeyRequest], section: "§4.9", rate: RateRead, resource: NamedKey,
		states: inAnyState, required: holds[DescribeKeyResponse]("KeyMetadata.KeyId"),
	},
	{request: request[ListKeysRequest], section: "§4.10", rate: RateRead, resource: AllKeys, states: inAnyState},
	{
		request: request[EncryptRequest], section: "§4.11", plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey, required: holds[EncryptResponse]("CiphertextBlob"),
	},
	{
		request: request[GenerateDataKeyRequest], section: "§4.12", plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey, required: holds[GenerateDataKeyResponse]("CiphertextBlob", "Plaintext"),
	},
	{
		request: request[DecryptRequest], section: "§4.13", plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey, required: holds[DecryptResponse]("KeyId", "Plaintext"),
	},
	{
		request: request[CreateAliasRequest], section: "§4.14", once: true, rate: RateWrite, resource: NamedKey,
		states: unlessDeletion,
	},
	// The key that the alias is to name. The state of the one that it named before does not matter.
	{
		request: request[UpdateAliasRequest], section: "§4.15", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{
		request: request[DeleteAliasRequest], section: "§4.16", once: true, rate: RateWrite, resource: NamedKey,
		states: inAnyState,
	},
	{request: request[ListAliasesRequest], section: "§4.17", rate: RateRead, resource: AllAliases, states: inAnyState},
	{
		request: request[ListAliasesByKeyIdRequest], section: "§4.18", rate: RateRead, resource: NamedKey,
		states: inAnyState,
	},
	{
		request: request[TagResourceRequest], section: "§4.19", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{
		request: request[UntagResourceRequest], section: "§4.20", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{
		request: request[ListResourceTagsRequest], section: "§4.21", rate: RateListTags, resource: NamedKey,
		states: inAnyState,
	},
	{
		request: request[DescribeRegionsRequest], section: "§4.22", rate: RateRead, resource: NoResource,
		states: inAnyState,
	},
	// Later publications, which have a page an operation.
	{
		request: request[GenerateDataKeyWithoutPlaintextRequest], section: "GenerateDataKeyWithoutPlaintext",
		plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey, required: holds[GenerateDataKeyWithoutPlaintextResponse]("CiphertextBlob"),
	},
	{
		request: request[ExportDataKeyRequest], section: "ExportDataKey",
		plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey, required: holds[ExportDataKeyResponse]("KeyId", "ExportedDataKey"),
	},
	{
		request: request[GenerateAndExportDataKeyRequest], section: "GenerateAndExportDataKey",
		plane: DataPlane, rate: RateCrypto, resource: NamedKey,
		states: whenEnabled, uses: SymmetricKey,
		required: holds[GenerateAndExportDataKeyResponse]("CiphertextBlob", "ExportedDataKey"),
	},
	// The states are those of both keys, and uses is the kind of the one that encrypts.
	{
		request: request[ReEncryptRequest], section: "ReEncrypt", plane: SharedDataPlane, rate: RateReEncrypt,
		resource: NamedKey, actions: []string{"kms:ReEncryptFrom", "kms:ReEncryptTo"},
		keys:   []string{reEncryptSource, reEncryptDestination},
		states: whenEnabled, uses: SymmetricKey, required: holds[ReEncryptResponse]("KeyId", "CiphertextBlob"),
	},
	{
		request: request[GetKmsInstanceRequest], section: "GetKmsInstance", rate: RateInstances, resource: NamedInstance,
		states: inAnyState, required: holds[GetKmsInstanceResponse]("KmsInstance.InstanceId"),
	},
	{
		request: request[ListKmsInstancesRequest], section: "ListKmsInstances", rate: RateInstances, resource: AllInstances,
		states: inAnyState,
	},
	{
		request: request[GetDefaultKmsInstanceRequest], section: "GetDefaultKmsInstance", rate: RateInstances,
		resource: AllInstances,
		states:   inAnyState,
	},
	{
		request: request[GetKeyPolicyRequest], section: "GetKeyPolicy", rate: RateRead, resource: NamedKey,
		states: inAnyState,
	},
	{
		request: request[SetKeyPolicyRequest], section: "SetKeyPolicy", rate: RateWrite, resource: NamedKey,
		states: inAnyState,
	},
	{
		request: request[CreateKeyVersionRequest], section: "CreateKeyVersion", once: true, rate: RateWrite,
		resource: NamedKey,
		states:   whenEnabled, required: holds[CreateKeyVersionResponse]("KeyVersion.KeyVersionId"),
	},
	{
		request: request[DescribeKeyVersionRequest], section: "DescribeKeyVersion", rate: RateRead, resource: NamedKey,
		states: inAnyState, required: holds[DescribeKeyVersionResponse]("KeyVersion.KeyVersionId"),
	},
	{
		request: request[ListKeyVersionsRequest], section: "ListKeyVersions", rate: RateRead, resource: NamedKey,
		states: inAnyState,
	},
	{
		request: request[UpdateRotationPolicyRequest], section: "UpdateRotationPolicy", rate: RateWrite,
		resource: NamedKey,
		states:   whenEnabled,
	},
	{
		request: request[GetPublicKeyRequest], section: "GetPublicKey", plane: DataPlane, rate: RateRead,
		resource: NamedKey,
		states:   unlessImport, uses: KeyPair, required: holds[GetPublicKeyResponse]("PublicKey"),
	},
	{
		request: request[AsymmetricSignRequest], section: "AsymmetricSign", plane: DataPlane, rate: RateAsymmetric,
		resource: NamedKey,
		states:   whenEnabled, uses: SigningKey, required: holds[AsymmetricSignResponse]("Value"),
	},
	{
		request: request[AsymmetricVerifyRequest], section: "AsymmetricVerify", plane: DataPlane, rate: RateAsymmetric,
		resource: NamedKey,
		states:   whenEnabled, uses: SigningKey,
	},
	{
		request: request[AsymmetricEncryptRequest], section: "AsymmetricEncrypt", plane: DataPlane, rate: RateAsymmetric,
		resource: NamedKey,
		states:   whenEnabled, uses: DecryptingKey, required: holds[AsymmetricEncryptResponse]("CiphertextBlob"),
	},
	{
		request: request[AsymmetricDecryptRequest], section: "AsymmetricDecrypt", plane: DataPlane, rate: RateAsymmetric,
		resource: NamedKey,
		states:   whenEnabled, uses: DecryptingKey, required: holds[AsymmetricDecryptResponse]("KeyId"),
	},
	{
		request: request[UpdateKeyDescriptionRequest], section: "UpdateKeyDescription", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{
		request: request[SetDeletionProtectionRequest], section: "SetDeletionProtection", rate: RateWrite,
		resource: NamedKey,
		states:   unlessRejected,
	},
	{
		request: request[TagResourcesRequest], section: "TagResources", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{
		request: request[UntagResourcesRequest], section: "UntagResources", rate: RateWrite, resource: NamedKey,
		states: unlessRejected,
	},
	{
		request: request[ListTagResourcesRequest], section: "ListTagResources", rate: RateListTags, resource: NamedKey,
		states: inAnyState,
	},
	{
		request: request[DescribeAccountKmsStatusRequest], section: "DescribeAccountKmsStatus", rate: RateRead,
		resource: NoResource,
		states:   inAnyState, required: holds[DescribeAccountKmsStatusResponse]("AccountStatus"),
	},
	{
		request: request[OpenKmsServiceRequest], section: "OpenKmsService", rate: RateWrite, resource: NoResource,
		states: inAnyState,
	},
	// Secrets. The states are those of the key that encrypts a secret, and uses is its kind.
	{
		request: request[CreateSecretRequest], section: "CreateSecret", once: true, rate: RateSecretWrite,
		resource: AllSecrets, keyAction: "kms:GenerateDataKey",
		states: whenEnabled, uses: SymmetricKey, required: holds[CreateSecretResponse]("SecretName", "VersionId"),
	},
	{
		request: request[PutSecretValueRequest], section: "PutSecretValue", rate: RateSecretWrite,
		resource: NamedSecret, keyAction: "kms:GenerateDataKey",
		states: whenEnabled, uses: SymmetricKey, required: holds[PutSecretValueResponse]("VersionId"),
	},
	{
		request: request[GetSecretValueRequest], section: "GetSecretValue", plane: DataPlane, rate: RateSecretValue,
		resource: NamedSecret, keyAction: "kms:Decrypt",
		states: whenEnabled, uses: SymmetricKey, required: holds[GetSecretValueResponse]("VersionId", "SecretData"),
	},
	{
		request: request[DescribeSecretRequest], section: "DescribeSecret", rate: RateSecretRead, resource: NamedSecret,
		states: inAnyState, required: holds[DescribeSecretResponse]("SecretName"),
	},
	{
		request: request[ListSecretsRequest], section: "ListSecrets", rate: RateSecretRead, resource: AllSecrets,
		states: inAnyState,
	},
	{
		request: request[ListSecretVersionIdsRequest], section: "ListSecretVersionIds", rate: RateSecretRead,
		resource: NamedSecret,
		states:   inAnyState,
	},
	{
		request: request[UpdateSecretRequest], section: "UpdateSecret", rate: RateSecretWrite, resource: NamedSecret,
		states: inAnyState,
	},
	{
		request: request[UpdateSecretVersionStageRequest], section: "UpdateSecretVersionStage", once: true,
		rate: RateSecretWrite, resource: NamedSecret,
		states: inAnyState,
	},
	{
		request: request[DeleteSecretRequest], section: "DeleteSecret", once: true, rate: RateSecretWrite,
		resource: NamedSecret,
		states:   inAnyState, required: holds[DeleteSecretResponse]("PlannedDeleteTime"),
	},
	{
		request: request[RestoreSecretRequest], section: "RestoreSecret", once: true, rate: RateSecretWrite,
		resource: NamedSecret,
		states:   inAnyState,
	},
	{
		request: request[RotateSecretRequest], section: "RotateSecret", once: true, rate: RateSecretWrite,
		resource: NamedSecret,
		states:   inAnyState,
	},
	{
		request: request[UpdateSecretRotationPolicyRequest], section: "UpdateSecretRotationPolicy", rate: RateSecretWrite,
		resource: NamedSecret,
		states:   inAnyState,
	},
	{
		request: request[GetSecretPolicyRequest], section: "GetSecretPolicy", rate: RateSecretRead, resource: NamedSecret,
		states: inAnyState,
	},
	{
		request: request[SetSecretPolicyRequest], section: "SetSecretPolicy", rate: RateSecretWrite,
		resource: NamedSecret,
		states:   inAnyState,
	},
	{
		request: request[GetRandomPasswordRequest], section: "GetRandomPassword", rate: RateSecretRead,
		resource: NoResource,
		states:   inAnyState, required: holds[GetRandomPasswordResponse]("RandomPassword"),
	},
}

// catalogue has the rows by operation. It is never changed.
var catalogue = func() map[Operation]*operationRow {
	byName := make(map[Operation]*operationRow, len(operationRows))
	for i := range operationRows {
		row := &operationRows[i]
		name := row.request().Operation()
		if len(row.actions) == 0 {
			row.actions = []string{"kms:" + string(name)}
		}
		byName[name] = row
	}
	return byName
}()

// Operations returns every operation of the catalogue, in the order of the reference (§4).
func Operations() []Operation {
	all := make([]Operation, 0, len(operationRows))
	for _, row := range operationRows {
		all = append(all, row.request().Operation())
	}
	return all
}

// request makes an empty request of type T.
func request[T any, P interface {
	*T
	Request
}]() Request {
	return P(new(T))
}

// fields are the places of fields in an answer.
type fields []field

type field struct {
	name  string
	index []int
}

// holds finds the fields of A that names lead to, such as "KeyMetadata.KeyId".
func holds[A any](names ...string) (found fields) {
	for _, name := range names {
		t, index := reflect.TypeFor[A](), []int(nil)
		for part := range strings.SplitSeq(name, ".") {
			f, exists := t.FieldByName(part)
			if !exists {
				panic(fmt.Sprintf("kmsapi: internal error: %s has no field %s", t, part))
			}
			t, index = f.Type, slices.Concat(index, f.Index)
		}
		found = append(found, field{name, index})
	}
	return found
}

// missing returns the first field that is zero in answer.
func (f fields) missing(answer Response) string {
	if len(f) == 0 {
		return ""
	}
	value := reflect.ValueOf(answer).Elem()
	for _, field := range f {
		if value.FieldByIndex(field.index).IsZero() {
			return field.name
		}
	}
	return ""
}
