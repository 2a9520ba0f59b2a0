package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// stateTable is chapter 2 of the reference as published: its table, the rule for UpdateAlias (by the state of the key
// that the alias names afterwards), and the table for external keys. Rows from later publications follow, and our own
// for DescribeRegions.
const stateTable = `
API	Enabled	Disabled	PendingDeletion	PendingImport
CreateKey	Success	Success	Success	Success
GenerateDataKey	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
Encrypt	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
Decrypt	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
ListKeys	Success	Success	Success	Success
DescribeKey	Success	Success	Success	Success
EnableKey	Success	Success	Rejected.StateModifiedFailed	Rejected.StateModifiedFailed
DisableKey	Success	Success	Rejected.StateModifiedFailed	Rejected.StateModifiedFailed
ScheduleKeyDeletion	Success	Success	Rejected.StateModifiedFailed	Success
CancelKeyDeletion	Rejected.StateModifiedFailed	Rejected.StateModifiedFailed	Success	Rejected.StateModifiedFailed
CreateAlias	Success	Success	Rejected.StateModifiedFailed	Success
DeleteAlias	Success	Success	Success	Success
ListAliases	Success	Success	Success	Success

UpdateAlias	Success	Success	Rejected.PendingDeletion	Success

GetParametersForImport	Success	Success	Success	Success
ImportKeyMaterial	Success	Success	Rejected.StateModifiedFailed	Success
DeleteKeyMaterial	Success	Success	Success	Success

ListAliasesByKeyId	Success	Success	Success	Success
TagResource	Success	Success	Rejected.PendingDeletion	Success
UntagResource	Success	Success	Rejected.PendingDeletion	Success
ListResourceTags	Success	Success	Success	Success
GenerateDataKeyWithoutPlaintext	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
ExportDataKey	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
GenerateAndExportDataKey	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
ReEncrypt	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
CreateKeyVersion	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
UpdateRotationPolicy	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
DescribeKeyVersion	Success	Success	Success	Success
ListKeyVersions	Success	Success	Success	Success
GetKeyPolicy	Success	Success	Success	Success
SetKeyPolicy	Success	Success	Success	Success
UpdateKeyDescription	Success	Success	Rejected.PendingDeletion	Success
SetDeletionProtection	Success	Success	Rejected.PendingDeletion	Success
TagResources	Success	Success	Rejected.PendingDeletion	Success
UntagResources	Success	Success	Rejected.PendingDeletion	Success
ListTagResources	Success	Success	Success	Success
DescribeAccountKmsStatus	Success	Success	Success	Success
OpenKmsService	Success	Success	Success	Success
GetKmsInstance	Success	Success	Success	Success
ListKmsInstances	Success	Success	Success	Success
GetDefaultKmsInstance	Success	Success	Success	Success
DescribeRegions	Success	Success	Success	Success
GetPublicKey	Success	Success	Success	Rejected.PendingImport
AsymmetricSign	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
AsymmetricVerify	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
AsymmetricEncrypt	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
AsymmetricDecrypt	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
CreateSecret	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
PutSecretValue	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
GetSecretValue	Success	Rejected.Disabled	Rejected.PendingDeletion	Rejected.PendingImport
DescribeSecret	Success	Success	Success	Success
ListSecrets	Success	Success	Success	Success
ListSecretVersionIds	Success	Success	Success	Success
UpdateSecret	Success	Success	Success	Success
UpdateSecretVersionStage	Success	Success	Success	Success
DeleteSecret	Success	Success	Success	Success
RestoreSecret	Success	Success	Success	Success
UpdateSecretRotationPolicy	Success	Success	Success	Success
GetSecretPolicy	Success	Success	Success	Success
SetSecretPolicy	Success	Success	Success	Success
GetRandomPassword	Success	Success	Success	Success
`

// leadsTo returns the state after an operation that succeeds, for operations that change it (§4.3 to §4.8).
var leadsTo = map[kmsapi.Operation]func(kmsapi.KeyState) kmsapi.KeyState{
	kmsapi.OpEnableKey:           always(kmsapi.Enabled),
	kmsapi.OpDisableKey:          always(kmsapi.Disabled),
	kmsapi.OpScheduleKeyDeletion: always(kmsapi.PendingDeletion),
	kmsapi.OpCancelKeyDeletion:   always(kmsapi.Enabled),
	kmsapi.OpImportKeyMaterial: func(before kmsapi.KeyState) kmsapi.KeyState {
		if before == kmsapi.PendingImport {
			return kmsapi.Enabled
		}
		return before
	},
	kmsapi.OpDeleteKeyMaterial: func(before kmsapi.KeyState) kmsapi.KeyState {
		if before == kmsapi.PendingDeletion {
			return before
		}
		return kmsapi.PendingImport
	},
}

func always(state kmsapi.KeyState) func(kmsapi.KeyState) kmsapi.KeyState {
	return func(kmsapi.KeyState) kmsapi.KeyState { return state }
}

// forExternalKeys are the operations that work only on keys of origin EXTERNAL.
var forExternalKeys = map[kmsapi.Operation]bool{
	kmsapi.OpGetParametersForImport: true, kmsapi.OpImportKeyMaterial: true, kmsapi.OpDeleteKeyMaterial: true,
}

// fromCiphertexts are the operations that need a ciphertext of the key.
var fromCiphertexts = map[kmsapi.Operation]bool{
	kmsapi.OpDecrypt: true, kmsapi.OpExportDataKey: true, kmsapi.OpReEncrypt: true,
}

func TestEveryOperationInEveryState(t *testing.T) {
	w := newWire(t)
	elsewhere := w.createKey()
	lines := rows(stateTable)
	states := strings.Split(lines[0], "\t")[1:]
	require.Len(t, states, 4)
	tested := []kmsapi.Operation{kmsapi.OpRotateSecret} // It refuses every secret.
	for _, line := range lines[1:] {
		cells := strings.Split(line, "\t")
		require.Len(t, cells, 5)
		op := kmsapi.Operation(cells[0])
		tested = append(tested, op)
		for i, want := range cells[1:] {
			state := kmsapi.KeyState(states[i])
			t.Run(string(op)+" when "+string(state)+" gives "+want, func(t *testing.T) {
				w := &wire{t: t, kms: w.kms, http: w.http}
				s := w.subject(op, state, elsewhere)
				require.Equal(t, state, w.state(s.id))
				got := w.do(string(op), s.parameters(op)...)
				if want != "Success" {
					require.Equal(t, kmsapi.Code(want), got.Code, "%s", got.body)
					require.Equal(t, 409, got.status)
					require.Equal(t, state, w.state(s.id), "what is refused changes nothing")
					return
				}
				require.Equal(t, 200, got.status, "%s", got.body)
				after := state
				if change, changes := leadsTo[op]; changes {
					after = change(state)
				}
				require.Equal(t, after, w.state(s.id))
			})
		}
	}
	require.ElementsMatch(t, server.Operations(), tested)
}

func TestAnAliasMovesAwayFromAKeyInAnyState(t *testing.T) {
	w := newWire(t)
	target := w.createKey()
	for _, state := range []kmsapi.KeyState{
		kmsapi.Enabled, kmsapi.Disabled, kmsapi.PendingDeletion,
		kmsapi.PendingImport,
	} {
		t.Run(string(state), func(t *testing.T) {
			w := &wire{t: t, kms: w.kms, http: w.http}
			s := w.subject(kmsapi.OpUpdateAlias, state, target)
			w.must("UpdateAlias", "AliasName", s.alias, "KeyId", target)
			require.Equal(t, target, w.must("DescribeKey", "KeyId", s.alias).KeyMetadata.KeyId)
		})
	}
}

// subject is a CMK on which an operation is tried.
type subject struct {
	id string
	// alias names the CMK, and otherAlias another one.
	alias, otherAlias string
	// version is the CMK's primary version.
	version string
	// blob is a ciphertext of the CMK, and material the parameters of an import into it.
	blob     string
	material []string
}

// subject makes a CMK and brings it into a state through the API, with everything that op needs. elsewhere is another
// CMK. made has more parameters of CreateKey.
func (w *wire) subject(
	op kmsapi.Operation, state kmsapi.KeyState, elsewhere string, made ...string,
) subject {
	w.t.Helper()
	external := forExternalKeys[op] || state == kmsapi.PendingImport
	var s subject
	if len(made) == 0 && isOnPolicy(op) {
		made = append(made, "DKMSInstanceId", w.kms.Instance.ID)
	}
	if external {
		made = append(made, "Origin", "EXTERNAL")
	}
	switch op.Uses() {
	case kmsapi.KeyPair, kmsapi.SigningKey:
		made = append(made, "KeySpec", "EC_P256")
	case kmsapi.DecryptingKey:
		made = append(made, "KeySpec", "RSA_2048", "KeyUsage", "ENCRYPT/DECRYPT")
	}
	s.id = w.createKey(made...)
	s.version = w.must("ListKeyVersions", "KeyId", s.id).KeyVersions.KeyVersion[0].KeyVersionId
	s.alias, s.otherAlias = "alias/of-"+s.id, "alias/not-of-"+s.id
	w.must("CreateAlias", "AliasName", s.alias, "KeyId", s.id)
	w.must("CreateAlias", "AliasName", s.otherAlias, "KeyId", elsewhere)
	if forExternalKeys[op] || external && (fromCiphertexts[op] || isOnSecret(op)) {
		s.material = w.wrapMaterial(s.id, make([]byte, kmsapi.KeyMaterialSize))
		w.must("ImportKeyMaterial", s.material...)
	}
	if op == kmsapi.OpAsymmetricDecrypt {
		// The service of these tests has this key pair: see newWire.
		s.blob = encode64(opensslFile("rsa_2048.oaep_sha256.enc"))
	}
	if fromCiphertexts[op] {
		s.blob = w.must("Encrypt", "KeyId", s.id, "Plaintext", "eA==").CiphertextBlob
	}
	if isOnSecret(op) {
		w.secretOf(op, s.id)
	}
	switch state {
	case kmsapi.Disabled:
		w.must("DisableKey", "KeyId", s.id)
	case kmsapi.PendingDeletion:
		w.must("ScheduleKeyDeletion", "KeyId", s.id, "PendingWindowInDays", "7")
	case kmsapi.PendingImport:
		if s.material != nil {
			w.must("DeleteKeyMaterial", "KeyId", s.id)
		}
	}
	return s
}

// wrapMaterial returns the parameters of ImportKeyMaterial for a CMK.
func (w *wire) wrapMaterial(id string, material []byte) []string {
	w.t.Helper()
	got := w.must("GetParametersForImport", "KeyId", id,
		"WrappingKeySpec", "RSA_2048", "WrappingAlgorithm", "RSAES_OAEP_SHA_256")
	wrapped := wrapBy(w.t, kmsapi.WrapOAEPSHA256, got.PublicKey, material)
	return []string{"KeyId", id, "ImportToken", got.ImportToken, "EncryptedKeyMaterial", wrapped}
}

// parameters returns the parameters of op on the CMK.
func (s subject) parameters(op kmsapi.Operation) []string {
	switch op {
	case kmsapi.OpEncrypt:
		return []string{"KeyId", s.id, "Plaintext", "eA=="}
	case kmsapi.OpDecrypt:
		return []string{"CiphertextBlob", s.blob}
	case kmsapi.OpExportDataKey:
		return append(toRecipient(), "CiphertextBlob", s.blob)
	case kmsapi.OpGenerateAndExportDataKey:
		return append(toRecipient(), "KeyId", s.id)
	case kmsapi.OpReEncrypt:
		return []string{"CiphertextBlob", s.blob, "DestinationKeyId", s.id}
	case kmsapi.OpGetPublicKey:
		return []string{"KeyId", s.id, "KeyVersionId", s.version}
	case kmsapi.OpAsymmetricSign:
		return []string{"KeyId", s.id, "KeyVersionId", s.version, "Algorithm", "ECDSA_SHA_256", "Digest", aDigest}
	case kmsapi.OpAsymmetricVerify:
		return append(s.parameters(kmsapi.OpAsymmetricSign), "Value", "eA==")
	case kmsapi.OpAsymmetricEncrypt:
		return []string{
			"KeyId", s.id, "KeyVersionId", s.version, "Algorithm", "RSAES_OAEP_SHA_256", "Plaintext", "eA==",
		}
	case kmsapi.OpAsymmetricDecrypt:
		return []string{
			"KeyId", s.id, "KeyVersionId", s.version, "Algorithm", "RSAES_OAEP_SHA_256", "CiphertextBlob", s.blob,
		}
	case kmsapi.OpScheduleKeyDeletion:
		return []string{"KeyId", s.id, "PendingWindowInDays", "7"}
	case kmsapi.OpCreateAlias:
		return []string{"KeyId", s.id, "AliasName", "alias/new-of-" + s.id}
	case kmsapi.OpDeleteAlias:
		return []string{"AliasName", s.alias}
	case kmsapi.OpUpdateAlias:
		return []string{"KeyId", s.id, "AliasName", s.otherAlias}
	case kmsapi.OpGetParametersForImport:
		return []string{"KeyId", s.id, "WrappingKeySpec", "RSA_2048", "WrappingAlgorithm", "RSAES_PKCS1_V1_5"}
	case kmsapi.OpImportKeyMaterial:
		return s.material
	case kmsapi.OpTagResource:
		return []string{"KeyId", s.id, "Tags", `[{"TagKey":"k","TagValue":"v"}]`}
	case kmsapi.OpUntagResource:
		return []string{"KeyId", s.id, "TagKeys", `["k"]`}
	case kmsapi.OpDescribeKeyVersion:
		return []string{"KeyId", s.id, "KeyVersionId", s.version}
	case kmsapi.OpUpdateRotationPolicy:
		return []string{"KeyId", s.id, "EnableAutomaticRotation", "true", "RotationInterval", "7d"}
	case kmsapi.OpSetDeletionProtection:
		return []string{"KeyId", s.id, "EnableDeletionProtection", "true"}
	case kmsapi.OpTagResources:
		return []string{"ResourceType", "key", "ResourceId.1", s.id, "Tag.1.Key", "k", "Tag.1.Value", "v"}
	case kmsapi.OpUntagResources:
		return []string{"ResourceType", "key", "ResourceId.1", s.id, "TagKey.1", "k"}
	case kmsapi.OpListTagResources:
		return []string{"ResourceType", "key", "ResourceId.1", s.id}
	case kmsapi.OpSetKeyPolicy:
		return []string{"KeyId", s.id, "Policy", defaultPolicy("123456")}
	case kmsapi.OpGetKmsInstance:
		return []string{"KmsInstanceId", "kst-dev"}
	case kmsapi.OpCreateSecret:
		return []string{
			"SecretName", "new-of-" + s.id, "VersionId", "1", "SecretData", "eA==", "EncryptionKeyId", s.id,
		}
	case kmsapi.OpListSecrets, kmsapi.OpGetRandomPassword:
		return nil
	case kmsapi.OpCreateKey, kmsapi.OpListKeys, kmsapi.OpListAliases, kmsapi.OpDescribeRegions,
		kmsapi.OpListKmsInstances, kmsapi.OpGetDefaultKmsInstance, kmsapi.OpDescribeAccountKmsStatus,
		kmsapi.OpOpenKmsService:
		return nil
	default:
		if isOnSecret(op) {
			return secretParameters("of-" + s.id)
		}
		return []string{"KeyId", s.id}
	}
}
