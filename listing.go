package alicloudkms

import (
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/hashicorp/vault/sdk/logical"
)

const (
	// kmsPageSize is how many entries are asked for at a time.
	kmsPageSize = 100
	// maxKMSPages bounds a list. It is far above the quotas of CMKs and aliases, and ends a list that has no end.
	maxKMSPages = 1000
)

// A fetch asks KMS for one page of a list, counted from 1. total is how many entries KMS says that all pages have.
type fetch[T any] func(page int) (entries []T, total int, err error)

// A listing is what KMS lists, under the name of each entry.
type listing[T any] struct {
	entries map[string]T
	// moved says that KMS counts other than it lists, or counted other on another page: the list changed meanwhile.
	moved bool
}

// collect asks for all pages of a list that others may change meanwhile: an entry that moves to a later page comes twice,
// and counts once. It does not trust total: a page that brings nothing new ends the list, and so does a short one, but only
// if total agrees, since KMS may give less than kmsPageSize at a time.
func collect[T any](next fetch[T], name func(T) string) (listing[T], error) {
	l := listing[T]{entries: map[string]T{}}
	counted := 0
	for page := 1; page <= maxKMSPages; page++ {
		entries, total, err := next(page)
		if err != nil {
			return l, err
		}
		before := len(l.entries)
		for _, entry := range entries {
			l.entries[name(entry)] = entry
		}
		l.moved = l.moved || page > 1 && total != counted
		counted = total
		isShort := len(entries) < kmsPageSize
		if len(l.entries) == before || isShort && len(l.entries) >= total {
			l.moved = l.moved || len(l.entries) != total
			return l, nil
		}
	}
	return l, logical.CodedError(http.StatusBadGateway, fmt.Sprintf("KMS lists more than %d pages, which can't be right", maxKMSPages))
}

// warn tells the caller that entries which moved to an earlier page may be missing.
func (l listing[T]) warn(resp *logical.Response) *logical.Response {
	if l.moved {
		resp.AddWarning("the list changed while it was read, so that entries may be missing; list again")
	}
	return resp
}

// sortedKeys is never nil, so that it is an empty list in JSON too.
func sortedKeys[V any](m map[string]V) []string {
	keys := slices.AppendSeq(make([]string, 0, len(m)), maps.Keys(m))
	slices.Sort(keys)
	return keys
}
