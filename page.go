package alicloudkms

import (
	"iter"
	"slices"

	"github.com/hashicorp/vault/sdk/framework"
)

// pageFields let the caller of a list ask for a part of it.
func pageFields() map[string]*framework.FieldSchema {
	return map[string]*framework.FieldSchema{
		"after": {
			Type:        framework.TypeString,
			Description: "Where to begin: after this entry, which need not exist. Empty: at the first.",
			Query:       true,
		},
		"limit": {
			Type:        framework.TypeInt,
			Description: "How many entries to list at most. 0 (default): all.",
			Query:       true,
		},
	}
}

// A part of a list is what the caller asks for.
type part struct {
	after string
	limit int
}

// askedPart reads and checks the page fields.
func askedPart(d *framework.FieldData) (part, error) {
	p := part{after: d.Get("after").(string), limit: d.Get("limit").(int)}
	if p.limit < 0 {
		return p, badRequest("limit must be 0 or more")
	}
	return p, nil
}

// of returns the names that belong to the part, sorted.
func (p part) of(names iter.Seq[string]) []string {
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
