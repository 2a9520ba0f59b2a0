package server

// page collects one page of a list: it is shown all items, keeps those of the page, and counts the rest.
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

// show shows the next item. What decides is the page that the item is on, since the number of items before the page
// asked for may be more than an int can hold.
func (p *page[T]) show(item T) {
	if p.total/p.size+1 == p.number {
		p.items = append(p.items, item)
	}
	p.total++
}
