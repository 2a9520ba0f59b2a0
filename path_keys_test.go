package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestKeyIsCreatedReadAndListed(t *testing.T) {
	r := newKeyRig(t)
	made := r.write("keys/salaries", body{"origin": "Aliyun_KMS", "protection_level": "HSM", "description": "for team HR"})
	require.Equal(t, r.keyID("salaries"), made.Data["key_id"])
	r.write("keys/Payroll.2026-q1", nil)

	read := r.read("keys/salaries")
	require.Equal(t, made.Data, read.Data)
	for field, want := range map[string]any{
		"name": "salaries", "region": "cn-hangzhou", "key_state": "Enabled", "protection_level": "HSM",
		"description": "for team HR", "delete_date": "", "deletion_allowed": false, "bound_context": map[string]string{},
	} {
		require.Equal(t, want, read.Data[field], field)
	}
	for field := range read.Data {
		require.Contains(t, keyAnswer, field, "every field of the answer is documented")
	}
	require.Equal(t, []string{"Payroll.2026-q1", "salaries"}, r.do(logical.ListOperation, "keys/", nil).Data["keys"])
	require.Nil(t, r.read("keys/nobody"), "which is 404")
}

// Terraform's vault_transit_secret_backend_key and vault-kubernetes-kms fail without these.
func TestTransitsClientsFindTheVersionsOfAKey(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a", body{
		"type": "aes256-gcm96", "derived": false, "convergent_encryption": false, "auto_rotate_period": 0, "key_size": 0,
	})
	r.write("keys/a/config", body{
		"min_decryption_version": 1, "min_encryption_versoin": 0, "deletion_allowed": false, "exportable": false,
		"allow_plaintext_backup": false, "auto_rotate_period": 0,
	})
	data := r.read("keys/a").Data
	made, err := time.Parse(kmsapi.TimeFormat, data["creation_date"].(string))
	require.NoError(t, err)
	version := r.write("encrypt/a", body{"plaintext": hello}).Data["key_version"]
	require.Equal(t, version, data["latest_version"])
	require.Equal(t, body{fmt.Sprint(version): made.Unix()}, data["keys"])
	for field, want := range map[string]any{
		"min_available_version": 0, "min_decryption_version": 1, "min_encryption_version": 0,
		"supports_encryption": true, "supports_decryption": true, "supports_derivation": true, "supports_signing": false,
	} {
		require.Equal(t, want, data[field], field)
	}
}

func TestExistingNameIsAWarningAndChangesNothing(t *testing.T) {
	r := newKeyRig(t, "a")
	before := r.read("keys/a").Data
	resp := r.write("keys/a", body{"description": "another", "protection_level": "HSM"})
	require.Contains(t, strings.Join(resp.Warnings, "\n"), "already existed")
	require.Equal(t, r.keyID("a"), resp.Data["key_id"])
	require.Equal(t, before, r.read("keys/a").Data)
	require.Equal(t, 1, r.kms.count(kmsapi.OpCreateKey))
}

func TestBadKeyIsNotMade(t *testing.T) {
	for name, c := range map[string]struct {
		path string
		data map[string]any
		says string
	}{
		"an unknown origin":           {"keys/a", body{"origin": "Mars"}, "Aliyun_KMS"},
		"an origin of another case":   {"keys/a", body{"origin": "external"}, "EXTERNAL"},
		"an unknown protection level": {"keys/a", body{"protection_level": "PAPER"}, "HSM"},
		"a long description":          {"keys/a", body{"description": strings.Repeat("é", maxDescription+1)}, "description"},
		"a tag without a name":        {"keys/a", body{"tags": body{"": "x"}}, `"tags"`},
		"a tag of Alibaba Cloud's":    {"keys/a", body{"tags": body{"acs:x": "x"}}, `"tags"`},
		"too many tags":               {"keys/a", body{"tags": manyTags(kmsapi.MaxTags + 1)}, `"tags"`},
		"a field of delete":           {"keys/a", body{"pending_window_in_days": 7}, `"pending_window_in_days"`},
		"a long name":                 {"keys/" + strings.Repeat("n", maxKeyName+1), nil, "name"},
		"a name with a space":         {"keys/pay roll", nil, "name"},
		"a name that begins with .":   {"keys/.payroll", nil, "name"},
		"a name that goes up":         {"keys/..", nil, "name"},
		"no name":                     {"encrypt/", nil, "name"},
		"a name in another alphabet":  {"keys/зарплата", nil, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			_, err := r.tryWrite(c.path, c.data)
			refused(t, err, 400, c.says)
			require.Zero(t, r.kms.count(kmsapi.OpCreateKey))
		})
	}
}

func TestUnknownPathStaysUnknown(t *testing.T) {
	r := newKeyRig(t, "a")
	for _, path := range []string{"nowhere", "keys/a/explode", "encrypt/a/b"} {
		_, err := r.tryWrite(path, nil)
		refused(t, err, 404, "unsupported path", "vault path-help kms/")
	}
}

func TestUnknownKeyIs404ThatSaysHowToMakeIt(t *testing.T) {
	r := newKeyRig(t)
	for path, data := range map[string]map[string]any{
		"encrypt/nobody":              {"plaintext": hello},
		"decrypt/nobody":              {"ciphertext": "vault:v1:QQ=="},
		"datakey/plaintext/nobody":    nil,
		"datakey/wrapped/nobody":      nil,
		"keys/nobody/enable":          nil,
		"keys/nobody/disable":         nil,
		"keys/nobody/cancel_deletion": nil,
		"keys/nobody/config":          {"deletion_allowed": true},
	} {
		_, err := r.tryWrite(path, data)
		refused(t, err, 404, "nobody", "vault write -f kms/keys/nobody")
	}
	_, err := r.try(logical.DeleteOperation, "keys/nobody", nil)
	refused(t, err, 404, "nobody")
	require.Nil(t, r.read("keys/nobody/config"))
}

func TestDeleteMustBeAllowedAndCanBeCancelled(t *testing.T) {
	r := newKeyRig(t, "a")
	_, err := r.try(logical.DeleteOperation, "keys/a", nil)
	refused(t, err, 400, "vault write kms/keys/a/config deletion_allowed=true")
	require.Zero(t, r.kms.count(kmsapi.OpScheduleKeyDeletion))

	r.write("keys/a/config", body{"deletion_allowed": true})
	resp := r.do(logical.DeleteOperation, "keys/a", body{"pending_window_in_days": "7"})
	require.Equal(t, body{
		"key_id": r.keyID("a"), "key_ids": []string{r.keyID("a")}, "pending_window_in_days": 7,
	}, resp.Data)
	require.Equal(t, 7, r.kms.last.(*kmsapi.ScheduleKeyDeletionRequest).PendingWindowInDays)
	require.Equal(t, "PendingDeletion", r.read("keys/a").Data["key_state"])
	_, err = r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 409, "Rejected.PendingDeletion", "request id", "vault write -f kms/keys/a/cancel_deletion")

	r.write("keys/a/cancel_deletion", nil)
	r.encrypt("a", hello)
	r.do(logical.DeleteOperation, "keys/a", nil)
	require.Equal(t, 30, r.kms.last.(*kmsapi.ScheduleKeyDeletionRequest).PendingWindowInDays)
}

func TestDeleteMustBeAllowedForEveryNameOfTheCMK(t *testing.T) {
	r := newKeyRig(t, "a", "else")
	r.share("b", "a")
	r.write("keys/a/config", body{"deletion_allowed": true})
	_, err := r.try(logical.DeleteOperation, "keys/a", nil)
	refused(t, err, 400, "vault write kms/keys/b/config deletion_allowed=true")
	require.Zero(t, r.kms.count(kmsapi.OpScheduleKeyDeletion))

	r.write("keys/b/config", body{"deletion_allowed": true})
	r.remove("keys/a", nil)
	require.Equal(t, "PendingDeletion", r.read("keys/b").Data["key_state"])
	require.Equal(t, "Enabled", r.read("keys/else").Data["key_state"])
}

func TestDeleteRefusesBadQueries(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"deletion_allowed": true})
	for _, query := range []map[string]any{
		{"pending_window_in_days": "6"},
		{"pending_window_in_days": "31"},
		{"pending_window_in_days": "soon"},
		{"pending_window_in_days": ""},
		{"pending_window_in_days": []string{"7", "8"}},
		{"pending_window": "7"},
		{"description": "x"},
	} {
		_, err := r.try(logical.DeleteOperation, "keys/a", query)
		refused(t, err, 400, "pending_window_in_days")
	}
	_, err := r.try(logical.ReadOperation, "keys/a", body{"verbose": "true"})
	refused(t, err, 400, `"verbose"`)
	_, err = r.try(logical.ListOperation, "keys/", body{"prefix": "a"})
	refused(t, err, 400, `"prefix"`)
	r.do(logical.ListOperation, "keys/", body{"list": "true"})
	require.Zero(t, r.kms.count(kmsapi.OpScheduleKeyDeletion))
}

func TestKeyThatKMSDoesNotFindStaysUntilItIsDeregistered(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"deletion_allowed": true})
	id := r.keyID("a")
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(t, err)
	_, err = direct.ScheduleKeyDeletion(t.Context(), &kmsapi.ScheduleKeyDeletionRequest{KeyId: id, PendingWindowInDays: 7})
	require.NoError(t, err)
	r.kms.service().Advance(8 * 24 * time.Hour) // The KMS key is gone, or in another account.
	r.later(factsAge)
	_, err = r.try(logical.ReadOperation, "keys/a", nil)
	refused(t, err, 404, "Forbidden.KeyNotFound", "vault read kms/config")
	_, err = r.try(logical.DeleteOperation, "keys/a", nil)
	refused(t, err, 404, "Forbidden.KeyNotFound", "vault write -f kms/keys/a/deregister")
	require.NotNil(t, r.read("keys/a/config"))

	before := r.kms.total()
	require.Equal(t, body{"key_id": id, "key_ids": []string{id}, "region": "cn-hangzhou", "envelope_id": ""},
		r.write("keys/a/deregister", nil).Data)
	require.Equal(t, before, r.kms.total(), "KMS is not asked")
	require.Nil(t, r.read("keys/a"))
	_, err = r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 404)
	_, err = r.tryWrite("keys/a/deregister", nil)
	refused(t, err, 404)
}

func TestOneOfTwoCreatesMakesACMK(t *testing.T) {
	r := newKeyRig(t)
	asked, goOn := make(chan struct{}), make(chan struct{})
	r.kms.before = func(context.Context, kmsapi.Request) error {
		close(asked)
		<-goOn
		return nil
	}
	done := make(chan error)
	go func() {
		_, err := r.tryWrite("keys/a", nil)
		done <- err
	}()
	<-asked
	_, err := r.tryWrite("keys/a", nil)
	refused(t, err, 409, `"a"`, "being created")
	_, err = r.try(logical.DeleteOperation, "keys/a", nil)
	refused(t, err, 409)
	close(goOn)
	require.NoError(t, <-done)
	require.Equal(t, 1, r.kms.count(kmsapi.OpCreateKey))
	r.kms.before = nil
	require.NotEmpty(t, r.write("keys/a", nil).Warnings, "the name is free for another request again")
}

func TestCMKIsStoredEvenIfTheCallerHasGone(t *testing.T) {
	r := newKeyRig(t)
	ctx, cancel := context.WithCancel(t.Context())
	r.kms.after = func(context.Context, kmsapi.Request) error { cancel(); return nil }
	_, err := r.tryIn(ctx, logical.UpdateOperation, "keys/a", nil)
	require.NoError(t, err)
	require.Equal(t, r.keyID("a"), r.read("keys/a").Data["key_id"])
}

func TestLostAnswerOfCreateSaysThatACMKMayExist(t *testing.T) {
	r := newKeyRig(t)
	r.kms.before = func(context.Context, kmsapi.Request) error {
		return &client.TransportError{
			Operation: kmsapi.OpCreateKey, Endpoint: "kms:443",
			Err: errors.New("the connection broke"),
		}
	}
	_, err := r.tryWrite("keys/a", nil)
	refused(t, err, 502, "may have made a KMS key", "send the same request again")
	require.Nil(t, r.read("keys/a"))
}

func TestStorageFaultsOfKeysAreErrorsAndChangeNothing(t *testing.T) {
	for name, c := range map[string]struct {
		op   logical.Operation
		path string
		data map[string]any
		kind string
	}{
		"list":                         {logical.ListOperation, "keys/", nil, "list"},
		"a create that can't read":     {logical.UpdateOperation, "keys/b", nil, "get"},
		"read":                         {logical.ReadOperation, "keys/a", nil, "get"},
		"delete":                       {logical.DeleteOperation, "keys/a", nil, "get"},
		"a config that can't read":     {logical.UpdateOperation, "keys/a/config", body{"deletion_allowed": false}, "get"},
		"a config that can't store":    {logical.UpdateOperation, "keys/a/config", body{"deletion_allowed": false}, "put"},
		"an encrypt with a cold cache": {logical.UpdateOperation, "encrypt/a", body{"plaintext": hello}, "get"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.write("keys/a/config", body{"deletion_allowed": true})
			r.backend().keys.ForgetAll()
			before := r.kms.total()
			r.storage.reset(c.kind, 1)
			_, err := r.try(c.op, c.path, c.data)
			require.ErrorIs(t, err, errStorage)
			require.Equal(t, before, r.kms.total(), "KMS must not be asked")
			r.storage.reset("", 0)
			require.Equal(t, true, r.read("keys/a").Data["deletion_allowed"])
			require.Equal(t, []string{"a"}, r.do(logical.ListOperation, "keys/", nil).Data["keys"])
		})
	}
}

func TestFailedRemovalKeepsTheKey(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"deletion_allowed": true})
	r.storage.reset("delete", 1)
	_, err := r.tryWrite("keys/a/deregister", nil)
	require.ErrorIs(t, err, errStorage)
	require.NotNil(t, r.read("keys/a/config"))
}

func manyTags(n int) map[string]any {
	tags := body{}
	for i := range n {
		tags[fmt.Sprint("k", i)] = "v"
	}
	return tags
}

func TestNewKeyHasItsTags(t *testing.T) {
	r := newKeyRig(t)
	made := r.write("keys/a", body{"tags": body{"team": "hr", "env": "prod"}})
	require.Equal(t, map[string]string{"team": "hr", "env": "prod"}, made.Data["tags"])
	require.Equal(t, made.Data, r.read("keys/a").Data)
	r.write("keys/b", body{"tags": manyTags(kmsapi.MaxTags)})
	require.Len(t, r.read("keys/b").Data["tags"], kmsapi.MaxTags)
}

func TestTagsThatCannotBeSetOrReadAreAWarning(t *testing.T) {
	r := newKeyRig(t)
	r.kms.before = failing(kmsapi.OpTagResource, answered(kmsapi.ErrNoPermission))
	made := r.write("keys/a", body{"tags": "team=hr"})
	require.Contains(t, strings.Join(made.Warnings, "\n"), "kms/keys/a/tags")
	require.Empty(t, made.Data["tags"])
	r.encrypt("a", hello)
	r.kms.before = failing(kmsapi.OpListResourceTags, answered(kmsapi.ErrNoPermission))
	read := r.read("keys/a")
	require.Contains(t, strings.Join(read.Warnings, "\n"), "Forbidden.NoPermission")
	require.Equal(t, made.Data, read.Data)
}
