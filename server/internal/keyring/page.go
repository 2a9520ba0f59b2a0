package keyring

import (
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Page is one page of a list.
type Page[T any] struct {
	// Items of the page, in order. It is never nil, so an empty page is an empty list in JSON, and not null.
	Items []T
	// Total is the number of items on all pages.
	Total int
}

// readPage reads page number of l, counted from 1, in pages of size items; both are at least 1. gone are the names in
// l, in order, that it leaves out.
func readPage[T any](
	r store.Reader, l list.List, gone []string, number, size int, item func(name string, value []byte) (T, error),
) (Page[T], error) {
	page := Page[T]{Items: []T{}}
	recorded, err := l.Len(r)
	if err != nil {
		return page, err
	}
	page.Total = recorded - len(gone)
	// The number of items before a page that does not exist may be more than an int can hold.
	if number > page.Total/size+1 {
		return page, nil
	}
	skip, passBy := (number-1)*size, 0
	if len(gone) > 0 {
		skip, passBy = 0, skip // It is unknown how many of them are among those before the page.
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
