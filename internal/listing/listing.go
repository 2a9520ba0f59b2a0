// Package listing reads lists that KMS gives page by page, while others may change them.
package listing

import (
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

const (
	// PageSize is how many entries to ask KMS for at a time.
	PageSize = 100
	// MaxPages bounds a list. It is far above the quotas of CMKs and aliases, and ends a list that has no end.
	MaxPages = 1000
)

// A Fetch asks KMS for one page of a list, counted from 1. total is KMS's count of the entries on all pages.
type Fetch[T any] func(page int) (entries []T, total int, err error)

// A Listing is what KMS lists.
type Listing[T any] struct {
	// Entries holds the entries under their names.
	Entries map[string]T
	// Order has the names in the order in which KMS lists them.
	Order []string
	// Moved says that the list changed while it was read: KMS's count differs from what it lists, or between two pages.
	Moved bool
}

// Collect fetches all pages of a list. An entry that moves to a later page meanwhile comes twice, and counts once.
// Collect does not trust total: a page that brings nothing new ends the list, and so does a short one, but only if
// total agrees, since KMS may give less than [PageSize] at a time.
func Collect[T any](next Fetch[T], name func(T) string) (Listing[T], error) {
	l := Listing[T]{Entries: map[string]T{}}
	counted := 0
	for page := 1; page <= MaxPages; page++ {
		entries, total, err := next(page)
		if err != nil {
			return l, err
		}
		before := len(l.Entries)
		for _, entry := range entries {
			if _, known := l.Entries[name(entry)]; !known {
				l.Order = append(l.Order, name(entry))
			}
			l.Entries[name(entry)] = entry
		}
		l.Moved = l.Moved || page > 1 && total != counted
		counted = total
		isShort := len(entries) < PageSize
		if len(l.Entries) == before || isShort && len(l.Entries) >= total {
			l.Moved = l.Moved || len(l.Entries) != total
			return l, nil
		}
	}
	return l, refusal.BadGateway("KMS lists more than %d pages, which can't be right", MaxPages)
}

// rounds is how often to read a list that keeps changing.
const rounds = 5

// Still reads a list until it did not change meanwhile, for callers that must not miss anything. moving is the message
// of the error if it always changes.
func Still[T any](read func() (Listing[T], error), moving string) (Listing[T], error) {
	for range rounds {
		l, err := read()
		if err != nil || !l.Moved {
			return l, err
		}
	}
	return Listing[T]{}, refusal.Unavailable("%s", moving)
}

// Warn warns the caller that entries which moved to an earlier page may be missing.
func (l Listing[T]) Warn(resp *logical.Response) *logical.Response {
	if l.Moved {
		resp.AddWarning("the list changed while it was read, so entries may be missing; list again")
	}
	return resp
}
