package sdk

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// aKey is a key with what requests about it need.
type aKey struct {
	id, version, alias, blob string
	// creator is its account, and instance a KMS instance of that account.
	creator, instance string
}

// requestsAbout makes a request of every operation, about a key where there is one.
var requestsAbout = map[kmsapi.Operation]func(key aKey) kmsapi.Request{
	kmsapi.OpCreateKey: func(key aKey) kmsapi.Request {
		return &kmsapi.CreateKeyRequest{DKMSInstanceId: key.instance}
	},
	kmsapi.OpGetParametersForImport: func(key aKey) kmsapi.Request {
		return &kmsapi.GetParametersForImportRequest{
			KeyId: key.id, WrappingAlgorithm: kmsapi.WrapOAEPSHA256, WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048,
		}
	},
	kmsapi.OpImportKeyMaterial: func(key aKey) kmsapi.Request {
		return &kmsapi.ImportKeyMaterialRequest{KeyId: key.id, EncryptedKeyMaterial: "bm9uZQ==", ImportToken: "bm9uZQ=="}
	},
	kmsapi.OpEnableKey:  func(key aKey) kmsapi.Request { return &kmsapi.EnableKeyRequest{KeyId: key.id} },
	kmsapi.OpDisableKey: func(key aKey) kmsapi.Request { return &kmsapi.DisableKeyRequest{KeyId: key.id} },
	kmsapi.OpScheduleKeyDeletion: func(key aKey) kmsapi.Request {
		return &kmsapi.ScheduleKeyDeletionRequest{KeyId: key.id, PendingWindowInDays: 7}
	},
	kmsapi.OpCancelKeyDeletion: func(key aKey) kmsapi.Request { return &kmsapi.CancelKeyDeletionRequest{KeyId: key.id} },
	kmsapi.OpDeleteKeyMaterial: func(key aKey) kmsapi.Request { return &kmsapi.DeleteKeyMaterialRequest{KeyId: key.id} },
	kmsapi.OpDescribeKey:       func(key aKey) kmsapi.Request { return &kmsapi.DescribeKeyRequest{KeyId: key.id} },
	kmsapi.OpListKeys:          func(aKey) kmsapi.Request { return &kmsapi.ListKeysRequest{} },
	kmsapi.OpEncrypt: func(key aKey) kmsapi.Request {
		return &kmsapi.EncryptRequest{KeyId: key.alias, Plaintext: kmsapi.NewSecret("text")}
	},
	kmsapi.OpGenerateDataKey: func(key aKey) kmsapi.Request { return &kmsapi.GenerateDataKeyRequest{KeyId: key.id} },
	kmsapi.OpDecrypt:         func(key aKey) kmsapi.Request { return &kmsapi.DecryptRequest{CiphertextBlob: key.blob} },
	kmsapi.OpGenerateDataKeyWithoutPlaintext: func(key aKey) kmsapi.Request {
		return &kmsapi.GenerateDataKeyWithoutPlaintextRequest{KeyId: key.id}
	},
	kmsapi.OpExportDataKey: func(key aKey) kmsapi.Request {
		return &kmsapi.ExportDataKeyRequest{
			CiphertextBlob: key.blob, PublicKeyBlob: module.blob,
			WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048, WrappingAlgorithm: kmsapi.WrapOAEPSHA256,
		}
	},
	kmsapi.OpGenerateAndExportDataKey: func(key aKey) kmsapi.Request {
		return &kmsapi.GenerateAndExportDataKeyRequest{
			KeyId: key.id, PublicKeyBlob: module.blob,
			WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048, WrappingAlgorithm: kmsapi.WrapOAEPSHA1,
		}
	},
	kmsapi.OpReEncrypt: func(key aKey) kmsapi.Request {
		return &kmsapi.ReEncryptRequest{CiphertextBlob: key.blob, DestinationKeyId: key.id}
	},
	kmsapi.OpCreateAlias: func(key aKey) kmsapi.Request {
		return &kmsapi.CreateAliasRequest{AliasName: newAlias(), KeyId: key.id}
	},
	kmsapi.OpUpdateAlias: func(key aKey) kmsapi.Request {
		return &kmsapi.UpdateAliasRequest{AliasName: key.alias, KeyId: key.id}
	},
	kmsapi.OpDeleteAlias: func(key aKey) kmsapi.Request { return &kmsapi.DeleteAliasRequest{AliasName: key.alias} },
	kmsapi.OpListAliases: func(aKey) kmsapi.Request { return &kmsapi.ListAliasesRequest{} },
	kmsapi.OpListAliasesByKeyId: func(key aKey) kmsapi.Request {
		return &kmsapi.ListAliasesByKeyIdRequest{KeyId: key.id}
	},
	kmsapi.OpTagResource: func(key aKey) kmsapi.Request {
		return &kmsapi.TagResourceRequest{KeyId: key.id, Tags: kmsapi.Tags{{TagKey: "team", TagValue: "payroll"}}}
	},
	kmsapi.OpUntagResource: func(key aKey) kmsapi.Request {
		return &kmsapi.UntagResourceRequest{KeyId: key.id, TagKeys: kmsapi.TagKeys{"team"}}
	},
	kmsapi.OpListResourceTags: func(key aKey) kmsapi.Request {
		return &kmsapi.ListResourceTagsRequest{KeyId: key.id}
	},
	kmsapi.OpDescribeRegions: func(aKey) kmsapi.Request { return &kmsapi.DescribeRegionsRequest{} },
	kmsapi.OpUpdateKeyDescription: func(key aKey) kmsapi.Request {
		return &kmsapi.UpdateKeyDescriptionRequest{KeyId: key.id, Description: "payroll"}
	},
	kmsapi.OpSetDeletionProtection: func(key aKey) kmsapi.Request {
		return &kmsapi.SetDeletionProtectionRequest{KeyId: key.id, EnableDeletionProtection: true}
	},
	kmsapi.OpTagResources: func(key aKey) kmsapi.Request {
		return &kmsapi.TagResourcesRequest{
			ResourceType: "key", ResourceIds: []string{key.id}, Tags: kmsapi.Tags{{TagKey: "team", TagValue: "payroll"}},
		}
	},
	kmsapi.OpUntagResources: func(key aKey) kmsapi.Request {
		return &kmsapi.UntagResourcesRequest{ResourceType: "key", ResourceIds: []string{key.id}, All: true}
	},
	kmsapi.OpListTagResources: func(key aKey) kmsapi.Request {
		return &kmsapi.ListTagResourcesRequest{ResourceType: "key", ResourceIds: []string{key.id}}
	},
	kmsapi.OpDescribeAccountKmsStatus: func(aKey) kmsapi.Request { return &kmsapi.DescribeAccountKmsStatusRequest{} },
	kmsapi.OpOpenKmsService:           func(aKey) kmsapi.Request { return &kmsapi.OpenKmsServiceRequest{} },
	kmsapi.OpGetKmsInstance: func(key aKey) kmsapi.Request {
		return &kmsapi.GetKmsInstanceRequest{KmsInstanceId: key.instance}
	},
	kmsapi.OpListKmsInstances:      func(aKey) kmsapi.Request { return &kmsapi.ListKmsInstancesRequest{} },
	kmsapi.OpGetDefaultKmsInstance: func(aKey) kmsapi.Request { return &kmsapi.GetDefaultKmsInstanceRequest{} },
	kmsapi.OpCreateKeyVersion: func(key aKey) kmsapi.Request {
		return &kmsapi.CreateKeyVersionRequest{KeyId: key.id}
	},
	kmsapi.OpDescribeKeyVersion: func(key aKey) kmsapi.Request {
		return &kmsapi.DescribeKeyVersionRequest{KeyId: key.id, KeyVersionId: key.version}
	},
	kmsapi.OpListKeyVersions: func(key aKey) kmsapi.Request {
		return &kmsapi.ListKeyVersionsRequest{KeyId: key.id}
	},
	kmsapi.OpUpdateRotationPolicy: func(key aKey) kmsapi.Request {
		return &kmsapi.UpdateRotationPolicyRequest{KeyId: key.id}
	},
	kmsapi.OpGetKeyPolicy: func(key aKey) kmsapi.Request { return &kmsapi.GetKeyPolicyRequest{KeyId: key.id} },
	// The key is symmetric, so these are refused.
	kmsapi.OpGetPublicKey: func(key aKey) kmsapi.Request {
		return &kmsapi.GetPublicKeyRequest{KeyId: key.id, KeyVersionId: "v"}
	},
	kmsapi.OpAsymmetricSign: func(key aKey) kmsapi.Request {
		return &kmsapi.AsymmetricSignRequest{
			KeyId: key.id, KeyVersionId: "v", Algorithm: kmsapi.SignECDSA, Digest: messageDigest,
		}
	},
	kmsapi.OpAsymmetricVerify: func(key aKey) kmsapi.Request {
		return &kmsapi.AsymmetricVerifyRequest{
			KeyId: key.id, KeyVersionId: "v", Algorithm: kmsapi.SignECDSA, Digest: messageDigest, Value: "eA==",
		}
	},
	kmsapi.OpAsymmetricEncrypt: func(key aKey) kmsapi.Request {
		return &kmsapi.AsymmetricEncryptRequest{
			KeyId: key.id, KeyVersionId: "v", Algorithm: kmsapi.EncryptOAEPSHA256, Plaintext: kmsapi.NewSecret("eA=="),
		}
	},
	kmsapi.OpAsymmetricDecrypt: func(key aKey) kmsapi.Request {
		return &kmsapi.AsymmetricDecryptRequest{
			KeyId: key.id, KeyVersionId: "v", Algorithm: kmsapi.EncryptOAEPSHA256, CiphertextBlob: "eA==",
		}
	},
	kmsapi.OpSetKeyPolicy: func(key aKey) kmsapi.Request {
		return &kmsapi.SetKeyPolicyRequest{KeyId: key.id, Policy: defaultPolicy(key.creator)}
	},
	kmsapi.OpCreateSecret: func(key aKey) kmsapi.Request { return secretOf("new-of-", key) },
	kmsapi.OpPutSecretValue: func(key aKey) kmsapi.Request {
		return &kmsapi.PutSecretValueRequest{
			SecretName: "of-" + key.id, VersionId: "v2", SecretData: kmsapi.NewSecret("two"),
		}
	},
	kmsapi.OpGetSecretValue: func(key aKey) kmsapi.Request {
		return &kmsapi.GetSecretValueRequest{SecretName: "of-" + key.id}
	},
	kmsapi.OpDescribeSecret: func(key aKey) kmsapi.Request {
		return &kmsapi.DescribeSecretRequest{SecretName: "of-" + key.id}
	},
	kmsapi.OpListSecrets: func(aKey) kmsapi.Request { return &kmsapi.ListSecretsRequest{} },
	kmsapi.OpListSecretVersionIds: func(key aKey) kmsapi.Request {
		return &kmsapi.ListSecretVersionIdsRequest{SecretName: "of-" + key.id}
	},
	kmsapi.OpUpdateSecret: func(key aKey) kmsapi.Request {
		return &kmsapi.UpdateSecretRequest{SecretName: "of-" + key.id, Description: "payroll"}
	},
	kmsapi.OpUpdateSecretVersionStage: func(key aKey) kmsapi.Request {
		return &kmsapi.UpdateSecretVersionStageRequest{
			SecretName: "of-" + key.id, VersionStage: "next", MoveToVersion: "v1",
		}
	},
	kmsapi.OpDeleteSecret: func(key aKey) kmsapi.Request {
		return &kmsapi.DeleteSecretRequest{SecretName: "of-" + key.id}
	},
	kmsapi.OpRestoreSecret: func(key aKey) kmsapi.Request {
		return &kmsapi.RestoreSecretRequest{SecretName: "of-" + key.id}
	},
	kmsapi.OpRotateSecret: func(key aKey) kmsapi.Request {
		return &kmsapi.RotateSecretRequest{SecretName: "of-" + key.id, VersionId: "v2"}
	},
	kmsapi.OpUpdateSecretRotationPolicy: func(key aKey) kmsapi.Request {
		return &kmsapi.UpdateSecretRotationPolicyRequest{SecretName: "of-" + key.id}
	},
	kmsapi.OpGetSecretPolicy: func(key aKey) kmsapi.Request {
		return &kmsapi.GetSecretPolicyRequest{SecretName: "of-" + key.id}
	},
	kmsapi.OpSetSecretPolicy: func(key aKey) kmsapi.Request {
		return &kmsapi.SetSecretPolicyRequest{SecretName: "of-" + key.id, Policy: defaultPolicy(key.creator)}
	},
	kmsapi.OpGetRandomPassword: func(aKey) kmsapi.Request { return &kmsapi.GetRandomPasswordRequest{} },
}

// secretOf makes a secret that a key encrypts.
func secretOf(prefix string, key aKey) *kmsapi.CreateSecretRequest {
	return &kmsapi.CreateSecretRequest{
		SecretName: prefix + key.id, VersionId: "v1", SecretData: kmsapi.NewSecret("one"), EncryptionKeyId: key.id,
	}
}

// refusalBefore is how a request is refused for its content, over the shared gateway: the key of the matrix is enabled
// and has material of KMS's own.
var refusalBefore = map[kmsapi.Operation]*kmsapi.Error{
	kmsapi.OpGetParametersForImport: kmsapi.ErrUnsupportedOrigin,
	kmsapi.OpImportKeyMaterial:      kmsapi.ErrUnsupportedOrigin,
	kmsapi.OpDeleteKeyMaterial:      kmsapi.ErrUnsupportedOrigin,
	kmsapi.OpCancelKeyDeletion:      kmsapi.ErrStateModifiedFailed,
	kmsapi.OpGetPublicKey:           kmsapi.ErrUnsupportedOperation,
	kmsapi.OpAsymmetricSign:         kmsapi.ErrUnsupportedOperation,
	kmsapi.OpAsymmetricVerify:       kmsapi.ErrUnsupportedOperation,
	kmsapi.OpAsymmetricEncrypt:      kmsapi.ErrUnsupportedOperation,
	kmsapi.OpAsymmetricDecrypt:      kmsapi.ErrUnsupportedOperation,
	kmsapi.OpRestoreSecret:          kmsapi.ErrResourceInUse,
	kmsapi.OpRotateSecret:           kmsapi.ErrRejectedUnsupportedOperation,
}

// refusalOutside is how a request about a key that is in no instance is refused.
var refusalOutside = map[kmsapi.Operation]*kmsapi.Error{
	kmsapi.OpGetKeyPolicy:    kmsapi.ErrResourceNotFound,
	kmsapi.OpSetKeyPolicy:    kmsapi.ErrResourceNotFound,
	kmsapi.OpGetSecretPolicy: kmsapi.ErrResourceNotFound,
	kmsapi.OpSetSecretPolicy: kmsapi.ErrResourceNotFound,
}

// outcome is what the matrix expects of an operation over the gateway of an instance, or over the shared one if that is
// empty, about a key of an instance, or of none.
func outcome(op kmsapi.Operation, gateway, instance string) *kmsapi.Error {
	data := op.Plane() == kmsapi.DataPlane
	switch {
	case gateway != "" && !data:
		return kmsapi.ErrInvalidAPIName
	case gateway != "" && gateway != instance && op.Resource() == kmsapi.NamedSecret:
		return kmsapi.ErrResourceNotFound
	case gateway != "" && gateway != instance:
		return kmsapi.ErrKeyNotFound
	case instance == "" && refusalOutside[op] != nil:
		return refusalOutside[op]
	case op.Resource() == kmsapi.NamedSecret: // The shared gateway serves the secrets of every instance.
		return refusalBefore[op]
	case gateway == "" && op.Plane() != kmsapi.ControlPlane && instance == private:
		return kmsapi.ErrUnsupportedOperation
	default:
		return refusalBefore[op]
	}
}

func TestEveryOperationOverEveryGatewayAboutEveryKey(t *testing.T) {
	for _, m := range []matrix{
		{
			shared: cloud, home: software,
			gateways: []string{"", software, hardware, private}, keys: []string{software, hardware, private},
		},
		{shared: dev, home: devInstance, gateways: []string{"", devInstance}, keys: []string{devInstance, ""}},
	} {
		m.callers = map[string]caller{}
		for _, gateway := range m.gateways {
			m.callers[gateway] = ourOwn.dial(t, m.at(gateway), m.shared.access)
		}
		for _, op := range kmsapi.Operations() {
			for _, gateway := range m.gateways {
				for _, instance := range m.keys {
					t.Run(fmt.Sprintf("%s over %q about a key of %q", op, gateway, instance), func(t *testing.T) {
						m.try(t, op, gateway, instance)
					})
				}
			}
		}
	}
}

// matrix is a service with its gateways, and with the instances that it has keys in. home is one of them.
type matrix struct {
	shared         *service
	home           string
	gateways, keys []string
	// callers call the gateways.
	callers map[string]caller
}

func (m matrix) try(t *testing.T, op kmsapi.Operation, gateway, instance string) {
	key := m.newKey(t, instance)
	if op.Resource() == kmsapi.NamedSecret {
		made := secretOf("of-", key)
		require.NoError(t, m.callers[""].call(made, made.NewResponse()))
	}
	request := requestsAbout[op](key)
	err := m.callers[gateway].call(request, request.NewResponse())
	if want := outcome(op, gateway, instance); want != nil {
		require.ErrorIs(t, err, want)
		return
	}
	require.NoError(t, err)
}

// at is the gateway of an instance, or the shared one.
func (m matrix) at(instance string) *service {
	switch instance {
	case "":
		return m.shared
	case devInstance:
		return devGateway
	default:
		return gateways[instance]
	}
}

func (m matrix) newKey(t *testing.T, instance string) aKey {
	t.Helper()
	p := player{T: t, dialect: ourOwn, caller: m.callers[""]}
	made, name := p.newKey(kmsapi.CreateKeyRequest{DKMSInstanceId: instance}), newAlias()
	p.must(&kmsapi.CreateAliasRequest{AliasName: name, KeyId: made.KeyId})
	p.caller = m.callers[instance]
	blob := p.encrypt(made.KeyId, "text", nil).CiphertextBlob
	return aKey{
		id: made.KeyId, version: made.PrimaryKeyVersion, alias: name, blob: blob,
		creator: made.Creator, instance: m.home,
	}
}
