package server_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// aliases returns the aliases that an answer lists, as key ids by name.
func (a answer) aliases() map[string]string {
	found := map[string]string{}
	for _, entry := range a.Aliases.Alias {
		found[entry.AliasName] = entry.KeyId
	}
	return found
}

func TestAnAliasStandsForItsKey(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	w.must("CreateAlias", "AliasName", "alias/payroll", "KeyId", id)
	w.kms.Restart()
	require.Equal(t, id, w.must("DescribeKey", "KeyId", "alias/payroll").KeyMetadata.KeyId)
	sealed := w.must("Encrypt", "KeyId", "alias/payroll", "Plaintext", "eA==")
	require.Equal(t, id, sealed.KeyId, "the answer has the key's id")
	require.Equal(t, id, w.must("Decrypt", "CiphertextBlob", sealed.CiphertextBlob).KeyId)
	key := w.must("GenerateDataKey", "KeyId", "alias/payroll")
	require.Equal(t, id, key.KeyId)
	require.Equal(t, key.Plaintext, w.must("Decrypt", "CiphertextBlob", key.CiphertextBlob).Plaintext)

	w.must("DisableKey", "KeyId", id)
	w.do("Encrypt", "KeyId", "alias/payroll", "Plaintext", "eA==").refused(t, kmsapi.ErrRejectedDisabled)
}

func TestAliasesAreRefusedWhereTheReferenceTakesNone(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	w.must("CreateAlias", "AliasName", "alias/known", "KeyId", id)
	for _, tc := range [][]string{
		{"EnableKey"},
		{"DisableKey"},
		{"ScheduleKeyDeletion", "PendingWindowInDays", "7"},
		{"CancelKeyDeletion"},
		{"CreateAlias", "AliasName", "alias/new"},
		{"UpdateAlias", "AliasName", "alias/known"},
		{"ListAliasesByKeyId"},
		{"TagResource", "Tags", `[{"TagKey":"k","TagValue":"v"}]`},
		{"UntagResource", "TagKeys", `["k"]`},
		{"ListResourceTags"},
	} {
		for _, alias := range []string{"alias/known", "alias/nobody"} {
			t.Run(tc[0]+" with "+alias, func(t *testing.T) {
				w.do(tc[0], append([]string{"KeyId", alias}, tc[1:]...)...).refused(t, kmsapi.ErrUnsupportedAlias)
			})
		}
	}
	require.Equal(t, kmsapi.Enabled, w.state(id))
	require.Equal(t, map[string]string{"alias/known": id}, w.must("ListAliases").aliases())
}

func TestWrongAliasesAreRefused(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	w.must("CreateAlias", "AliasName", "alias/taken", "KeyId", id)
	const nobody = "00000000-0000-4000-8000-000000000000"
	for _, tc := range []struct {
		name, action, alias, keyID string
		want                       *kmsapi.Error
	}{
		{"a name that is taken", "CreateAlias", "alias/taken", w.createKey(), kmsapi.ErrAliasAlreadyExists},
		{"a name that is the key's already", "CreateAlias", "alias/taken", id, kmsapi.ErrAliasAlreadyExists},
		{"a name of 256 characters", "CreateAlias", "alias/" + strings.Repeat("a", 256), id, kmsapi.ErrInvalidParameter},
		{"a name without prefix", "CreateAlias", "payroll", id, kmsapi.ErrInvalidParameter},
		{"a name of nothing but the prefix", "CreateAlias", "alias/", id, kmsapi.ErrInvalidParameter},
		{"a name that looks like a path", "CreateAlias", "alias/../x", id, kmsapi.ErrInvalidParameter},
		{"a name that is reserved", "CreateAlias", "alias/acs/oss", id, kmsapi.ErrInvalidParameter},
		{"to update a name that is reserved", "UpdateAlias", "alias/acs/oss", id, kmsapi.ErrInvalidParameter},
		{"to delete a name that is reserved", "DeleteAlias", "alias/acs/oss", "", kmsapi.ErrInvalidParameter},
		{"no name", "CreateAlias", "", id, kmsapi.ErrMissingParameter},
		{"no key", "CreateAlias", "alias/new", "", kmsapi.ErrMissingParameter},
		{"a key that does not exist", "CreateAlias", "alias/new", nobody, kmsapi.ErrKeyNotFound},
		{"to update an alias that does not exist", "UpdateAlias", "alias/new", id, kmsapi.ErrAliasNotFound},
		{"to update to a key that does not exist", "UpdateAlias", "alias/taken", nobody, kmsapi.ErrKeyNotFound},
		{"to delete an alias that does not exist", "DeleteAlias", "alias/new", "", kmsapi.ErrAliasNotFound},
		{"to list those of a key that does not exist", "ListAliasesByKeyId", "", nobody, kmsapi.ErrKeyNotFound},
		{"to describe the prefix", "DescribeKey", "", "alias/", kmsapi.ErrAliasNotFound},
		{"to describe a path", "DescribeKey", "", "alias/../taken", kmsapi.ErrAliasNotFound},
		{"to describe another letter case", "DescribeKey", "", "alias/Taken", kmsapi.ErrAliasNotFound},
		{"to describe 40,000 characters", "DescribeKey", "", "alias/" + strings.Repeat("a", 40_000), kmsapi.ErrAliasNotFound},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.do(tc.action, "AliasName", tc.alias, "KeyId", tc.keyID).refused(t, tc.want)
		})
	}
	require.Equal(t, map[string]string{"alias/taken": id}, w.must("ListAliases").aliases(), "nothing was changed")
	w.must("CreateAlias", "AliasName", "alias/"+strings.Repeat("a", 255), "KeyId", id)
}

func TestAnAliasMovesToAnotherKey(t *testing.T) {
	w := newWire(t)
	first, second := w.createKey(), w.createKey()
	w.must("CreateAlias", "AliasName", "alias/a", "KeyId", first)
	w.must("CreateAlias", "AliasName", "alias/b", "KeyId", first)
	w.must("UpdateAlias", "AliasName", "alias/a", "KeyId", second)
	w.must("UpdateAlias", "AliasName", "alias/b", "KeyId", first)
	require.Equal(t, second, w.must("DescribeKey", "KeyId", "alias/a").KeyMetadata.KeyId)
	require.Equal(t, map[string]string{"alias/a": second, "alias/b": first}, w.must("ListAliases").aliases())
	require.Equal(t, map[string]string{"alias/b": first}, w.must("ListAliasesByKeyId", "KeyId", first).aliases())
	require.Equal(t, map[string]string{"alias/a": second}, w.must("ListAliasesByKeyId", "KeyId", second).aliases())
}

func TestADeletedAliasIsFreeAndItsKeyIsNot(t *testing.T) {
	w := newWire(t)
	first, second := w.createKey(), w.createKey()
	w.must("CreateAlias", "AliasName", "alias/a", "KeyId", first)
	w.must("DeleteAlias", "AliasName", "alias/a")
	w.do("DeleteAlias", "AliasName", "alias/a").refused(t, kmsapi.ErrAliasNotFound)
	w.do("Encrypt", "KeyId", "alias/a", "Plaintext", "eA==").refused(t, kmsapi.ErrAliasNotFound)
	require.Equal(t, kmsapi.Enabled, w.state(first))
	require.Empty(t, w.must("ListAliasesByKeyId", "KeyId", first).Aliases.Alias)
	w.must("CreateAlias", "AliasName", "alias/a", "KeyId", second)
	require.Equal(t, second, w.must("DescribeKey", "KeyId", "alias/a").KeyMetadata.KeyId)
}

func TestAliasesAreListedInPages(t *testing.T) {
	w := newWire(t)
	ids := []string{w.createKey(), w.createKey()}
	require.Contains(t, string(w.must("ListAliases").body), `"Alias":[]`, "no aliases are an empty list")
	require.Contains(t, string(w.must("ListAliasesByKeyId", "KeyId", ids[0]).body), `"Alias":[]`)
	var all, ofFirst []kmsapi.AliasEntry
	for i := range 7 {
		e := kmsapi.AliasEntry{AliasName: fmt.Sprintf("alias/team/%d", i), KeyId: ids[i%2]}
		e.AliasArn = "acs:kms:cn-hangzhou:123456:" + e.AliasName
		all = append(all, e)
		if i%2 == 0 {
			ofFirst = append(ofFirst, e)
		}
		w.must("CreateAlias", "AliasName", e.AliasName, "KeyId", e.KeyId)
	}
	list := func(want []kmsapi.AliasEntry, action string, pairs ...string) {
		var listed []kmsapi.AliasEntry
		for page := 1; page <= 3; page++ {
			got := w.must(action, append(pairs, "PageNumber", fmt.Sprint(page), "PageSize", "3")...)
			require.Equal(t, []int{page, 3, len(want)}, []int{got.PageNumber, got.PageSize, got.TotalCount})
			listed = append(listed, got.Aliases.Alias...)
		}
		require.Equal(t, want, listed)
		beyond := w.must(action, append(pairs, "PageNumber", "9223372036854775807", "PageSize", "101")...)
		require.Contains(t, string(beyond.body), `"Alias":[]`)
		require.Equal(t, len(want), beyond.TotalCount)
	}
	list(all, "ListAliases")
	list(ofFirst, "ListAliasesByKeyId", "KeyId", ids[0])
	w.do("ListAliases", "PageSize", "0").refused(t, kmsapi.ErrInvalidParameter)
	w.do("ListAliases", "PageSize", "102").refused(t, kmsapi.ErrInvalidParameter)
	w.do("ListAliasesByKeyId", "KeyId", ids[0], "PageNumber", "0").refused(t, kmsapi.ErrInvalidParameter)
}

func TestAliasesOfRegionsAreApart(t *testing.T) {
	w := newWire(t)
	here, there := w.createKey(), w.createKey("RegionId", "cn-shanghai")
	w.must("CreateAlias", "AliasName", "alias/a", "KeyId", here)
	w.do("DescribeKey", "KeyId", "alias/a", "RegionId", "cn-shanghai").refused(t, kmsapi.ErrAliasNotFound)
	w.do("CreateAlias", "AliasName", "alias/b", "KeyId", there).refused(t, kmsapi.ErrKeyNotFound)
	w.do("UpdateAlias", "AliasName", "alias/a", "KeyId", there).refused(t, kmsapi.ErrKeyNotFound)
	w.must("CreateAlias", "AliasName", "alias/a", "KeyId", there, "RegionId", "cn-shanghai")
	require.Equal(t, map[string]string{"alias/a": there}, w.must("ListAliases", "RegionId", "cn-shanghai").aliases())
	require.Empty(t, w.must("ListAliases", "RegionId", "cn-shanghai-finance-1").aliases())
	w.must("DeleteAlias", "AliasName", "alias/a", "RegionId", "cn-shanghai")
	require.Equal(t, map[string]string{"alias/a": here}, w.must("ListAliases").aliases())
}

func TestOfManyThatWantAnAliasOneGetsIt(t *testing.T) {
	w := newWire(t)
	var made, taken atomic.Int32
	var all sync.WaitGroup
	for range 8 {
		id := w.createKey()
		all.Go(func() {
			switch got := w.do("CreateAlias", "AliasName", "alias/a", "KeyId", id); got.Code {
			case "":
				made.Add(1)
			case kmsapi.ErrAliasAlreadyExists.Code:
				taken.Add(1)
			}
		})
	}
	all.Wait()
	require.Equal(t, []int32{1, 7}, []int32{made.Load(), taken.Load()})
	require.Equal(t, 1, w.must("ListAliases").TotalCount)
}

func TestAnAliasGoesWithItsKey(t *testing.T) {
	w := newWire(t)
	doomed, heir := w.createKey(), w.createKey()
	for _, name := range []string{"alias/lost", "alias/swept", "alias/heired", "alias/rescued"} {
		w.must("CreateAlias", "AliasName", name, "KeyId", doomed)
	}
	w.must("TagResource", "KeyId", doomed, "Tags", `[{"TagKey":"k","TagValue":"v"}]`)
	w.must("ScheduleKeyDeletion", "KeyId", doomed, "PendingWindowInDays", "7")
	w.must("UpdateAlias", "AliasName", "alias/rescued", "KeyId", heir)
	require.Equal(t, 4, w.must("ListAliases").TotalCount, "a planned deletion takes nothing away yet")

	w.kms.Advance(7*24*time.Hour + time.Minute)
	w.do("Encrypt", "KeyId", "alias/lost", "Plaintext", "eA==").refused(t, kmsapi.ErrAliasNotFound)
	w.do("UpdateAlias", "AliasName", "alias/lost", "KeyId", heir).refused(t, kmsapi.ErrAliasNotFound)
	w.do("DeleteAlias", "AliasName", "alias/lost").refused(t, kmsapi.ErrAliasNotFound)
	w.do("ListAliasesByKeyId", "KeyId", doomed).refused(t, kmsapi.ErrKeyNotFound)
	w.do("ListResourceTags", "KeyId", doomed).refused(t, kmsapi.ErrKeyNotFound)
	w.must("CreateAlias", "AliasName", "alias/heired", "KeyId", heir)
	left := map[string]string{"alias/heired": heir, "alias/rescued": heir}
	require.Equal(t, left, w.must("ListAliases").aliases(), "though no sweep has come by")

	require.NoError(t, w.kms.Sweep())
	require.Equal(t, left, w.must("ListAliases").aliases(), "the sweep takes nothing that has a new owner")
	require.Equal(t, left, w.must("ListAliasesByKeyId", "KeyId", heir).aliases())
	w.must("CreateAlias", "AliasName", "alias/lost", "KeyId", heir)
	w.must("DeleteAlias", "AliasName", "alias/lost")
	for path, value := range w.stored() {
		for _, gone := range []string{doomed, "lost", "swept"} {
			require.NotContains(t, path+value, gone)
		}
	}
}

// stored stops the service and returns all records of its store.
func (w *wire) stored() map[string]string {
	w.t.Helper()
	w.kms.Stop()
	return storedRecords(w.t, filepath.Join(w.kms.DataDir, "kms.db"))
}

func TestTheAuditLogHasTheKeyThatAnAliasStoodFor(t *testing.T) {
	l := newLab(t, nil)
	id, other := l.createKey(), l.createKey()
	l.must("CreateAlias", "AliasName", "alias/a", "KeyId", id)
	l.must("Encrypt", "KeyId", "alias/a", "Plaintext", "eA==")
	l.must("ListAliases")
	l.must("UpdateAlias", "AliasName", "alias/a", "KeyId", other)
	l.must("DeleteAlias", "AliasName", "alias/a")
	var audited []string
	for _, line := range l.auditLines() {
		audited = append(audited, fmt.Sprint(line["operation"], " ", line["key_id"]))
	}
	require.Equal(t, []string{
		"CreateKey " + id, "CreateKey " + other, "CreateAlias " + id, "Encrypt " + id, "ListAliases ", "UpdateAlias " + other,
		"DeleteAlias " + other,
	}, audited)
}
