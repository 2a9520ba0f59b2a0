package keyring

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyindex"
)

// Filter selects CMKs. A CMK passes if it matches at least one item of each list that has items.
type Filter struct {
	KeyIDs []string
	// Aliases are names with the prefix [kmsapi.AliasPrefix].
	Aliases []string
	// TagKeys and TagValues may match different tags of a CMK.
	TagKeys, TagValues []string
	// Accepts decides by the other properties that filters compare; nil accepts every CMK.
	Accepts func(keyindex.Class) bool
}

// FilteredCMKs returns a page of the ids of the CMKs that pass f, in order. Pages are counted from 1.
//
// CMKs that ids or aliases name are checked one by one. Otherwise the index of the scope is used. The first request
// makes it, which takes reading all CMKs.
func (k *Keyring) FilteredCMKs(
	ctx context.Context, scope Scope, now time.Time, f Filter, number, size int,
) (page Page[string], err error) {
	if len(f.KeyIDs) > 0 || len(f.Aliases) > 0 {
		err = k.View(ctx, scope, now, func(r Reader) error {
			page, err = r.namedCMKs(f, number, size)
			return err
		})
		return page, err
	}
	index, err := k.indices.of(ctx, scope, func(l keyindex.Loader) error { return k.loadIndex(ctx, scope, l) })
	if err != nil {
		return page, err
	}
	page.Items, page.Total = index.Page(now,
		keyindex.Filter{Accepts: f.Accepts, TagKeys: f.TagKeys, TagValues: f.TagValues}, number, size)
	return page, nil
}

// namedCMKs is FilteredCMKs for a filter that has ids or aliases.
func (r Reader) namedCMKs(f Filter, number, size int) (Page[string], error) {
	page := Page[string]{Items: []string{}}
	keyIDs, err := r.named(f)
	if err != nil {
		return page, err
	}
	for _, keyID := range keyIDs {
		passes, err := r.passes(f, keyID)
		if err != nil {
			return page, err
		}
		if !passes {
			continue
		}
		if page.Total/size == number-1 {
			page.Items = append(page.Items, keyID)
		}
		page.Total++
	}
	return page, nil
}

// named returns the ids that both the ids and the aliases of f allow, in order. There may be no CMKs with these ids.
func (r Reader) named(f Filter) ([]string, error) {
	keyIDs := slices.Clone(f.KeyIDs)
	if len(f.Aliases) > 0 {
		keyIDs = nil
	}
	for _, name := range f.Aliases {
		alias, _, err := r.Alias(name)
		if errors.Is(err, kmsapi.ErrAliasNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if len(f.KeyIDs) == 0 || slices.Contains(f.KeyIDs, alias.KeyID) {
			keyIDs = append(keyIDs, alias.KeyID)
		}
	}
	slices.Sort(keyIDs)
	return slices.Compact(keyIDs), nil
}

// passes reports whether the CMK called keyID passes f, apart from f's ids and aliases.
func (r Reader) passes(f Filter, keyID string) (bool, error) {
	if len(f.TagKeys) > 0 || len(f.TagValues) > 0 {
		tags, err := r.Tags(keyID)
		if err != nil || !f.hasKey(tags) || !f.hasValue(tags) {
			return false, err
		}
	}
	cmk, err := r.CMK(keyID)
	if errors.Is(err, kmsapi.ErrKeyNotFound) {
		return false, nil
	}
	return err == nil && (f.Accepts == nil || f.Accepts(cmk.class())), err
}

func (f Filter) hasKey(tags Tags) bool {
	return len(f.TagKeys) == 0 || slices.ContainsFunc(f.TagKeys, func(key string) bool {
		_, ok := tags[key]
		return ok
	})
}

func (f Filter) hasValue(tags Tags) bool {
	if len(f.TagValues) == 0 {
		return true
	}
	for _, value := range tags {
		if slices.Contains(f.TagValues, value) {
			return true
		}
	}
	return false
}
