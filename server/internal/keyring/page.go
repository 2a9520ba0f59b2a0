package keyring

import (
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Page is one page of a list.
type Page[T any] struct {
	// Items are the items of the page, in order. It is never nil, so an empty page is an empty list in JSON, not null.
	Items []T
	// Total is the number of items on all pages.
	Total int
}

// readPage reads page number of l, counted from 1, in pages of size items; both are at least 1. It leaves out gone,
// names in l, in order.
func readPage[T any](
	r store.Reader, l list.List, gone []string, number, size int, item func(name string, value []byte) (T, error),
) (Page[T], error) {
	page := Page[T]{Items: []T{}}
	recorded, err := l.Len(r)
	if err != nil {
		return page, err
	}
	page.Total = recorded - len(gone)
	// The number of items before a page beyond the last could overflow an int.
	if number > page.Total/size+1 {
		return page, nil
	}
	skip, passBy := (number-1)*size, 0
	if len(gone) > 0 {
		skip, passBy = 0, skip // It is not known how many of the gone items come before the page.
	}
	err = l.Walk(r, skip, func(name string, value []byte) (bool, error) {
		if _, isGone := slices.BinarySearch(gone, name); isGone {
			return true, nil
		}
		if passBy > 0 {
			passBy--
			return true, nil
		}
		next, err := item(name, value)
		page.Items = append(page.Items, next)
		return len(page.Items) < size, err
	})
	return page, err
}
