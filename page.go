package alicloudkms

import (
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

// page sorts names, and returns those that the caller asks for.
func page(names []string, d *framework.FieldData) ([]string, error) {
	after, limit := d.Get("after").(string), d.Get("limit").(int)
	if limit < 0 {
		return nil, badRequest("limit must be 0 or more")
	}
	names = slices.Sorted(slices.Values(names))
	if after != "" {
		first, found := slices.BinarySearch(names, after)
		if found {
			first++
		}
		names = names[first:]
	}
	if limit > 0 {
		names = names[:min(limit, len(names))]
	}
	return names, nil
}
