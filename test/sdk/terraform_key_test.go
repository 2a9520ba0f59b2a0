package sdk

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Tags are one string in a block, key=value,key=value in the order of the keys.

func (b block) tagMap() map[string]string {
	tags := map[string]string{}
	for pair := range strings.SplitSeq(b["tags"], ",") {
		if key, value, ok := strings.Cut(pair, "="); ok {
			tags[key] = value
		}
	}
	return tags
}

func (b block) tagsInJSON() string {
	var list []map[string]string
	for key, value := range b.tagMap() {
		list = append(list, map[string]string{"TagKey": key, "TagValue": value})
	}
	text, _ := json.Marshal(list)
	return string(text)
}

// tags reads the tags of a key, as the end of each read does.
func (tf terraform) tags(id string) string {
	tf.t.Helper()
	answer := tf.mustPost(kmsapi.OpListTagResources, map[string]any{
		"RegionId": kmsapi.DefaultRegion, "ResourceType": "key", "ResourceId.1": id,
	})
	resources, _ := answer["TagResources"].(map[string]any)
	rows, isList := resources["TagResource"].([]any)
	require.True(tf.t, isList, "the list is there even if it is empty")
	var tags []string
	for _, row := range rows {
		row, _ := row.(map[string]any)
		tags = append(tags, fmt.Sprintf("%s=%s", row["TagKey"], row["TagValue"]))
	}
	slices.Sort(tags)
	return strings.Join(tags, ",")
}

// update changes the key from one block to another, as the provider does.
func (tf terraform) update(id string, before, planned block) {
	tf.t.Helper()
	if planned["status"] != "" && planned["status"] != before["status"] {
		change := kmsapi.OpEnableKey
		if planned["status"] == "Disabled" {
			change = kmsapi.OpDisableKey
		}
		tf.mustPost(change, map[string]any{"KeyId": id})
	}
	if planned["description"] != before["description"] {
		request := map[string]any{"KeyId": id}
		if planned["description"] != "" {
			request["Description"] = planned["description"]
		}
		tf.mustPost(kmsapi.OpUpdateKeyDescription, request)
	}
	tf.protect(id, before, planned)
	if planned["tags"] != before["tags"] {
		tf.retag(id, before.tagMap(), planned.tagMap())
	}
}

func (tf terraform) protect(id string, before, planned block) {
	tf.t.Helper()
	const protection, description = "deletion_protection", "deletion_protection_description"
	if planned[protection] == before[protection] && planned[description] == before[description] {
		return
	}
	request := map[string]any{"KeyId": id}
	if planned[description] != "" {
		request["DeletionProtectionDescription"] = planned[description]
	}
	if planned[protection] != "" {
		request["EnableDeletionProtection"] = planned[protection] == "Enabled"
	}
	tf.mustPost(kmsapi.OpSetDeletionProtection, request)
}

// retag removes tags first, and then adds those that are new or have another value.
func (tf terraform) retag(id string, before, planned map[string]string) {
	tf.t.Helper()
	of := func() map[string]any {
		return map[string]any{"RegionId": kmsapi.DefaultRegion, "ResourceType": "key", "ResourceId.1": id}
	}
	removed, added := of(), of()
	for _, key := range slices.Sorted(maps.Keys(before)) {
		if planned[key] != before[key] {
			removed[fmt.Sprintf("TagKey.%d", len(removed)-2)] = key
		}
	}
	n := 0
	for _, key := range slices.Sorted(maps.Keys(planned)) {
		if planned[key] != before[key] {
			n++
			added[fmt.Sprintf("Tag.%d.Key", n)], added[fmt.Sprintf("Tag.%d.Value", n)] = key, planned[key]
		}
	}
	if len(removed) > len(of()) {
		tf.mustPost(kmsapi.OpUntagResources, removed)
	}
	if n > 0 {
		tf.mustPost(kmsapi.OpTagResources, added)
	}
}

func TestTerraformPlansCleanAfterEveryUpdate(t *testing.T) {
	tf := newTerraform(t, dev)
	planned := block{"description": "salaries", "tags": "env=prod,team=hr", "deletion_protection": "Disabled"}
	id, err := tf.create(planned)
	require.NoError(t, err)
	require.Empty(t, changes(planned, tf.read(id)))
	for _, change := range []block{
		{"description": "wages"},
		{"description": ""},
		{"tags": "env=test,team=hr"},
		{"tags": "env=test,owner=it"},
		{"tags": ""},
		{"tags": "a/b=c,d=e", "status": "Disabled"},
		{"status": "Enabled", "deletion_protection": "Enabled", "deletion_protection_description": "payroll uses it"},
		{"deletion_protection_description": "nobody knows"},
		{"deletion_protection_description": ""},
	} {
		before := tf.read(id)
		maps.Copy(planned, change)
		tf.update(id, before, planned)
		found := tf.read(id)
		require.Empty(t, changes(planned, found), "%v", change)
		require.Equal(t, found, tf.read(id), "what is read does not change by itself")
	}
	_, err = tf.post(kmsapi.OpScheduleKeyDeletion, map[string]any{"KeyId": id, "PendingWindowInDays": 7})
	tf.refused(err, kmsapi.ErrStateModifiedFailed.Code)
	require.NotNil(t, tf.read(id), "the key is not taken for one that is gone")
	tf.update(id, tf.read(id), block{"deletion_protection": "Disabled"})
	tf.delete(id)
}

// A resource alicloud_kms_alias is looked for among all aliases, and alicloud_kms_ciphertext is made once.
func TestTerraformReadsAnAliasAndACiphertext(t *testing.T) {
	tf := newTerraform(t, dev)
	one, err := tf.create(block{})
	require.NoError(t, err)
	two, err := tf.create(block{})
	require.NoError(t, err)
	name := newAlias()
	target := func() (keyID string) {
		for page := 1; ; page++ {
			answer := tf.mustPost(kmsapi.OpListAliases, map[string]any{"PageNumber": page, "PageSize": 50})
			aliases, _ := answer["Aliases"].(map[string]any)
			list, _ := aliases["Alias"].([]any)
			for _, entry := range list {
				if entry, _ := entry.(map[string]any); entry["AliasName"] == name {
					keyID, _ = entry["KeyId"].(string)
				}
			}
			if len(list) < 50 {
				return keyID
			}
		}
	}
	tf.mustPost(kmsapi.OpCreateAlias, map[string]any{"AliasName": name, "KeyId": one})
	require.Equal(t, one, target())
	tf.mustPost(kmsapi.OpUpdateAlias, map[string]any{"AliasName": name, "KeyId": two})
	require.Equal(t, two, target())

	context := `{"app":"payroll"}`
	sealed := tf.mustPost(kmsapi.OpEncrypt, map[string]any{
		"KeyId": one, "Plaintext": "c2FsYXJpZXM=", "EncryptionContext": context,
	})
	opened := tf.mustPost(kmsapi.OpDecrypt, map[string]any{
		"CiphertextBlob": sealed["CiphertextBlob"], "EncryptionContext": context,
	})
	require.Equal(t, "c2FsYXJpZXM=", opened["Plaintext"])

	tf.mustPost(kmsapi.OpDeleteAlias, map[string]any{"AliasName": name})
	require.Empty(t, target())
	_, err = tf.post(kmsapi.OpDescribeKey, map[string]any{"KeyId": name})
	tf.refused(err, kmsapi.ErrAliasNotFound.Code)
	tf.delete(one)
	tf.delete(two)
}

// The data sources alicloud_kms_keys and alicloud_kms_service.
func TestTerraformFindsKeysAndOpensTheService(t *testing.T) {
	tf := newTerraform(t, dev)
	tf.mustPost(kmsapi.OpOpenKmsService, map[string]any{})
	id, err := tf.create(block{"description": "found", "tags": "found=" + newAlias()[len(kmsapi.AliasPrefix):]})
	require.NoError(t, err)
	_, value, _ := strings.Cut(tf.tags(id), "=")
	filters, _ := json.Marshal([]map[string]any{
		{"Key": "KeyState", "Values": []string{"Enabled"}}, {"Key": "TagValue", "Values": []string{value}},
	})
	answer := tf.mustPost(kmsapi.OpListKeys,
		map[string]any{"PageNumber": 1, "PageSize": 50, "Filters": string(filters)})
	keys, _ := answer["Keys"].(map[string]any)
	list, _ := keys["Key"].([]any)
	require.Len(t, list, 1)
	entry, _ := list[0].(map[string]any)
	require.Equal(t, id, entry["KeyId"])
	tf.delete(id)
}
