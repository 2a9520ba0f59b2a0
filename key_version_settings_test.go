package alicloudkms

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestOldestVersionsAreChecked(t *testing.T) {
	for name, c := range map[string]struct {
		data body
		says string // empty if it is accepted
	}{
		"decryption by all":                 {body{"min_decryption_version": 0}, ""},
		"decryption from the first":         {body{"min_decryption_version": 1}, ""},
		"decryption from the newest":        {body{"min_decryption_version": "3"}, ""},
		"decryption from none":              {body{"min_decryption_version": 4}, "at most 3"},
		"decryption from a negative":        {body{"min_decryption_version": -1}, "negative"},
		"encryption by the newest":          {body{"min_encryption_version": 0}, ""},
		"encryption from the newest":        {body{"min_encryption_version": 3}, ""},
		"encryption as Terraform spells it": {body{"min_encryption_versoin": 3}, ""},
		"encryption in both spellings":      {body{"min_encryption_versoin": 3, "min_encryption_version": 3}, ""},
		"encryption in two ways": {
			body{"min_encryption_versoin": 0, "min_encryption_version": 3}, "one of them",
		},
		"encryption from an older one":         {body{"min_encryption_version": 2}, "0 or 3"},
		"encryption from none":                 {body{"min_encryption_version": 4}, "at most 3"},
		"encryption from a negative":           {body{"min_encryption_version": -1}, "negative"},
		"encryption older than the decryption": {body{"min_encryption_version": 2, "min_decryption_version": 3}, "at least"},
		"both":                                 {body{"min_encryption_version": 3, "min_decryption_version": 3}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.write("keys/a/rotate", nil)
			r.direct().rotate(r.keyID("a"))
			stored := r.storedKey("a")
			resp, err := r.tryWrite("keys/a/config", c.data)
			if c.says != "" {
				refused(t, err, 400, c.says)
				require.Equal(t, stored, r.storedKey("a"))
				return
			}
			require.NoError(t, err)
			require.Empty(t, resp.Warnings)
			require.Equal(t, resp.Data, r.read("keys/a/config").Data)
			require.Equal(t, 3, r.read("keys/a").Data["latest_version"], "the list found what KMS has made")
		})
	}
}

func TestOldestVersionsMayBePatched(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/rotate", nil)
	r.do(logical.PatchOperation, "keys/a/config", body{"min_decryption_version": 2})
	require.Equal(t, 2, r.read("keys/a").Data["min_decryption_version"])
	r.do(logical.PatchOperation, "keys/a/config", body{"min_decryption_version": nil})
	require.Equal(t, 1, r.read("keys/a").Data["min_decryption_version"])
}

func TestWithoutAListOfVersionsNoneIsExcluded(t *testing.T) {
	r := newKeyRig(t, "a")
	r.oldKey("a")
	r.fails(kmsapi.OpListKeyVersions, answered(kmsapi.ErrNoPermission))
	_, err := r.tryWrite("keys/a/config", body{"min_decryption_version": 2})
	refused(t, err, 400, "at most 1")
	r.write("keys/a/rotate", nil)
	require.Equal(t, 2, version(t, r.encrypt("a", hello)))
	_, err = r.tryWrite("keys/a/config", body{"min_decryption_version": 2})
	refused(t, err, 400, "kms:ListKeyVersions")
	r.write("keys/a/config", body{"min_decryption_version": 1, "deletion_allowed": true})
	require.Contains(t, r.log.String(), "kms:ListKeyVersions")
	once := r.log.String()
	r.write("keys/a/rotate", nil)
	require.NotContains(t, r.log.String()[len(once):], "kms:ListKeyVersions", "it is logged once")

	r.fails(kmsapi.OpListKeyVersions, answered(kmsapi.ErrThrottling))
	_, err = r.tryWrite("keys/a/config", body{"min_decryption_version": 2})
	refused(t, err, 429)
	r.kms.before = nil
	r.write("keys/a/config", body{"min_decryption_version": 2})
}

func TestFirstWriteToAnEntryOfBeforeFindsItsVersions(t *testing.T) {
	for name, write := range map[string]func(r *rig){
		"config":                  func(r *rig) { r.write("keys/a/config", body{"deletion_allowed": false}) },
		"config without a change": func(r *rig) { r.write("keys/a/config", nil) },
		"patch": func(r *rig) {
			r.do(logical.PatchOperation, "keys/a/config", body{"bound_context": body{"x": "y"}})
		},
		"rotate": func(r *rig) { r.write("keys/a/rotate", nil) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.direct().rotate(r.keyID("a"))
			r.oldKey("a")
			write(r)
			entry := r.entry("a")
			require.Equal(t, formatVersions, entry.format)
			require.GreaterOrEqual(t, entry.versions.Newest(), 2)
			require.Equal(t, kmsapi.KeySpecAES256, entry.KeySpec)
			require.Equal(t, kmsapi.KeyUsageEncryptDecrypt, entry.KeyUsage)
			require.Equal(t, "hr", entry.BoundContext["team"])
		})
	}
}

func TestWriteToAnEntryOfBeforeDoesNotNeedKMS(t *testing.T) {
	r := newKeyRig(t, "a")
	r.oldKey("a")
	r.fails(kmsapi.OpDescribeKey, lost(kmsapi.OpDescribeKey))
	r.write("keys/a/config", body{"deletion_allowed": false})
	require.Zero(t, r.entry("a").format, "an earlier plugin can still read it")
	require.False(t, r.entry("a").DeletionAllowed)
}

func TestRotationPolicyIsKMSs(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"auto_rotate_period": "168h"})
	is := r.direct().describe(r.keyID("a"))
	require.Equal(t, kmsapi.RotationEnabled, is.AutomaticRotation)
	require.Equal(t, "604800s", is.RotationInterval)
	require.EqualValues(t, 604800, r.read("keys/a").Data["auto_rotate_period"])
	r.write("keys/a/config", body{"deletion_allowed": true})
	require.EqualValues(t, 604800, r.read("keys/a").Data["auto_rotate_period"])
	r.write("keys/a/config", body{"auto_rotate_period": 0})
	require.Equal(t, kmsapi.RotationDisabled, r.direct().describe(r.keyID("a")).AutomaticRotation)
	require.EqualValues(t, 0, r.read("keys/a").Data["auto_rotate_period"])

	for _, bad := range []any{"1h", 604799, "731d", "17521h", -604800, "often"} {
		_, err := r.tryWrite("keys/a/config", body{"auto_rotate_period": bad})
		refused(t, err, 400, "auto_rotate_period")
	}
	r.fails(kmsapi.OpUpdateRotationPolicy, answered(kmsapi.ErrRejectedUnsupportedOperation))
	_, err := r.tryWrite("keys/a/config", body{"auto_rotate_period": "168h", "deletion_allowed": false})
	refused(t, err, 400, kmsapi.ErrRejectedUnsupportedOperation.Message)
	require.True(t, r.entry("a").DeletionAllowed, "nothing was changed")
	r.write("keys/a/config", body{"auto_rotate_period": 0})
}

func TestKeyIsMadeWithARotationPolicy(t *testing.T) {
	r := newKeyRig(t)
	require.EqualValues(t, 604800, r.write("keys/a", body{"auto_rotate_period": "168h"}).Data["auto_rotate_period"])
	require.Equal(t, "604800s", r.direct().describe(r.keyID("a")).RotationInterval)
	require.EqualValues(t, 0, r.write("keys/b", body{"auto_rotate_period": 0}).Data["auto_rotate_period"])
	_, err := r.tryWrite("keys/c", body{"auto_rotate_period": "24h"})
	refused(t, err, 400, "7 to 730 days")
}

func TestKeyWithImportedMaterialIsNotRotatedByKMS(t *testing.T) {
	r := newKeyRig(t)
	_, err := r.tryWrite("keys/a", body{"origin": "EXTERNAL", "auto_rotate_period": "168h"})
	refused(t, err, 400, "imported material")
	r.write("keys/a", body{"origin": "EXTERNAL"})
	_, err = r.tryWrite("keys/a/config", body{"auto_rotate_period": "168h"})
	require.Error(t, err)
	_, err = r.tryWrite("keys/a/rotate", body{"new_cmk": true})
	refused(t, err, 400, "vault transit import-version kms/keys/a")
}

func TestWhatWouldNotOpenIsNotMade(t *testing.T) {
	r := newEnvelopeRig(t, "data")
	r.makeKey("signs", body{"type": "ecdsa-p256"})
	r.makeKey("opens", body{"type": "rsa-2048", "key_usage": kmsapi.KeyUsageEncryptDecrypt})
	for path, asked := range map[string]body{
		"encrypt/data": {"plaintext": hello}, "sign/signs": {"input": hello}, "encrypt/opens": {"plaintext": hello},
	} {
		t.Run(path, func(t *testing.T) {
			_, name, _ := strings.Cut(path, "/")
			r.write("keys/"+name+"/rotate", nil)
			r.write(path, with(asked, body{"key_version": 1}))
			r.write("keys/"+name+"/config", body{"min_decryption_version": 2})
			_, err := r.tryWrite(path, with(asked, body{"key_version": 1}))
			refused(t, err, 400, "0, or 2 to 2", "min_decryption_version")
			r.write(path, with(asked, body{"key_version": 2}))
		})
	}
}
