package fields

import (
	"iter"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
)

// PageSchemas returns the fields with which the caller of a list asks for a page of it.
func PageSchemas() Schemas {
	return Schemas{
		"after": {
			Type:        framework.TypeString,
			Description: "Where to begin: after this entry, which need not exist. Empty: at the first.",
			Query:       true,
		},
		"limit": {
			Type:        framework.TypeInt,
			Description: "How many entries to list at most. 0 (default) or less: all.",
			Query:       true,
		},
	}
}

// A Page is the part of a list that a caller asks for.
type Page struct {
	after string
	limit int
}

// PageOf reads the fields of [PageSchemas].
func PageOf(d *framework.FieldData) Page {
	return Page{after: d.Get("after").(string), limit: d.Get("limit").(int)}
}

// Select returns the names on the page, sorted.
func (p Page) Select(names iter.Seq[string]) []string {
	sorted := slices.Sorted(names)
	if p.after != "" {
		first, found := slices.BinarySearch(sorted, p.after)
		if found {
			first++
		}
		sorted = sorted[first:]
	}
	if p.limit > 0 {
		sorted = sorted[:min(p.limit, len(sorted))]
	}
	return sorted
}
