package ops

import (
	"cmp"
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// maxRows is how many rows a table has at most. The rest are added up.
const maxRows = 20

// keyTable has the numbers of keys and secrets of each account and region, the largest first.
type keyTable struct {
	States []kmsapi.KeyState
	Rows   []keyRow
	// Total is the sum of all accounts and regions, and Rest the sum of those that have no row.
	Total, Rest keyRow
	// Scopes is the number of accounts and regions, and Left the number of those that have no row.
	Scopes, Left int
}

// keyRow has numbers of keys and secrets.
type keyRow struct {
	Account, Region string
	// ByState has the numbers of keys in the order of keyTable.States.
	ByState       [len(pageStates)]float64
	Keys, Secrets float64
}

// pageStates are the states of keys in the order of the page's columns.
var pageStates = [...]kmsapi.KeyState{kmsapi.Enabled, kmsapi.Disabled, kmsapi.PendingImport, kmsapi.PendingDeletion}

func (r *keyRow) add(o keyRow) {
	for i, n := range o.ByState {
		r.ByState[i] += n
	}
	r.Keys += o.Keys
	r.Secrets += o.Secrets
}

func keysOf(r Records) keyTable {
	rows := map[[2]string]*keyRow{}
	rowOf := func(account, region string) *keyRow {
		at := [2]string{account, region}
		if rows[at] == nil {
			rows[at] = &keyRow{Account: shown(account), Region: shown(region)}
		}
		return rows[at]
	}
	for _, k := range r.Keys {
		row := rowOf(k.Account, k.Region)
		row.Keys += float64(k.Number)
		if i := slices.Index(pageStates[:], k.State); i >= 0 {
			row.ByState[i] += float64(k.Number)
		}
	}
	for _, s := range r.Secrets {
		rowOf(s.Account, s.Region).Secrets += float64(s.Number)
	}
	t := keyTable{States: pageStates[:], Scopes: len(rows)}
	sorted := slices.SortedFunc(maps.Values(rows), func(a, b *keyRow) int {
		return cmp.Or(cmp.Compare(b.Keys, a.Keys), cmp.Compare(b.Secrets, a.Secrets),
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region))
	})
	for i, row := range sorted {
		t.Total.add(*row)
		if i < maxRows {
			t.Rows = append(t.Rows, *row)
		} else {
			t.Rest.add(*row)
			t.Left++
		}
	}
	return t
}
