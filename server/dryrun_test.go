package server_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// dryRuns are the operations that have dry runs.
var dryRuns = []kmsapi.Operation{
	kmsapi.OpEncrypt, kmsapi.OpGenerateDataKey, kmsapi.OpDecrypt, kmsapi.OpGenerateDataKeyWithoutPlaintext,
	kmsapi.OpExportDataKey, kmsapi.OpGenerateAndExportDataKey, kmsapi.OpReEncrypt,
	kmsapi.OpEncrypt, kmsapi.OpGenerateDataKey, kmsapi.OpDecrypt,
	kmsapi.OpGetPublicKey, kmsapi.OpAsymmetricSign, kmsapi.OpAsymmetricVerify, kmsapi.OpAsymmetricEncrypt,
	kmsapi.OpAsymmetricDecrypt, kmsapi.OpGetSecretValue,
}

func TestADryRunSaysHowTheRequestWouldEndAndNothingElse(t *testing.T) {
	w := newWire(t)
	elsewhere := w.createKey()
	for _, op := range dryRuns {
		t.Run(string(op), func(t *testing.T) {
			w := w.in(t)
			s := w.subject(op, kmsapi.Enabled, elsewhere)
			dry := func(pairs ...string) answer {
				all := s.parameters(op)
				for i := 0; i < len(pairs); i += 2 {
					all = setPair(all, pairs[i], pairs[i+1])
				}
				return w.do(string(op), setPair(all, "DryRun", "true")...)
			}
			got := dry()
			got.refused(t, kmsapi.ErrDryRunOperation)
			require.Empty(t, got.Plaintext)
			require.Empty(t, got.CiphertextBlob)
			require.Empty(t, got.ExportedDataKey)
			require.NotContains(t, string(got.body), "eA==")
			for _, pairs := range [][]string{
				{
					"EncryptionContext", "no JSON", "SourceEncryptionContext", "no JSON", "Algorithm", "none",
					"KeyVersionId", "none", "VersionId", "none",
				},
				{"KeyId", "00000000-0000-4000-8000-000000000000", "CiphertextBlob", "bm9uZQ==", "SecretName", "none"},
				{
					"KeyId", "acs:kms:cn-hangzhou:654321:key/" + s.id, "CiphertextBlob", "",
					"SecretName", "acs:kms:cn-hangzhou:654321:secret/of-" + s.id,
				},
				{"KeyId", "", "CiphertextBlob", "", "SecretName", ""},
			} {
				dry(pairs...).refused(t, kmsapi.ErrValidation)
			}
			w.must(string(op), setPair(s.parameters(op), "DryRun", "false")...)
			for _, value := range []string{"True", "yes", "1", " true"} {
				got := w.do(string(op), setPair(s.parameters(op), "DryRun", value)...)
				got.refused(t, kmsapi.ErrInvalidParameter)
				require.Contains(t, got.Message, `"DryRun"`)
			}
			if op == kmsapi.OpGetPublicKey {
				return // GetPublicKey works for a disabled key.
			}
			w.must("DisableKey", "KeyId", s.id)
			got = dry()
			got.refused(t, kmsapi.ErrValidation)
			require.Contains(t, got.Message, "Rejected.Disabled")
		})
	}
}

func TestADryRunOfDecryptSaysWhetherTheCiphertextOpens(t *testing.T) {
	w := newWire(t)
	id := w.createIn()
	blob := w.must("Encrypt", "KeyId", id, "Plaintext", "eA==", "EncryptionContext", `{"a":"b"}`).CiphertextBlob
	for _, w := range []*wire{w, w.dedicated()} {
		dry := func(pairs ...string) answer {
			return w.do("Decrypt", append(pairs, "CiphertextBlob", blob, "DryRun", "true")...)
		}
		dry("EncryptionContext", `{"a":"b"}`).refused(t, kmsapi.ErrDryRunOperation)
		dry("EncryptionContext", `{"a":"c"}`).refused(t, kmsapi.ErrValidation)
		dry("EncryptionContext", `{"a":"b"}`, "Recipient", "document").refused(t, kmsapi.ErrValidation)
	}
}

func TestADryRunWithoutPermissionIsDenied(t *testing.T) {
	root := restricted(t)
	mine, other := root.must("CreateKey").KeyMetadata.KeyId, root.must("CreateKey").KeyMetadata.KeyId
	blob := root.must("Encrypt", "KeyId", other, "Plaintext", "eA==").CiphertextBlob
	c := root.allow("LTAIsome",
		server.Allow{Actions: []string{"kms:Encrypt", "kms:Decrypt"}, Resources: []string{keyARN(mine)}})
	for _, got := range []answer{
		c.do("Encrypt", "KeyId", other, "Plaintext", "eA==", "DryRun", "true"),
		c.do("Encrypt", "KeyId", "00000000-0000-4000-8000-000000000000", "Plaintext", "eA==", "DryRun", "true"),
		c.do("Decrypt", "CiphertextBlob", blob, "DryRun", "true"),
		c.do("GenerateDataKey", "KeyId", mine, "DryRun", "true"),
		c.do("ReEncrypt", "CiphertextBlob", blob, "DestinationKeyId", mine, "DryRun", "true"),
	} {
		got.refused(t, kmsapi.ErrAccessDenied)
		require.Contains(t, got.Message, "forbidden by permission system")
	}
	c.do("Encrypt", "KeyId", mine, "Plaintext", "eA==", "DryRun", "true").refused(t, kmsapi.ErrDryRunOperation)
}

func TestADryRunIsAuthenticatedAndCountedLikeAnyRequest(t *testing.T) {
	l := newLab(t, func(c *server.Config) { c.RateLimits = &server.RateLimits{Crypto: 1, CreateKey: -1} })
	id := l.createKey()
	tampered := with(l.signed("GenerateDataKey", "KeyId", id), "DryRun", "true")
	require.Equal(t, kmsapi.ErrIncompleteSignature.Code, l.post(tampered.Form()).Code)
	dry := func() kmsapi.Code { return l.do("GenerateDataKey", "KeyId", id, "DryRun", "true").Code }
	require.Equal(t, kmsapi.ErrDryRunOperation.Code, dry())
	require.Equal(t, kmsapi.ErrThrottling.Code, dry())
}

func TestOnlyWhatChangesNothingHasDryRuns(t *testing.T) {
	for _, op := range server.Operations() {
		hasDryRun := op.Takes("DryRun")
		require.Equal(t, slices.Contains(dryRuns, op), hasDryRun, op)
		require.False(t, hasDryRun && op.Plane() == kmsapi.ControlPlane, "a dry run of %s would change something", op)
	}
}

// An operation without dry runs ignores the parameter.
func TestADryRunOfAnotherOperationIsNone(t *testing.T) {
	w := newWire(t)
	require.Equal(t, http.StatusOK, w.do("ListKeys", "DryRun", "true").status)
}
