package sdk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// metadata is the metadata that the provider reads of a key.
func (tf terraform) metadata(id string) map[string]any {
	tf.t.Helper()
	found, _ := tf.mustPost(kmsapi.OpDescribeKey, map[string]any{"KeyId": id})["KeyMetadata"].(map[string]any)
	return found
}

// The resource alicloud_kms_key with automatic_rotation and rotation_interval, as the provider's own test has them.
func TestTerraformPlansCleanAfterAChangeOfTheRotation(t *testing.T) {
	tf := newTerraform(t, dev)
	answer := tf.mustPost(kmsapi.OpCreateKey, map[string]any{
		"RegionId": kmsapi.DefaultRegion, "ProtectionLevel": "SOFTWARE", "EnableAutomaticRotation": true,
		"RotationInterval": "604800s",
	})
	made, _ := answer["KeyMetadata"].(map[string]any)
	id, _ := made["KeyId"].(string)
	found := tf.metadata(id)
	require.Equal(t, "Enabled", found["AutomaticRotation"])
	require.Equal(t, "604800s", found["RotationInterval"])
	require.NotEmpty(t, found["NextRotationDate"])

	tf.mustPost(kmsapi.OpUpdateRotationPolicy, map[string]any{
		"RegionId": kmsapi.DefaultRegion, "KeyId": id, "EnableAutomaticRotation": true, "RotationInterval": "605800s",
	})
	found = tf.metadata(id)
	require.Equal(t, "605800s", found["RotationInterval"], "another form would be a difference in each plan")
	require.Equal(t, found, tf.metadata(id))

	tf.mustPost(kmsapi.OpUpdateRotationPolicy, map[string]any{
		"RegionId": kmsapi.DefaultRegion, "KeyId": id, "EnableAutomaticRotation": false, "RotationInterval": "605800s",
	})
	require.Equal(t, "Disabled", tf.metadata(id)["AutomaticRotation"])
}

// The resource alicloud_kms_key_version, and the data source alicloud_kms_key_versions, which reads pages of 50 until
// one is not full.
func TestTerraformMakesKeyVersions(t *testing.T) {
	tf := newTerraform(t, dev)
	answer := tf.mustPost(kmsapi.OpCreateKey, map[string]any{"ProtectionLevel": "SOFTWARE"})
	made, _ := answer["KeyMetadata"].(map[string]any)
	id, _ := made["KeyId"].(string)
	want := []any{}
	for range 2 {
		answer := tf.mustPost(kmsapi.OpCreateKeyVersion, map[string]any{"RegionId": kmsapi.DefaultRegion, "KeyId": id})
		version, _ := answer["KeyVersion"].(map[string]any)
		require.Equal(t, id, version["KeyId"])
		read := tf.mustPost(kmsapi.OpDescribeKeyVersion, map[string]any{
			"RegionId": kmsapi.DefaultRegion, "KeyId": id, "KeyVersionId": version["KeyVersionId"],
		})
		require.Equal(t, version, read["KeyVersion"])
		want = append([]any{version["KeyVersionId"]}, want...)
	}
	want = append(want, made["PrimaryKeyVersion"])
	answer = tf.mustPost(kmsapi.OpListKeyVersions, map[string]any{
		"RegionId": kmsapi.DefaultRegion, "KeyId": id, "PageNumber": 1, "PageSize": 50,
	})
	list, _ := answer["KeyVersions"].(map[string]any)
	versions, _ := list["KeyVersion"].([]any)
	var listed []any
	for _, version := range versions {
		entry, _ := version.(map[string]any)
		listed = append(listed, entry["KeyVersionId"])
	}
	require.Equal(t, want, listed)

	// A version of a deleted key disappears from the state: the provider recognizes that by a 404.
	_, err := tf.post(kmsapi.OpDescribeKeyVersion, map[string]any{"KeyId": id, "KeyVersionId": id})
	tf.refused(err, kmsapi.ErrKeyVersionNotFound.Code)
}
