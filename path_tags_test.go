package alicloudkms

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func tags(pairs ...string) map[string]any {
	all := body{}
	for _, pair := range pairs {
		name, value, hasValue := strings.Cut(pair, "=")
		all[name] = nil
		if hasValue {
			all[name] = value
		}
	}
	return body{"tags": all}
}

// numberedTags returns count tags, the first called tag0.
func numberedTags(count int) map[string]any {
	var pairs []string
	for n := range count {
		pairs = append(pairs, fmt.Sprintf("tag%d=", n))
	}
	return tags(pairs...)
}

func (r *rig) patch(path string, data map[string]any) *logical.Response {
	r.t.Helper()
	return r.do(logical.PatchOperation, path, data)
}

func (r *rig) tags(key string) any {
	r.t.Helper()
	return r.read("keys/" + key + "/tags").Data["tags"]
}

func TestTagsAreAddedChangedAndRemoved(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	require.Equal(t, map[string]string{}, r.tags("a"))
	require.Nil(t, r.write("keys/a/tags", tags("team=hr", "env=prod")))
	r.write("keys/a/tags", tags("env=test", "note="))
	require.Equal(t, map[string]string{"team": "hr", "env": "test", "note": ""}, r.tags("a"),
		"what is not mentioned stays")

	resp := r.patch("keys/a/tags", tags("env=prod", "owner=a@b", "note", "unknown"))
	require.Equal(t, body{"set": []string{"env", "owner"}, "removed": []string{"note", "unknown"}}, resp.Data)
	require.Equal(t, map[string]string{"team": "hr", "env": "prod", "owner": "a@b"}, r.tags("a"))
	require.Equal(t, []string{}, r.patch("keys/a/tags", tags("env=prod")).Data["removed"])
	require.Equal(t, []string{}, r.patch("keys/a/tags", tags("owner")).Data["set"])

	require.Equal(t, []string{"env"}, r.remove("keys/a/tags", body{"tag_keys": "env"}).Data["removed"])
	require.Equal(t, map[string]string{"team": "hr"}, r.tags("a"))
	r.write("keys/a/tags", body{"tags": []any{"x=1", "y=2=3", "z="}}) // the form that the command line sends
	r.remove("keys/a/tags", body{"tag_keys": []any{"x", "z"}})
	require.Equal(t, map[string]string{"team": "hr", "y": "2=3"}, r.tags("a"))

	require.Equal(t, []string{"team", "y"}, r.remove("keys/a/tags", nil).Data["removed"])
	require.Equal(t, map[string]string{}, r.tags("a"))
	calls := r.kms.count(kmsapi.OpUntagResource)
	require.Equal(t, []string{}, r.remove("keys/a/tags", nil).Data["removed"])
	require.Equal(t, calls, r.kms.count(kmsapi.OpUntagResource), "there was nothing to remove")
	require.Equal(t, map[string]string{}, r.tags("b"))
}

func TestBadTagsDoNotReachKMS(t *testing.T) {
	long := strings.Repeat("k", kmsapi.MaxTagKey)
	const update, patch, remove = logical.UpdateOperation, logical.PatchOperation, logical.DeleteOperation
	r := newKeyRig(t, "a")
	calls := r.kms.total()
	for name, c := range map[string]struct {
		op   logical.Operation
		data map[string]any
		says string
	}{
		"no tags":                       {update, nil, "tags is required"},
		"no tag":                        {update, tags(), "tags is required"},
		"a patch without tags":          {patch, nil, "tags is required"},
		"a patch without entries":       {patch, tags(), "tags is required"},
		"a null for all tags":           {patch, body{"tags": nil}, "tags is required"},
		"too many":                      {update, numberedTags(kmsapi.MaxTags + 1), "20 tags"},
		"too many in a patch":           {patch, numberedTags(kmsapi.MaxTags + 1), "20 tags"},
		"a null outside a patch":        {update, tags("hidden"), `"tags"`},
		"a number in a patch":           {patch, body{"tags": body{"a": 5}}, `"tags"`},
		"an empty name":                 {update, tags("=hidden"), "1 to 128"},
		"a long name":                   {update, tags(long + "k=hidden"), "1 to 128"},
		"a long value":                  {update, tags("a=" + strings.Repeat("v", kmsapi.MaxTagValue+1)), "up to 128"},
		"a space in a name":             {update, tags("a b=hidden"), "letters, digits"},
		"a space in a value":            {update, tags("a=hid den"), "letters, digits"},
		"a value in another alphabet":   {update, tags("a=зарплата"), "letters, digits"},
		"a reserved name":               {update, tags("acs:rm=hidden"), "reserved"},
		"another reserved name":         {update, tags("aliyunx=hidden"), "reserved"},
		"a bad value in a patch":        {patch, tags("a=hid den", "b"), "letters, digits"},
		"a bad name to remove":          {patch, tags("a=1", "b c"), "letters, digits"},
		"a reserved name to remove":     {remove, body{"tag_keys": "a,acs:rm"}, "reserved"},
		"an empty name to remove":       {remove, body{"tag_keys": ""}, `"tag_keys"`},
		"no name to remove":             {remove, body{"tag_keys": "a, ,b"}, "1 to 128"},
		"the tags to set, on delete":    {remove, tags("a=1"), `"tags"`},
		"the names to remove, on write": {update, body{"tags": "a=1", "tag_keys": "b"}, `"tag_keys"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.try(c.op, "keys/a/tags", c.data)
			refused(t, err, 400, c.says)
			require.NotContains(t, err.Error(), "hid")
		})
	}
	require.Equal(t, calls, r.kms.total())
	longest := tags(long + "=" + strings.Repeat("v", kmsapi.MaxTagValue))
	r.write("keys/a/tags", longest)
	r.patch("keys/a/tags", tags(long))
}

// systemTags is a KMS that sets tags itself, which the service does not.
type systemTags struct{ kms }

func (systemTags) Do(context.Context, kmsapi.Request) (kmsapi.Response, error) {
	return &kmsapi.ListResourceTagsResponse{Tags: kmsapi.TagList{Tag: []kmsapi.TagEntry{
		{TagKey: "team", TagValue: "hr"}, {TagKey: "acs:rm:rgId", TagValue: "rg-1"}, {TagKey: "aliyun-x"}, {TagKey: "env"},
	}}}, nil
}

func TestTagsThatAlibabaCloudHasSetStay(t *testing.T) {
	d := &framework.FieldData{Schema: tagFields}
	conn := &connection{kms: systemTags{}, log: hclog.NewNullLogger()}
	keys, err := tagsToRemove(t.Context(), conn, target{"a", &keyEntry{storedCMK: storedCMK{KeyID: "k"}}}, d)
	require.NoError(t, err)
	require.Equal(t, []string{"env", "team"}, keys)
}

func TestUnknownKeyHasNoTags(t *testing.T) {
	r := newKeyRig(t)
	for op, data := range map[logical.Operation]map[string]any{
		logical.ReadOperation: nil, logical.UpdateOperation: tags("a=1"), logical.PatchOperation: tags("a"),
		logical.DeleteOperation: nil,
	} {
		_, err := r.try(op, "keys/nobody/tags", data)
		refused(t, err, 404, "nobody", "vault write -f kms/keys/nobody")
	}
}

func TestFullCMKSaysHowToMakeRoom(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/tags", numberedTags(kmsapi.MaxTags))
	_, err := r.tryWrite("keys/a/tags", tags("more=1"))
	refused(t, err, 400, "Rejected.LimitExceeded", "vault delete kms/keys/a/tags")
	require.NotContains(t, err.Error(), "quota")
	_, err = r.try(logical.PatchOperation, "keys/a/tags", tags("more=1"))
	refused(t, err, 400, "Rejected.LimitExceeded")

	r.patch("keys/a/tags", tags("more=1", "tag0"))
	require.Len(t, r.tags("a"), kmsapi.MaxTags)
	require.Contains(t, r.tags("a"), "more")
}

func TestHalfDonePatchIsReportedAndCanBeRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		before map[string]any
		// fails is the number of the call of the patch that fails.
		fails int
		says  string
		want  map[string]string
	}{
		"nothing is done": {tags("old=1"), 1, "TagResource", map[string]string{"old": "1"}},
		"the new ones are set": {
			tags("old=1"), 2, "were set first",
			map[string]string{"old": "1", "new": "2"},
		},
		"a full KMS key, and nothing is done": {with(numberedTags(kmsapi.MaxTags-1), nil), 2, "UntagResource", nil},
		"a full KMS key, and the old ones are removed": {
			with(numberedTags(kmsapi.MaxTags-1), nil), 3, "might not have been set", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.write("keys/a/tags", c.before)
			r.write("keys/a/tags", tags("old=1"))
			before := r.kms.total()
			r.kms.before = func(context.Context, kmsapi.Request) error {
				if r.kms.total() == before+c.fails {
					return answered(kmsapi.ErrInternalFailure)
				}
				return nil
			}
			_, err := r.try(logical.PatchOperation, "keys/a/tags", tags("new=2", "old"))
			refused(t, err, 502, c.says, "request-1")
			require.NotContains(t, err.Error(), "{")
			require.Equal(t, strings.Contains(c.says, "before that"), strings.Contains(err.Error(), "before that"), err.Error())
			if c.want != nil {
				require.Equal(t, c.want, r.tags("a"))
			}
			r.kms.before = nil
			r.patch("keys/a/tags", tags("new=2", "old"))
			require.Contains(t, r.tags("a"), "new")
			require.NotContains(t, r.tags("a"), "old")
		})
	}
}

func TestPatchWhoseFirstCallFailsReportsNoProgress(t *testing.T) {
	r := newKeyRig(t, "a")
	r.fails(kmsapi.OpUntagResource, answered(kmsapi.ErrInternalFailure))
	_, err := r.try(logical.PatchOperation, "keys/a/tags", tags("old"))
	refused(t, err, 502)
	require.NotContains(t, err.Error(), "before that")
}

func TestLostAnswerAboutTagsIsUncertain(t *testing.T) {
	r := newKeyRig(t, "a")
	r.kms.after = func(context.Context, kmsapi.Request) error { return context.DeadlineExceeded }
	_, err := r.tryWrite("keys/a/tags", tags("a=1"))
	refused(t, err, 504, "may have set", "vault read kms/keys/a/tags")
	_, err = r.try(logical.DeleteOperation, "keys/a/tags", body{"tag_keys": "a"})
	refused(t, err, 504, "may have removed", "vault read kms/keys/a/tags")
	r.kms.after = nil
	require.Equal(t, map[string]string{}, r.tags("a"))
}

func TestKeyScheduledForDeletionKeepsItsTags(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/tags", tags("team=hr"))
	r.write("keys/a/config", body{"deletion_allowed": true})
	r.remove("keys/a", nil)
	for op, data := range map[logical.Operation]map[string]any{
		logical.UpdateOperation: tags("a=1"), logical.PatchOperation: tags("team"), logical.DeleteOperation: nil,
	} {
		_, err := r.try(op, "keys/a/tags", data)
		refused(t, err, 409, "vault write -f kms/keys/a/cancel_deletion")
	}
	require.Equal(t, map[string]string{"team": "hr"}, r.tags("a"))
}
