package server_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// ofKeys returns the parameters that name the keys in TagResources and similar operations.
func ofKeys(ids ...string) []string {
	pairs := []string{"ResourceType", "key"}
	for i, id := range ids {
		pairs = append(pairs, fmt.Sprint("ResourceId.", i+1), id)
	}
	return pairs
}

// rows returns the tags that ListTagResources lists, page by page, as id:key=value.
func (w *wire) rows(pairs ...string) (rows []string, pages int) {
	w.t.Helper()
	for token := ""; ; pages++ {
		got := w.must("ListTagResources", append(slices.Clone(pairs), "NextToken", token)...)
		for _, row := range got.TagResources.TagResource {
			require.Equal(w.t, "key", row.ResourceType)
			rows = append(rows, row.ResourceId+":"+row.TagKey+"="+row.TagValue)
		}
		if token = got.NextToken; token == "" {
			return rows, pages + 1
		}
		require.NotEmpty(w.t, got.TagResources.TagResource)
	}
}

func TestTagsOfSeveralKeysAreSetListedAndRemoved(t *testing.T) {
	w := newWire(t)
	ids := []string{w.createKey(), w.createKey(), w.createKey("Tags", `[{"TagKey":"a","TagValue":"old"}]`)}
	slices.Sort(ids)
	require.Contains(t, string(w.must("ListTagResources", ofKeys(ids[:2]...)...).body), `"TagResource":[`)
	w.must("TagResources", append(ofKeys(ids...), "Tag.2.Key", "b", "Tag.7.Key", "a", "Tag.7.Value", "1")...)
	w.kms.Restart()
	for _, id := range ids {
		require.Equal(t, []string{"a=1", "b="}, w.tagged(id), "what one family of operations writes, the other reads")
	}
	var all []string
	for _, id := range ids {
		all = append(all, id+":a=1", id+":b=")
	}
	rows, _ := w.rows(ofKeys(ids[2], ids[0], ids[1], ids[2])...)
	require.Equal(t, all, rows, "in the order of the ids, and each once")

	w.must("UntagResources", append(ofKeys(ids[0], ids[1]), "TagKey.1", "a", "TagKey.2", "absent")...)
	w.must("UntagResources", append(ofKeys(ids[1]), "TagKey.1", "absent", "All", "true")...)
	rows, _ = w.rows(ofKeys(ids...)...)
	require.Equal(t, []string{ids[0] + ":b=", ids[1] + ":b=", ids[2] + ":a=1", ids[2] + ":b="}, rows,
		"All counts only without TagKey")
	w.must("UntagResources", append(ofKeys(ids...), "All", "true")...)
	rows, _ = w.rows(ofKeys(ids...)...)
	require.Empty(t, rows)
}

func TestKeysAreFoundByTheirTags(t *testing.T) {
	w := newWire(t)
	tags := func(team, env string) string {
		return fmt.Sprintf(`[{"TagKey":"team","TagValue":%q},{"TagKey":"env","TagValue":%q}]`, team, env)
	}
	prod, test := w.createKey("Tags", tags("hr", "prod")), w.createKey("Tags", tags("hr", "test"))
	other := w.createKey("Tags", tags("it", "prod"))
	w.createKey()
	find := func(pairs ...string) []string {
		rows, _ := w.rows(append([]string{"ResourceType", "key"}, pairs...)...)
		return rows
	}
	byTeam := []string{"Tag.1.Key", "team", "Tag.1.Value", "hr"}
	require.ElementsMatch(t, []string{prod + ":team=hr", test + ":team=hr"}, find(byTeam...))
	require.Equal(t, []string{prod + ":env=prod", prod + ":team=hr"},
		find(append(byTeam, "Tag.2.Key", "env", "Tag.2.Value", "prod")...), "a key has all of them")
	require.Len(t, find("Tag.1.Key", "team"), 3, "no value stands for any")
	require.Equal(t, []string{test + ":team=hr"}, find(append(byTeam, "ResourceId.1", test, "ResourceId.2", other)...))
	require.Empty(t, find("Tag.1.Key", "team", "Tag.1.Value", "h"))
	require.Empty(t, find("Tag.1.Key", "absent"))

	w.must("ScheduleKeyDeletion", "KeyId", test, "PendingWindowInDays", "7")
	require.Len(t, find(byTeam...), 2)
	w.kms.Advance(8 * 24 * time.Hour)
	require.Equal(t, []string{prod + ":team=hr"}, find(byTeam...), "a key that is gone has no tags")
}

func TestPagesOfTagsHaveTwoHundredRows(t *testing.T) {
	w := newWire(t)
	var ids, want []string
	for range 21 {
		ids = append(ids, w.createKey())
	}
	slices.Sort(ids)
	pairs := ofKeys(ids...)
	for i := range kmsapi.MaxTags {
		pairs = append(pairs, fmt.Sprintf("Tag.%d.Key", i+1), fmt.Sprintf("k%02d", i))
	}
	w.must("TagResources", pairs...)
	for _, id := range ids {
		for i := range kmsapi.MaxTags {
			want = append(want, fmt.Sprintf("%s:k%02d=", id, i))
		}
	}
	require.Len(t, w.must("ListTagResources", ofKeys(ids...)...).TagResources.TagResource, 200)
	rows, pages := w.rows(ofKeys(ids...)...)
	require.Equal(t, want, rows)
	require.Equal(t, 3, pages)
	for i := range 11 { // Some pages end within a key's tags.
		w.must("UntagResource", "KeyId", ids[i], "TagKeys", `["k00"]`)
	}
	rows, pages = w.rows("ResourceType", "key", "Tag.1.Key", "k01")
	require.Len(t, rows, 21)
	require.Equal(t, 1, pages)
	rows, _ = w.rows(ofKeys(ids...)...)
	require.Len(t, rows, len(want)-11)
	require.True(t, slices.IsSorted(rows))
}

func TestTagsAreChangedOnAllKeysOrOnNone(t *testing.T) {
	w := newWire(t)
	const nobody = "00000000-0000-4000-8000-000000000000"
	id, doomed, full := w.createKey(), w.createKey(), w.createKey()
	w.must("ScheduleKeyDeletion", "KeyId", doomed, "PendingWindowInDays", "7")
	for i := range kmsapi.MaxTags {
		w.must("TagResources", append(ofKeys(full), "Tag.1.Key", fmt.Sprint("k", i))...)
	}
	for name, tc := range map[string]struct {
		other string
		want  *kmsapi.Error
	}{
		"a key that does not exist":   {nobody, kmsapi.ErrKeyNotFound},
		"what is no id":               {"payroll", kmsapi.ErrKeyNotFound},
		"an alias":                    {"alias/payroll", kmsapi.ErrUnsupportedAlias},
		"a key that is to be deleted": {doomed, kmsapi.ErrRejectedPendingDeletion},
		"a key with too many tags":    {full, kmsapi.ErrLimitExceeded},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			w.do("TagResources", append(ofKeys(id, tc.other), "Tag.1.Key", "x")...).refused(t, tc.want)
			require.Empty(t, w.tagged(id))
		})
	}
	w.must("TagResources", append(ofKeys(id), "Tag.1.Key", "x")...)
	w.do("UntagResources", append(ofKeys(id, nobody), "All", "true")...).refused(t, kmsapi.ErrKeyNotFound)
	require.Equal(t, []string{"x="}, w.tagged(id))
	w.do("ListTagResources", ofKeys(id, nobody)...).refused(t, kmsapi.ErrKeyNotFound)
}

func TestWrongRequestsForTagsAreRefused(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	for name, tc := range map[string]struct {
		action string
		pairs  []string
		want   *kmsapi.Error
	}{
		"nothing to list": {
			"ListTagResources",
			[]string{"ResourceType", "key"},
			kmsapi.ErrMissingParameter,
		},
		"no type": {"ListTagResources", []string{"ResourceId.1", id}, kmsapi.ErrMissingParameter},
		"another type": {
			"ListTagResources",
			[]string{"ResourceType", "alias", "ResourceId.1", id},
			kmsapi.ErrInvalidParameter,
		},
		"nothing to remove": {"UntagResources", ofKeys(id), kmsapi.ErrMissingParameter},
		"not all either": {
			"UntagResources",
			append(ofKeys(id), "All", "false"),
			kmsapi.ErrMissingParameter,
		},
		"tags of no key": {
			"TagResources",
			append(ofKeys(), "Tag.1.Key", "k"),
			kmsapi.ErrMissingParameter,
		},
		"no tags": {"TagResources", ofKeys(id), kmsapi.ErrMissingParameter},
		"a secret": {
			"TagResources",
			[]string{"ResourceType", "secret", "ResourceId.1", "s", "Tag.1.Key", "k"},
			kmsapi.ErrResourceNotFound,
		},
		"tags of an instance": {
			"ListTagResources",
			[]string{"ResourceType", "instance", "ResourceId.1", "kst-dev"},
			kmsapi.ErrResourceNotFound,
		},
		"removing from a secret": {
			"UntagResources",
			[]string{"ResourceType", "secret", "ResourceId.1", "s", "TagKey.1", "k"},
			kmsapi.ErrResourceNotFound,
		},
		"a token that is no token": {
			"ListTagResources",
			append(ofKeys(id), "NextToken", "next"),
			kmsapi.ErrInvalidParameter,
		},
		"a token that names no key": {
			"ListTagResources",
			append(ofKeys(id), "NextToken", "AC9h"),
			kmsapi.ErrInvalidParameter,
		},
		"a token that is not base64": {
			"ListTagResources",
			append(ofKeys(id), "NextToken", "=="),
			kmsapi.ErrInvalidParameter,
		},
		"a list in one parameter": {
			"TagResources",
			[]string{"ResourceType", "key", "ResourceId", id, "Tag.1.Key", "k"},
			kmsapi.ErrInvalidParameter,
		},
		"tags of a new key that fail": {
			"CreateKey",
			[]string{"Tags", `[{"TagKey":"acs:k","TagValue":"v"}]`},
			kmsapi.ErrInvalidParameter,
		},
	} {
		t.Run(name, func(t *testing.T) { w.in(t).do(tc.action, tc.pairs...).refused(t, tc.want) })
	}
	require.Empty(t, w.must("ListTagResources", "ResourceType", "secret", "Tag.1.Key", "k").TagResources.TagResource)
	require.Equal(t, 1, w.must("ListKeys").TotalCount)
}

func TestTagsOfSeveralKeysNeedThePermissionOnEach(t *testing.T) {
	root := restricted(t)
	mine, other := root.must("CreateKey").KeyMetadata.KeyId, root.must("CreateKey").KeyMetadata.KeyId
	root.must("TagResources", append(ofKeys(other), "Tag.1.Key", "hidden")...)
	const nobody = "00000000-0000-4000-8000-000000000000"
	c := root.allow("LTAIsome", server.Allow{Actions: []string{"kms:*"}, Resources: []string{keyARN(mine)}})
	c.must("TagResources", append(ofKeys(mine), "Tag.1.Key", "k")...)
	for _, ids := range [][]string{{mine, other}, {other, mine}, {mine, nobody}, {mine, "*"}} {
		c.do("TagResources", append(ofKeys(ids...), "Tag.1.Key", "x")...).refused(t, kmsapi.ErrNoPermission)
		c.do("UntagResources", append(ofKeys(ids...), "All", "true")...).refused(t, kmsapi.ErrNoPermission)
		c.do("ListTagResources", ofKeys(ids...)...).refused(t, kmsapi.ErrNoPermission)
	}
	for _, kind := range []string{"key", "secret"} {
		c.do("ListTagResources", "ResourceType", kind, "Tag.1.Key", "hidden").refused(t, kmsapi.ErrNoPermission)
	}
	require.Len(t, root.must("ListTagResources", ofKeys(mine, other)...).TagResources.TagResource, 2)

	all := root.allow("LTAIall", server.Allow{Actions: []string{"kms:ListTagResources"}, Resources: []string{keyARN("*")}})
	found := all.must("ListTagResources", "ResourceType", "key", "Tag.1.Key", "hidden").TagResources.TagResource
	require.Equal(t, other, found[0].ResourceId)
	all.do("ListTagResources", ofKeys(nobody)...).refused(t, kmsapi.ErrKeyNotFound)
}

func TestTheAuditLineNamesEachTaggedKey(t *testing.T) {
	l := newLab(t, nil)
	one, two := l.createKey(), l.createKey()
	l.must("TagResources", append(ofKeys(one, two), "Tag.1.Key", "secretly")...)
	line := l.lastLine()
	require.Equal(t, "TagResources", line["operation"])
	require.Equal(t, two, line["key_id"])
	require.Equal(t, names{"ResourceId.1": one}, line["asked"])
	require.NotContains(t, fmt.Sprint(line), "secretly")
}

func TestANewKeyHasItsTags(t *testing.T) {
	w := newWire(t)
	id := w.createKey("Tags", `[{"TagKey":"team","TagValue":"hr"},{"TagKey":"env","TagValue":"prod"}]`)
	require.Equal(t, []string{"env=prod", "team=hr"}, w.tagged(id))
	require.Empty(t, w.tagged(w.createKey("Tags", "[]")))
	tooMany := ofNumberedTags(kmsapi.MaxTags + 1)
	w.do("CreateKey", "Tags", tooMany).refused(t, kmsapi.ErrLimitExceeded)
	require.Equal(t, 2, w.must("ListKeys").TotalCount, "nothing is made without its tags")
	require.Len(t, w.tagged(w.createKey("Tags", ofNumberedTags(kmsapi.MaxTags))), kmsapi.MaxTags)
}

// ofNumberedTags returns n tags in JSON.
func ofNumberedTags(n int) string {
	text := "["
	for i := range n {
		text += fmt.Sprintf(`{"TagKey":"k%d","TagValue":"v"},`, i)
	}
	return text[:len(text)-1] + "]"
}
