package server_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// names are the parameters in the asked field of an audit line.
type names = map[string]any

// lastLine returns the audit line of the last request.
func (l *lab) lastLine() map[string]any {
	l.t.Helper()
	lines := l.auditLines()
	return lines[len(lines)-1]
}

func TestAnAuditLineHasWhatTheRequestNamed(t *testing.T) {
	l := newLab(t, nil)
	id, other := l.createKey(), l.createKey()
	inInstance := l.createKey("DKMSInstanceId", "kst-dev")
	l.must("CreateAlias", "AliasName", "alias/payroll", "KeyId", id)
	require.Equal(t, names{"AliasName": "alias/payroll"}, l.lastLine()["asked"])
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "eA==").CiphertextBlob
	const lost = "00000000-0000-4000-8000-000000000000"
	raw, err := base64.StdEncoding.DecodeString(blob)
	require.NoError(t, err)
	ofNobody := base64.StdEncoding.EncodeToString(append([]byte(lost), raw[36:]...))
	arn := "acs:kms:cn-hangzhou:" + l.config.Accounts[0].ID + ":key/" + id
	for _, tc := range []struct {
		name   string
		action string
		pairs  []string
		keyID  string
		asked  any
	}{
		{"a key by its id", "DescribeKey", []string{"KeyId", id}, id, nil},
		{"a key by its resource name", "DescribeKey", []string{"KeyId", arn}, id, names{"KeyId": arn}},
		{
			"a key by an alias", "Encrypt",
			[]string{"KeyId", "alias/payroll", "Plaintext", "eA=="},
			id,
			names{"KeyId": "alias/payroll"},
		},
		{"a key by a ciphertext", "Decrypt", []string{"CiphertextBlob", blob}, id, nil},
		{"a key of an instance", "DescribeKey", []string{"KeyId", inInstance}, inInstance, nil},
		{"no key in particular", "ListKeys", nil, "", nil},
		{"an instance", "GetKmsInstance", []string{"KmsInstanceId", "kst-dev"}, "", nil},
		{
			"an alias that moves", "UpdateAlias",
			[]string{"AliasName", "alias/payroll", "KeyId", other},
			other,
			names{"AliasName": "alias/payroll"},
		},
		{"a lost key", "DescribeKey", []string{"KeyId", lost}, "", names{"KeyId": lost}},
		{
			"a lost key, to delete it", "ScheduleKeyDeletion",
			[]string{"KeyId", lost, "PendingWindowInDays", "7"},
			"",
			names{"KeyId": lost},
		},
		{"what is no id", "EnableKey", []string{"KeyId", "p a y\x00roll"}, "", names{"KeyId": "p a y\uFFFDroll"}},
		{"a lost alias", "DeleteAlias", []string{"AliasName", "alias/lost"}, "", names{"AliasName": "alias/lost"}},
		{
			"an alias for a lost key", "CreateAlias",
			[]string{"AliasName", "alias/new", "KeyId", lost},
			"",
			names{"AliasName": "alias/new", "KeyId": lost},
		},
		{
			"a lost instance", "GetKmsInstance",
			[]string{"KmsInstanceId", "kst-lost"},
			"",
			names{"KmsInstanceId": "kst-lost"},
		},
		{
			"a key in a lost instance", "CreateKey",
			[]string{"DKMSInstanceId", "kst-lost"},
			"",
			names{"DKMSInstanceId": "kst-lost"},
		},
		{"a ciphertext of a lost key", "Decrypt", []string{"CiphertextBlob", ofNobody}, "", names{"KeyVersionId": lost}},
		{"a dry run", "Decrypt", []string{"CiphertextBlob", ofNobody, "DryRun", "true"}, "", names{"KeyVersionId": lost}},
		{"a ciphertext of somebody else", "Decrypt", []string{"CiphertextBlob", strings.Repeat("QUJD", 40)}, "", nil},
		{"no ciphertext", "Decrypt", []string{"CiphertextBlob", "c2hvcnQ="}, "", nil},
		{"an operation that is not served", "GenerateMac", []string{"KeyId", id}, "", names{"KeyId": id}},
		{
			"a lost secret", "GetSecretValue",
			[]string{"SecretName", "db/lost", "VersionId", "v1"},
			"",
			names{"SecretName": "db/lost"},
		},
		{
			"a secret that is called like its key", "CreateSecret",
			[]string{"SecretName", id, "VersionId", "v1", "SecretData", "canary", "EncryptionKeyId", id},
			id,
			names{"SecretName": id},
		},
		{
			"a secret with a key", "CreateSecret",
			[]string{"SecretName", "db/new", "VersionId", "v1", "SecretData", "canary", "EncryptionKeyId", id},
			id,
			names{"SecretName": "db/new"},
		},
		{
			"the value of a secret with a key", "GetSecretValue",
			[]string{"SecretName", "db/new"},
			id,
			names{"SecretName": "db/new"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			l.t = t
			l.do(tc.action, tc.pairs...)
			line := l.lastLine()
			require.Equal(t, tc.keyID, line["key_id"])
			require.Equal(t, tc.asked, line["asked"])
		})
	}
}

func TestARefusalLeavesWhatWasAskedFor(t *testing.T) {
	const restricted = "LTAIrestricted"
	l := newLab(t, func(c *server.Config) {
		key := accessKey(restricted, server.Allow{Actions: []string{"kms:DescribeRegions"}, Resources: []string{"*"}})
		c.Accounts[0].AccessKeys = append(c.Accounts[0].AccessKeys, key)
		c.RateLimits.Crypto, c.Quotas.Keys = 1, 1
	})
	id := l.createKey()
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "eA==").CiphertextBlob
	versionID := l.metadata(id).PrimaryKeyVersion

	l.do("CreateKey", "DKMSInstanceId", "kst-dev").refused(t, kmsapi.ErrLimitExceeded)
	require.Empty(t, l.lastLine()["key_id"], "no key was made")
	require.Equal(t, names{"DKMSInstanceId": "kst-dev"}, l.lastLine()["asked"])

	l.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrThrottling)
	require.Equal(t, names{"KeyVersionId": versionID}, l.lastLine()["asked"], "refused before the key was looked for")

	wrong := with(l.signed("DescribeKey", "KeyId", strings.Repeat("k", 100), "AliasName", "alias/a"), "Signature", "00")
	l.post(wrong.Form()).refused(t, kmsapi.ErrIncompleteSignature)
	require.Equal(t, names{"KeyId": strings.Repeat("k", 64) + "…", "AliasName": "…"}, l.lastLine()["asked"])

	l.caller = signature.Credentials{AccessKeyID: restricted, AccessKeySecret: kmsapi.NewSecret(restricted + "-secret")}
	got := l.do("Decrypt", "CiphertextBlob", blob)
	require.Equal(t, http.StatusForbidden, got.status)
	require.Equal(t, names{"KeyVersionId": versionID}, l.lastLine()["asked"])
	l.do("DescribeKey", "KeyId", id).refused(t, kmsapi.ErrNoPermission)
	require.Equal(t, names{"KeyId": id}, l.lastLine()["asked"], "not looked for, since whether it exists is a secret")
}
