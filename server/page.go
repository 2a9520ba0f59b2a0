package server

import (
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// page is one page of a list.
type page[T any] struct {
	number, size int
	items        []T
	total        int
}

// newPage is for the page called number, counted from 1, of pages of size items; neither is less than 1. An empty page is
// an empty list, and not null, in JSON.
func newPage[T any](number, size int) *page[T] {
	return &page[T]{number: number, size: size, items: []T{}}
}

// fill reads the page from l, and counts all items. gone are names in l, in order, that count for nothing.
func (p *page[T]) fill(r store.Reader, l list.List, gone []string, item func(name string, value []byte) (T, error)) error {
	have, err := l.Len(r)
	if err != nil {
		return err
	}
	p.total = have - len(gone)
	// The number of items before a page that is not there may be more than an int can hold.
	if p.number > p.total/p.size+1 {
		return nil
	}
	before := (p.number - 1) * p.size
	skip := before
	if len(gone) > 0 {
		skip = 0 // Nobody knows how many of them are among those before.
	} else {
		before = 0
	}
	return l.Walk(r, skip, func(name string, value []byte) (bool, error) {
		if _, isGone := slices.BinarySearch(gone, name); isGone {
			return true, nil
		}
		if before > 0 {
			before--
			return true, nil
		}
		shown, err := item(name, value)
		p.items = append(p.items, shown)
		return len(p.items) < p.size, err
	})
}
