package server_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// filtered returns the ids of the CMKs that match filters. It lists them in pages of size.
func (w *wire) filtered(filters string, size int) (ids []string) {
	w.t.Helper()
	for page := 1; ; page++ {
		got := w.must("ListKeys", "Filters", filters, "PageSize", fmt.Sprint(size), "PageNumber", fmt.Sprint(page))
		for _, k := range got.Keys.Key {
			ids = append(ids, k.KeyId)
		}
		require.LessOrEqual(w.t, len(got.Keys.Key), size)
		if len(ids) >= got.TotalCount || len(got.Keys.Key) == 0 {
			require.Len(w.t, ids, got.TotalCount)
			return ids
		}
	}
}

func TestFiltersLetKeysThrough(t *testing.T) {
	w := newWire(t)
	tag := func(key, value string) string { return fmt.Sprintf(`[{"TagKey":%q,"TagValue":%q}]`, key, value) }
	plain := w.createKey()
	hr := w.createKey("Tags", tag("team", "hr"), "ProtectionLevel", "HSM")
	it := w.createKey("Tags", tag("team", "it"))
	odd := w.createKey("Tags", tag("hr", "team"))
	disabled := w.createKey("Tags", tag("team", "hr"))
	w.must("DisableKey", "KeyId", disabled)
	doomed := w.createKey("Tags", tag("team", "hr"))
	w.must("ScheduleKeyDeletion", "KeyId", doomed, "PendingWindowInDays", "7")
	waiting := w.createKey("Origin", "EXTERNAL")
	inInstance := w.createIn()
	w.must("CreateAlias", "KeyId", hr, "AliasName", "alias/payroll")
	w.must("CreateAlias", "KeyId", hr, "AliasName", "alias/wages")
	all := []string{plain, hr, it, odd, disabled, doomed, waiting, inInstance}
	slices.Sort(all)

	const nobody = "00000000-0000-4000-8000-000000000000"
	for name, tc := range map[string]struct {
		filters string
		want    []string
	}{
		"none":                 {`[]`, all},
		"a key without values": {`[{"Key":"TagKey","Values":[]}]`, all},
		"a key with no list":   {`[{"Key":"KeyState"},{"Key":"KeyState","Values":["Disabled"]}]`, all},
		"a state":              {`[{"Key":"KeyState","Values":["Disabled"]}]`, []string{disabled}},
		"two states": {
			`[{"Key":"KeyState","Values":["Disabled","PendingImport"]}]`,
			[]string{disabled, waiting},
		},
		"a state in another filter": {
			`[{"Key":"KeyState","Values":["Disabled"]},{"Key":"KeyState","Values":["PendingDeletion"]}]`,
			[]string{disabled, doomed},
		},
		"a state there is not": {`[{"Key":"KeyState","Values":["disabled"]}]`, nil},
		"a spec":               {`[{"Key":"KeySpec","Values":["Aliyun_AES_256"]}]`, all},
		"another spec":         {`[{"Key":"KeySpec","Values":["RSA_2048"]}]`, nil},
		"a usage":              {`[{"Key":"KeyUsage","Values":["ENCRYPT/DECRYPT"]}]`, all},
		"a protection level":   {`[{"Key":"ProtectionLevel","Values":["HSM"]}]`, []string{hr}},
		"users":                {`[{"Key":"CreatorType","Values":["User"]}]`, all},
		"services":             {`[{"Key":"CreatorType","Values":["Service"]}]`, nil},
		"the creator":          {`[{"Key":"Creator","Values":["123456"]}]`, all},
		"another creator":      {`[{"Key":"Creator","Values":["12345"]}]`, nil},
		"an instance":          {`[{"Key":"DKMSInstanceId","Values":["kst-dev"]}]`, []string{inInstance}},
		"ids": {
			`[{"Key":"keyId","Values":["` + it + `","` + nobody + `","x","` + hr + `","` + it + `"]}]`,
			[]string{hr, it},
		},
		"an id and a state": {
			`[{"Key":"keyId","Values":["` + it + `"]},{"Key":"KeyState","Values":["Disabled"]}]`,
			nil,
		},
		"aliases": {
			`[{"Key":"AliasName","Values":["alias/payroll","wages","alias/none"]}]`,
			[]string{hr},
		},
		"no alias": {`[{"Key":"AliasName","Values":["alias/none"]}]`, nil},
		"an alias and its id": {
			`[{"Key":"AliasName","Values":["wages"]},{"Key":"keyId","Values":["` + hr + `"]}]`,
			[]string{hr},
		},
		"an alias and another id": {
			`[{"Key":"AliasName","Values":["wages"]},{"Key":"keyId","Values":["` + it + `"]}]`,
			nil,
		},
		"an alias and a tag": {
			`[{"Key":"AliasName","Values":["wages"]},{"Key":"TagValue","Values":["it"]}]`,
			nil,
		},
		"a tag key":   {`[{"Key":"TagKey","Values":["team"]}]`, []string{hr, it, disabled, doomed}},
		"a tag value": {`[{"Key":"TagValue","Values":["team","it"]}]`, []string{it, odd}},
		"a tag": {
			`[{"Key":"TagKey","Values":["team"]},{"Key":"TagValue","Values":["hr"]}]`,
			[]string{hr, disabled, doomed},
		},
		"a tag and a state": {
			`[{"Key":"TagValue","Values":["hr"]},{"Key":"KeyState","Values":["Enabled"]}]`,
			[]string{hr},
		},
		"an empty value": {`[{"Key":"TagValue","Values":[""]}]`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			slices.Sort(tc.want)
			for _, size := range []int{1, 2, 101} {
				require.Equal(t, tc.want, w.in(t).filtered(tc.filters, size))
			}
		})
	}
	got := w.must("ListKeys", "Filters", `[{"Key":"TagKey","Values":["team"]}]`, "PageNumber", "9223372036854775807")
	require.Empty(t, got.Keys.Key)
	require.Equal(t, 4, got.TotalCount)
	require.Equal(t, "acs:kms:cn-hangzhou:123456:key/"+hr,
		w.must("ListKeys", "Filters", `[{"Key":"AliasName","Values":["wages"]}]`).Keys.Key[0].KeyArn)

	w.kms.Advance(8 * 24 * time.Hour)
	for _, filters := range []string{
		`[{"Key":"KeyState","Values":["PendingDeletion"]}]`, `[{"Key":"keyId","Values":["` + doomed + `"]}]`,
	} {
		require.Empty(t, w.filtered(filters, 10), "a key that is gone is in no list, swept or not")
	}
	require.NotContains(t, w.filtered(`[{"Key":"TagKey","Values":["team"]}]`, 10), doomed)
}

func TestAFilterThatIsNotUnderstoodListsNothing(t *testing.T) {
	w := newWire(t)
	w.createKey()
	for _, filters := range []string{
		"x", "null", "{}", `[null]`, `[{"Key":"State","Values":["Enabled"]}]`, `[{"key":"KeyState","Values":["Enabled"]}]`,
		`[{"Key":"KeyState","Value":["Enabled"]}]`, `[{"Key":"KeyState","Values":"Enabled"}]`,
	} {
		got := w.do("ListKeys", "Filters", filters)
		got.refused(t, kmsapi.ErrInvalidParameter)
		require.Contains(t, got.Message, `"Filters"`)
		require.Empty(t, got.Keys.Key)
	}
}
