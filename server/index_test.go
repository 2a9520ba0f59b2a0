package server_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/servertest"
)

// newFilledLab is newLab with n CMKs, each with an alias.
func newFilledLab(t testing.TB, n int) *lab {
	l := newLab(t, func(c *server.Config) { require.NoError(t, servertest.Fill(t.Context(), *c, n)) })
	l.now = l.now.Add(time.Second) // It has had an earlier run.
	return l
}

// everyPage reads a whole list, page by page, and checks that its names are in order and as many as TotalCount says.
func (l *lab) everyPage(size int, action string, pairs ...string) (names []string) {
	l.t.Helper()
	for number := 1; ; number++ {
		got := l.must(action, append(pairs, "PageNumber", strconv.Itoa(number), "PageSize", strconv.Itoa(size))...)
		var page struct {
			Keys    kmsapi.KeyList
			Aliases kmsapi.AliasList
		}
		got.into(l.t, &page)
		for _, k := range page.Keys.Key {
			names = append(names, k.KeyId)
		}
		for _, a := range page.Aliases.Alias {
			names = append(names, a.AliasName+" of "+a.KeyId)
		}
		if len(page.Keys.Key)+len(page.Aliases.Alias) < size {
			require.Len(l.t, names, got.TotalCount)
			require.IsIncreasing(l.t, append(names, "~"))
			return names
		}
	}
}

func TestPagesOfManyAreExactBeforeAndAfterTheSweep(t *testing.T) {
	const many = 2500
	l := newFilledLab(t, many)
	keys, aliases := l.everyPage(100, "ListKeys"), l.everyPage(97, "ListAliases")
	require.Len(t, keys, many)
	require.Len(t, aliases, many)

	var stay, lost []string
	for i, id := range keys {
		if i%5 == 3 {
			l.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
			lost = append(lost, id)
			continue
		}
		stay = append(stay, id)
	}
	var stayAliases []string
	for _, entry := range aliases {
		if !strings.Contains(strings.Join(lost, " "), entry[strings.LastIndex(entry, " ")+1:]) {
			stayAliases = append(stayAliases, entry)
		}
	}
	require.Equal(t, keys, l.everyPage(100, "ListKeys"), "their day has not come")
	l.now = l.now.Add(8 * 24 * time.Hour)
	for _, when := range []string{"before the sweep", "after it"} {
		require.Equal(t, stay, l.everyPage(100, "ListKeys"), when)
		require.Equal(t, stayAliases, l.everyPage(100, "ListAliases"), when)
		require.NoError(t, l.service.Sweep(t.Context()))
	}
	l.close()
	report, err := server.Check(t.Context(), l.config, "", nil)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	l.open()
}

func TestThePagesOfACMKWithManyAliases(t *testing.T) {
	l := newLab(t, nil)
	id, other := l.createKey(), l.createKey()
	var want []string
	for i := range 1100 {
		name := fmt.Sprintf("alias/a%04d", (i*7)%1100)
		l.must("CreateAlias", "KeyId", id, "AliasName", name)
		want = append(want, fmt.Sprintf("alias/a%04d of %s", i, id))
	}
	require.Equal(t, want, l.everyPage(100, "ListAliasesByKeyId", "KeyId", id))
	require.Equal(t, want, l.everyPage(100, "ListAliases"))
	l.must("UpdateAlias", "KeyId", other, "AliasName", "alias/a0300")
	require.Len(t, l.everyPage(100, "ListAliasesByKeyId", "KeyId", id), 1099)
	require.Equal(t, []string{"alias/a0300 of " + other}, l.everyPage(100, "ListAliasesByKeyId", "KeyId", other))
}

// allRecords reads the whole store.
func (l *lab) allRecords() map[string]string {
	l.t.Helper()
	l.close()
	defer l.open()
	return storedRecords(l.t, l.config.Storage.Path)
}
