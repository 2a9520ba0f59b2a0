package server_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// tagged returns the tags of a CMK as key=value, in the order of the answer.
func (w *wire) tagged(id string) (tags []string) {
	w.t.Helper()
	for _, tag := range w.must("ListResourceTags", "KeyId", id).Tags.Tag {
		require.Equal(w.t, id, tag.KeyId)
		tags = append(tags, tag.TagKey+"="+tag.TagValue)
	}
	return tags
}

func TestTagsAreAddedChangedAndRemoved(t *testing.T) {
	w := newWire(t)
	id, other := w.createKey(), w.createKey()
	require.Contains(t, string(w.must("ListResourceTags", "KeyId", id).body), `"Tag":[]`, "no tags are an empty list")
	w.must("TagResource", "KeyId", id, "Tags", `[{"TagKey":"b","TagValue":"2"},{"TagKey":"a","TagValue":"1"}]`)
	w.must("TagResource", "KeyId", id, "Tags",
		`[{"TagKey":"c/_-.+=@:","TagValue":"/_-.+=@:"},{"TagKey":"b","TagValue":""}]`)
	w.must("TagResource", "KeyId", other, "Tags", `[{"TagKey":"a","TagValue":"other"}]`)
	w.kms.Restart()
	require.Equal(t, []string{"a=1", "b=", "c/_-.+=@:=/_-.+=@:"}, w.tagged(id), "in order of their keys")

	w.must("UntagResource", "KeyId", id, "TagKeys", `["a","c/_-.+=@:","absent","a"]`)
	w.must("UntagResource", "KeyId", id, "TagKeys", `["absent"]`)
	require.Equal(t, []string{"b="}, w.tagged(id))
	w.must("UntagResource", "KeyId", id, "TagKeys", `["b"]`)
	require.Empty(t, w.tagged(id))
	require.Equal(t, []string{"a=other"}, w.tagged(other), "another key's tags are its own")
}

func TestAKeyHasTwentyTagsAtMost(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	tags := func(from, to int, value string) string {
		var all []string
		for i := from; i < to; i++ {
			all = append(all, fmt.Sprintf(`{"TagKey":"k%02d","TagValue":%q}`, i, value))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	w.do("TagResource", "KeyId", id, "Tags", tags(0, 21, "v")).refused(t, kmsapi.ErrLimitExceeded)
	require.Empty(t, w.tagged(id), "of a request that is refused, nothing is done")
	w.must("TagResource", "KeyId", id, "Tags", tags(0, 19, "v"))
	w.must("TagResource", "KeyId", id, "Tags", tags(19, 20, "v"))
	before := w.tagged(id)
	require.Len(t, before, 20)
	w.do("TagResource", "KeyId", id, "Tags", tags(20, 21, "v")).refused(t, kmsapi.ErrLimitExceeded)
	w.do("TagResource", "KeyId", id, "Tags", tags(5, 21, "changed")).refused(t, kmsapi.ErrLimitExceeded)
	require.Equal(t, before, w.tagged(id))
	w.must("TagResource", "KeyId", id, "Tags", tags(0, 20, "changed"))
	require.Equal(t, "k19=changed", w.tagged(id)[19], "what is there already counts once")
	w.must("UntagResource", "KeyId", id, "TagKeys", `["k00"]`)
	w.must("TagResource", "KeyId", id, "Tags", tags(20, 21, "v"))
	require.Len(t, w.tagged(id), 20)
}

func TestTagsOutliveAChangeOfState(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	w.must("TagResource", "KeyId", id, "Tags", `[{"TagKey":"a","TagValue":"1"}]`)
	w.must("DisableKey", "KeyId", id)
	w.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
	w.do("TagResource", "KeyId", id, "Tags", `[{"TagKey":"a","TagValue":"2"}]`).refused(t,
		kmsapi.ErrRejectedPendingDeletion)
	w.do("UntagResource", "KeyId", id, "TagKeys", `["a"]`).refused(t, kmsapi.ErrRejectedPendingDeletion)
	require.Equal(t, []string{"a=1"}, w.tagged(id))
	w.must("CancelKeyDeletion", "KeyId", id)
	require.Equal(t, []string{"a=1"}, w.tagged(id))
}

func TestWrongTagsAreRefused(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	const nobody = "00000000-0000-4000-8000-000000000000"
	for _, tc := range []struct {
		name   string
		action string
		pairs  []string
		want   *kmsapi.Error
	}{
		{"no tags", "TagResource", []string{"KeyId", id}, kmsapi.ErrMissingParameter},
		{"an empty list", "TagResource", []string{"KeyId", id, "Tags", "[]"}, kmsapi.ErrInvalidParameter},
		{"a map of tags", "TagResource", []string{"KeyId", id, "Tags", `{"a":"1"}`}, kmsapi.ErrInvalidParameter},
		{
			"a reserved key", "TagResource",
			[]string{"KeyId", id, "Tags", `[{"TagKey":"acs:x","TagValue":"v"}]`},
			kmsapi.ErrInvalidParameter,
		},
		{
			"a key twice", "TagResource",
			[]string{"KeyId", id, "Tags", `[{"TagKey":"k","TagValue":"1"},{"TagKey":"k","TagValue":"2"}]`},
			kmsapi.ErrInvalidParameter,
		},
		{
			"a key that does not exist", "TagResource",
			[]string{"KeyId", nobody, "Tags", `[{"TagKey":"k","TagValue":"v"}]`},
			kmsapi.ErrKeyNotFound,
		},
		{"no keys to remove", "UntagResource", []string{"KeyId", id}, kmsapi.ErrMissingParameter},
		{
			"one key to remove that is no list", "UntagResource",
			[]string{"KeyId", id, "TagKeys", "k"},
			kmsapi.ErrInvalidParameter,
		},
		{
			"removing from a key that does not exist", "UntagResource",
			[]string{"KeyId", nobody, "TagKeys", `["k"]`},
			kmsapi.ErrKeyNotFound,
		},
		{"no key to list", "ListResourceTags", nil, kmsapi.ErrMissingParameter},
		{"listing a key that does not exist", "ListResourceTags", []string{"KeyId", nobody}, kmsapi.ErrKeyNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.do(tc.action, tc.pairs...).refused(t, tc.want)
		})
	}
	require.Empty(t, w.tagged(id))
}

func TestOneRuleForTagsHoldsInEveryOperation(t *testing.T) {
	const characters = `abczABCZ0189/\_-.+=@:`
	w := newWire(t)
	id, longest := w.createKey(), characters+strings.Repeat("k", kmsapi.MaxTagKey-len(characters))
	list := func(key, value string) string { return fmt.Sprintf(`[{"TagKey":%q,"TagValue":%q}]`, key, value) }
	ways := map[string]func(key, value string) answer{
		"CreateKey":   func(key, value string) answer { return w.do("CreateKey", "Tags", list(key, value)) },
		"TagResource": func(key, value string) answer { return w.do("TagResource", "KeyId", id, "Tags", list(key, value)) },
		"TagResources": func(key, value string) answer {
			return w.do("TagResources", append(ofKeys(id), "Tag.1.Key", key, "Tag.1.Value", value)...)
		},
	}
	for action, tag := range ways {
		t.Run(action, func(t *testing.T) {
			made := tag(longest, longest)
			require.Equal(t, 200, made.status, string(made.body))
			tagged := id
			if made.KeyMetadata.KeyId != "" {
				tagged = made.KeyMetadata.KeyId
			}
			require.Contains(t, w.tagged(tagged), longest+"="+longest)
			for name, refused := range map[string][2]string{
				"an empty key": {"", "v"}, "a long key": {longest + "k", "v"}, "a long value": {"k", longest + "v"},
				"a space": {"k", "v v"}, "a letter of another alphabet": {"k", "зарплата"}, "a control character": {"k", "\n"},
				"a reserved key": {"acs:k", "v"}, "another reserved key": {"aliyunk", "v"},
			} {
				t.Run(name, func(t *testing.T) { tag(refused[0], refused[1]).refused(t, kmsapi.ErrInvalidParameter) })
			}
		})
	}
	require.Equal(t, []string{longest + "=" + longest}, w.tagged(id), "of what was refused, nothing was done")
	w.must("UntagResource", "KeyId", id, "TagKeys", fmt.Sprintf(`[%q]`, longest))
	require.Empty(t, w.tagged(id))
}
