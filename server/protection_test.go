package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestAProtectedKeyIsNotDeleted(t *testing.T) {
	w := newWire(t)
	m := w.must("CreateKey").KeyMetadata
	id := m.KeyId
	protection := func() [2]string {
		m := w.must("DescribeKey", "KeyId", id).KeyMetadata
		return [2]string{m.DeletionProtection, m.DeletionProtectionDescription}
	}
	require.Equal(t, [2]string{"Disabled", ""}, protection())
	w.must("SetDeletionProtection", "KeyId", id, "EnableDeletionProtection", "true",
		"DeletionProtectionDescription", "used by payroll", "KmsInstanceId", "kst-none")
	w.kms.Restart()
	require.Equal(t, [2]string{"Enabled", "used by payroll"}, protection())
	got := w.do("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
	got.refused(t, kmsapi.ErrStateModifiedFailed)
	require.Equal(t, "Deletion protection is enabled for the key.", got.Message)
	w.do("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "6").refused(t, kmsapi.ErrInvalidParameter)
	require.Equal(t, kmsapi.Enabled, w.state(id))
	w.must("DisableKey", "KeyId", id)
	w.do("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7").refused(t, kmsapi.ErrStateModifiedFailed)

	w.must("SetDeletionProtection", "ProtectedResourceArn", m.Arn, "EnableDeletionProtection", "true")
	require.Equal(t, [2]string{"Enabled", ""}, protection(), "the description is what the last request says")
	w.must("SetDeletionProtection", "ProtectedResourceArn", m.Arn, "KeyId", id, "EnableDeletionProtection", "false",
		"DeletionProtectionDescription", "not used")
	require.Equal(t, [2]string{"Disabled", ""}, protection())
	w.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
	w.do("SetDeletionProtection", "KeyId", id, "EnableDeletionProtection", "true").
		refused(t, kmsapi.ErrRejectedPendingDeletion)
	require.Equal(t, [2]string{"Disabled", ""}, protection())
}

func TestTheKeyToProtectIsNamedInAWayThatLeavesNoDoubt(t *testing.T) {
	w := newWire(t)
	one, two := w.must("CreateKey").KeyMetadata, w.must("CreateKey").KeyMetadata
	w.must("CreateAlias", "KeyId", one.KeyId, "AliasName", "alias/one")
	for name, tc := range map[string]struct {
		arn, id string
		want    *kmsapi.Error
	}{
		"neither":               {"", "", kmsapi.ErrMissingParameter},
		"two keys":              {one.Arn, two.KeyId, kmsapi.ErrInvalidParameter},
		"an alias":              {"", "alias/one", kmsapi.ErrUnsupportedAlias},
		"a key and an alias":    {one.Arn, "alias/one", kmsapi.ErrInvalidParameter},
		"an id for an ARN":      {one.KeyId, "", kmsapi.ErrInvalidParameter},
		"an alias's ARN":        {"acs:kms:cn-hangzhou:123456:alias/one", "", kmsapi.ErrInvalidParameter},
		"an ARN of all keys":    {"acs:kms:cn-hangzhou:123456:key/*", "", kmsapi.ErrInvalidParameter},
		"another account's ARN": {strings.Replace(one.Arn, "123456", "654321", 1), "", kmsapi.ErrKeyNotFound},
		"another region's ARN":  {strings.Replace(one.Arn, "hangzhou", "beijing", 1), "", kmsapi.ErrKeyNotFound},
		"another account's, twice": {
			strings.Replace(one.Arn, "123456", "654321", 1),
			one.KeyId,
			kmsapi.ErrKeyNotFound,
		},
		"a lost key": {
			"acs:kms:cn-hangzhou:123456:key/00000000-0000-4000-8000-000000000000",
			"",
			kmsapi.ErrKeyNotFound,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w.in(t).do("SetDeletionProtection", "ProtectedResourceArn", tc.arn, "KeyId", tc.id,
				"EnableDeletionProtection", "true").refused(t, tc.want)
		})
	}
	w.do("SetDeletionProtection", "KeyId", one.KeyId).refused(t, kmsapi.ErrMissingParameter)
	w.must("SetDeletionProtection", "ProtectedResourceArn", two.Arn, "KeyId", two.Arn, "EnableDeletionProtection", "true")
	require.Equal(t, "Disabled", w.must("DescribeKey", "KeyId", one.KeyId).KeyMetadata.DeletionProtection)
	require.Equal(t, "Enabled", w.must("DescribeKey", "KeyId", two.KeyId).KeyMetadata.DeletionProtection)
}

func TestAnARNGivesNoPermission(t *testing.T) {
	root := restricted(t)
	mine, other := root.must("CreateKey").KeyMetadata.KeyId, root.must("CreateKey").KeyMetadata.KeyId
	c := root.allow("LTAIsome",
		server.Allow{Actions: []string{"kms:SetDeletionProtection"}, Resources: []string{keyARN(mine)}})
	c.must("SetDeletionProtection", "ProtectedResourceArn", keyARN(mine), "EnableDeletionProtection", "true")
	got := c.do("SetDeletionProtection", "ProtectedResourceArn", keyARN(other), "EnableDeletionProtection", "true")
	got.refused(t, kmsapi.ErrNoPermission)
	require.Contains(t, got.Message, keyARN(other))
	// A parameter without a value does not hide the resource name.
	c.do("SetDeletionProtection", "KeyId", "", "ProtectedResourceArn", keyARN(other), "EnableDeletionProtection", "true").
		refused(t, kmsapi.ErrNoPermission)
	require.Equal(t, "Disabled", root.must("DescribeKey", "KeyId", other).KeyMetadata.DeletionProtection)
}

func TestADescriptionIsReplaced(t *testing.T) {
	w := newWire(t)
	id := w.createKey("Description", "old")
	description := func() string { return w.must("DescribeKey", "KeyId", id).KeyMetadata.Description }
	w.must("UpdateKeyDescription", "KeyId", id, "Description", "new 密钥 <&>")
	w.kms.Restart()
	require.Equal(t, "new 密钥 <&>", description())
	w.do("UpdateKeyDescription", "KeyId", id, "Description", strings.Repeat("d", 8193)).
		refused(t, kmsapi.ErrInvalidParameter)
	w.do("UpdateKeyDescription", "Description", "d").refused(t, kmsapi.ErrMissingParameter)
	w.do("UpdateKeyDescription", "KeyId", "alias/none", "Description", "d").refused(t, kmsapi.ErrUnsupportedAlias)
	require.Equal(t, "new 密钥 <&>", description())
	w.must("UpdateKeyDescription", "KeyId", id) // Terraform removes a description this way.
	require.Empty(t, description())
	require.Contains(t, string(w.must("DescribeKey", "KeyId", id).body), `"Description":""`)
	w.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
	w.do("UpdateKeyDescription", "KeyId", id, "Description", "d").refused(t, kmsapi.ErrRejectedPendingDeletion)
}

func TestTheAccountMayUseTheService(t *testing.T) {
	w := newWire(t)
	require.Equal(t, "Enabled", w.must("DescribeAccountKmsStatus").AccountStatus)
	w.must("OpenKmsService")
	w.must("OpenKmsService")
}
