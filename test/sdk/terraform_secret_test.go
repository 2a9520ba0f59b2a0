package sdk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The resource alicloud_kms_secret and the data sources alicloud_kms_secrets and alicloud_kms_secret_versions, as the
// provider sends and reads them. version_stages is one string in a block, with commas.

func stagesInJSON(stages string) string {
	text, _ := json.Marshal(strings.Split(stages, ","))
	return string(text)
}

// createSecret makes the secret as the provider does, which puts the same value again afterwards if there are stages to
// set.
func (tf terraform) createSecret(planned block) error {
	request := map[string]any{
		"SecretName": planned["secret_name"], "VersionId": planned["version_id"], "SecretData": planned["secret_data"],
		"SecretDataType": planned.dataType(), "EnableAutomaticRotation": false,
	}
	for attribute, parameter := range map[string]string{
		"description": "Description", "encryption_key_id": "EncryptionKeyId", "secret_type": "SecretType",
		"dkms_instance_id": "DKMSInstanceId", "policy": "Policy",
	} {
		if planned[attribute] != "" {
			request[parameter] = planned[attribute]
		}
	}
	if planned["tags"] != "" {
		request["Tags"] = planned.tagsInJSON()
	}
	answer, err := tf.post(kmsapi.OpCreateSecret, request)
	if err != nil {
		return err
	}
	require.Equal(tf.t, planned["secret_name"], answer["SecretName"])
	if planned["version_stages"] == "" {
		return nil
	}
	_, err = tf.post(kmsapi.OpPutSecretValue, map[string]any{
		"SecretName": planned["secret_name"], "VersionId": planned["version_id"], "SecretData": planned["secret_data"],
		"VersionStages": stagesInJSON(planned["version_stages"]),
	})
	return err
}

func (b block) dataType() string {
	if b["secret_data_type"] == "" {
		return "text"
	}
	return b["secret_data_type"]
}

// readSecret reads the secret as the provider does for every plan and apply.
func (tf terraform) readSecret(name string) block {
	tf.t.Helper()
	described := tf.mustPost(kmsapi.OpDescribeSecret, map[string]any{"SecretName": name, "FetchTags": "true"})
	value := tf.mustPost(kmsapi.OpGetSecretValue, map[string]any{"SecretName": name})
	found := block{"secret_name": name, "tags": tagsOfSecret(tf.t, described)}
	for attribute, field := range map[string]string{
		"description": "Description", "encryption_key_id": "EncryptionKeyId", "dkms_instance_id": "DKMSInstanceId",
		"secret_type": "SecretType", "planned_delete_time": "PlannedDeleteTime",
	} {
		found[attribute], _ = described[field].(string)
	}
	for attribute, field := range map[string]string{
		"secret_data": "SecretData", "secret_data_type": "SecretDataType", "version_id": "VersionId",
	} {
		found[attribute], _ = value[field].(string)
	}
	found["version_stages"] = stagesOf(tf.t, value)
	if found["dkms_instance_id"] != "" {
		answer := tf.mustPost(kmsapi.OpGetSecretPolicy, map[string]any{"SecretName": name})
		found["policy"], _ = answer["Policy"].(string)
	}
	return found
}

func stagesOf(t *testing.T, answer map[string]any) string {
	list, isList := answer["VersionStages"].(map[string]any)["VersionStage"].([]any)
	require.True(t, isList, "the list is there even if it is empty")
	var stages []string
	for _, stage := range list {
		stages = append(stages, stage.(string))
	}
	return strings.Join(stages, ",")
}

func tagsOfSecret(t *testing.T, answer map[string]any) string {
	list, isList := answer["Tags"].(map[string]any)["Tag"].([]any)
	require.True(t, isList, "the list is there even if it is empty")
	var tags []string
	for _, tag := range list {
		tag := tag.(map[string]any)
		tags = append(tags, fmt.Sprintf("%s=%s", tag["TagKey"], tag["TagValue"]))
	}
	slices.Sort(tags)
	return strings.Join(tags, ",")
}

// updateSecret changes the secret from one block to another.
func (tf terraform) updateSecret(before, planned block) {
	tf.t.Helper()
	name := planned["secret_name"]
	if planned["tags"] != before["tags"] {
		tf.retagSecret(name, before.tagMap(), planned.tagMap())
	}
	if planned["description"] != before["description"] {
		tf.mustPost(kmsapi.OpUpdateSecret, map[string]any{"SecretName": name, "Description": planned["description"]})
	}
	request := map[string]any{
		"SecretName": name, "SecretData": planned["secret_data"], "VersionId": planned["version_id"],
	}
	sent := len(request)
	if planned.dataType() != before["secret_data_type"] {
		request["SecretDataType"] = planned.dataType()
	}
	if planned["version_stages"] != "" && planned["version_stages"] != before["version_stages"] {
		request["VersionStages"] = stagesInJSON(planned["version_stages"])
	}
	if len(request) > sent || planned["secret_data"] != before["secret_data"] ||
		planned["version_id"] != before["version_id"] {
		tf.mustPost(kmsapi.OpPutSecretValue, request)
	}
}

func (tf terraform) retagSecret(name string, before, planned map[string]string) {
	tf.t.Helper()
	of := map[string]any{"RegionId": kmsapi.DefaultRegion, "ResourceType": "secret", "ResourceId.1": name}
	removed, added := maps.Clone(of), maps.Clone(of)
	for _, key := range slices.Sorted(maps.Keys(before)) {
		removed[fmt.Sprintf("TagKey.%d", len(removed)-len(of)+1)] = key
	}
	for n, key := range slices.Sorted(maps.Keys(planned)) {
		added[fmt.Sprintf("Tag.%d.Key", n+1)], added[fmt.Sprintf("Tag.%d.Value", n+1)] = key, planned[key]
	}
	if len(before) > 0 {
		tf.mustPost(kmsapi.OpUntagResources, removed)
	}
	if len(planned) > 0 {
		tf.mustPost(kmsapi.OpTagResources, added)
	}
}

// secretChanges returns the attributes that another apply would change.
func secretChanges(planned, found block) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(found)) {
		want := planned[name]
		if name == "secret_data_type" {
			want = planned.dataType()
		}
		computed := slices.Contains([]string{"secret_type", "version_stages", "planned_delete_time"}, name)
		if want != found[name] && !(computed && want == "") {
			names = append(names, name)
		}
	}
	return names
}

func TestTerraformPlansCleanWithASecret(t *testing.T) {
	tf := newTerraform(t, dev)
	key := acs3.player(t).newKey(kmsapi.CreateKeyRequest{}).KeyId
	planned := block{
		"secret_name": "terraform/one", "version_id": "v1", "secret_data": "one", "description": "of the shop",
		"tags": "env=prod,team=hr", "encryption_key_id": key, "secret_type": "Generic",
	}
	require.NoError(t, tf.createSecret(planned))
	require.Empty(t, secretChanges(planned, tf.readSecret("terraform/one")))
	for _, change := range []block{
		{"description": "of the bank"},
		{"description": ""},
		{"secret_data": "two", "version_id": "v2"},
		{"tags": "env=test,owner=it"},
		{"tags": ""},
		{"version_stages": "ACSCurrent,next"},
		{"secret_data": "dHdv", "version_id": "v3", "secret_data_type": "binary", "version_stages": "ACSCurrent"},
	} {
		before := tf.readSecret("terraform/one")
		maps.Copy(planned, change)
		tf.updateSecret(before, planned)
		require.Empty(t, secretChanges(planned, tf.readSecret("terraform/one")), change)
	}
	tf.mustPost(kmsapi.OpUpdateSecretRotationPolicy, map[string]any{
		"SecretName": "terraform/one", "EnableAutomaticRotation": false,
	})
	tf.deleteSecret("terraform/one", true)
}

// The provider sends both ways to delete, whatever the configuration says.
func (tf terraform) deleteSecret(name string, force bool) {
	tf.t.Helper()
	tf.mustPost(kmsapi.OpDeleteSecret, map[string]any{
		"SecretName": name, "ForceDeleteWithoutRecovery": fmt.Sprint(force), "RecoveryWindowInDays": 30,
	})
	_, err := tf.post(kmsapi.OpGetSecretValue, map[string]any{"SecretName": name})
	if force {
		tf.refused(err, kmsapi.ErrResourceNotFound.Code)
	} else {
		tf.refused(err, kmsapi.ErrResourceInDeleteWindow.Code)
	}
}

// Each plan compares the policy with that of the configuration, its name included.
func TestTerraformPlansCleanWithAPolicyOfASecretInAnInstance(t *testing.T) {
	tf := newTerraform(t, cloud)
	named := func(name string) string {
		return compactJSON(t, strings.Replace(defaultPolicy(cloudAccount), "kms default key policy", name, 1))
	}
	planned := block{
		"secret_name": "terraform/private", "version_id": "v1", "secret_data": "one", "dkms_instance_id": software,
		"policy": named("Secret"), "description": "", "encryption_key_id": "", "tags": "",
	}
	require.NoError(t, tf.createSecret(planned))
	require.Empty(t, secretChanges(planned, tf.readSecret("terraform/private")))
	planned["policy"] = named("Other")
	tf.mustPost(kmsapi.OpSetSecretPolicy, map[string]any{
		"SecretName": "terraform/private", "Policy": planned["policy"],
	})
	require.Empty(t, secretChanges(planned, tf.readSecret("terraform/private")))
	tf.deleteSecret("terraform/private", true)
}

func compactJSON(t *testing.T, text string) string {
	var compact bytes.Buffer
	require.NoError(t, json.Compact(&compact, []byte(text)))
	return compact.String()
}

func TestTerraformMakesABinarySecretWithStages(t *testing.T) {
	tf := newTerraform(t, dev)
	planned := block{
		"secret_name": "terraform/two", "version_id": "v1", "secret_data": "b25l", "secret_data_type": "binary",
		"version_stages": "ACSCurrent,UStage1",
	}
	require.NoError(t, tf.createSecret(planned))
	require.Empty(t, secretChanges(planned, tf.readSecret("terraform/two")))
	tf.deleteSecret("terraform/two", false)
	tf.refused(tf.createSecret(planned), kmsapi.ErrResourceInDeleteWindow.Code)
	tf.deleteSecret("terraform/two", true)
	require.NoError(t, tf.createSecret(planned))
	tf.deleteSecret("terraform/two", true)
	managed := maps.Clone(planned)
	managed["secret_type"] = "Rds"
	tf.refused(tf.createSecret(managed), kmsapi.ErrUnsupportedOperation.Code)
}

func TestTerraformsDataSourcesFindSecrets(t *testing.T) {
	tf := newTerraform(t, dev)
	planned := block{"secret_name": "terraform/three", "version_id": "v1", "secret_data": "one", "tags": "source=data"}
	require.NoError(t, tf.createSecret(planned))
	before := tf.readSecret("terraform/three")
	planned["secret_data"], planned["version_id"] = "two", "v2"
	tf.updateSecret(before, planned)

	answer := tf.mustPost(kmsapi.OpListSecrets, map[string]any{
		"FetchTags": true, "PageSize": 50, "PageNumber": 1, "Filters": `[{"Key":"SecretName","Values":["terraform/three"]}]`,
	})
	all := answer["SecretList"].(map[string]any)["Secret"].([]any)
	require.Len(t, all, 1)
	require.Equal(t, "source=data", tagsOfSecret(t, all[0].(map[string]any)))

	versions := tf.mustPost(kmsapi.OpListSecretVersionIds, map[string]any{
		"SecretName": "terraform/three", "IncludeDeprecated": "true", "PageSize": 50, "PageNumber": 1,
	})["VersionIds"].(map[string]any)["VersionId"].([]any)
	values := map[string]string{}
	for _, v := range versions {
		v := v.(map[string]any)
		got := tf.mustPost(kmsapi.OpGetSecretValue, map[string]any{
			"SecretName": "terraform/three", "VersionId": v["VersionId"], "VersionStage": stagesOf(t, v),
		})
		values[stagesOf(t, v)] = got["SecretData"].(string)
	}
	require.Equal(t, map[string]string{"ACSCurrent": "two", "ACSPrevious": "one"}, values)
	tf.deleteSecret("terraform/three", true)
}
