package keyring

import (
	"errors"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Filter lets CMKs through. Each of its lists that has items must hold something of the CMK.
type Filter struct {
	KeyIDs []string
	// Aliases are names with the prefix [kmsapi.AliasPrefix].
	Aliases []string
	// TagKeys and TagValues need not be of the same tag.
	TagKeys, TagValues []string
	// Accepts looks at the CMK itself, and is nil if every CMK will do.
	Accepts func(*CMK) bool
}

// FilteredCMKs returns a page of the ids of the CMKs that f lets through, in their order. Pages are counted from 1.
//
// Their number must be known, so all CMKs that may be let through are looked at: those that ids or aliases name, or
// else those that have tags if f is about tags, or else all.
func (r Reader) FilteredCMKs(f Filter, number, size int) (Page[string], error) {
	page := Page[string]{Items: []string{}}
	err := r.eachCandidate(f, func(keyID string) {
		if page.Total/size == number-1 {
			page.Items = append(page.Items, keyID)
		}
		page.Total++
	})
	return page, err
}

// eachCandidate visits the ids of the CMKs that f lets through, in their order.
func (r Reader) eachCandidate(f Filter, visit func(keyID string)) error {
	switch {
	case len(f.KeyIDs) > 0 || len(f.Aliases) > 0:
		return r.eachNamed(f, visit)
	case len(f.TagKeys) > 0 || len(f.TagValues) > 0:
		return r.eachWithTags(f, visit)
	default:
		return r.eachAccepted(f, visit)
	}
}

// eachNamed is eachCandidate for a filter that has ids or aliases.
func (r Reader) eachNamed(f Filter, visit func(keyID string)) error {
	keyIDs, err := r.named(f)
	if err != nil {
		return err
	}
	for _, keyID := range keyIDs {
		passes, err := r.passes(f, keyID)
		if err != nil {
			return err
		}
		if passes {
			visit(keyID)
		}
	}
	return nil
}

// named returns the ids that both the ids and the aliases of f allow, in order. They may be of no CMK.
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

// passes reports whether f lets the CMK called keyID through, whatever it says of ids and aliases.
func (r Reader) passes(f Filter, keyID string) (bool, error) {
	if len(f.TagKeys) > 0 || len(f.TagValues) > 0 {
		tags, err := r.Tags(keyID)
		if err != nil || !f.acceptsTags(tags) {
			return false, err
		}
	}
	cmk, err := r.CMK(keyID)
	if errors.Is(err, kmsapi.ErrKeyNotFound) {
		return false, nil
	}
	return err == nil && f.accepts(cmk), err
}

// eachWithTags is eachCandidate for a filter about tags.
func (r Reader) eachWithTags(f Filter, visit func(keyID string)) error {
	some := f.TagValues
	if len(some) == 0 {
		some = f.TagKeys
	}
	return r.eachTagged("", asBytes(some), func(keyID string, tags Tags) (bool, error) {
		if !f.acceptsTags(tags) {
			return true, nil
		}
		if f.Accepts != nil {
			if cmk, err := r.CMK(keyID); err != nil || !f.Accepts(cmk) {
				return err == nil, err
			}
		}
		visit(keyID)
		return true, nil
	})
}

// eachAccepted is eachCandidate for a filter that looks at CMKs alone.
func (r Reader) eachAccepted(f Filter, visit func(keyID string)) error {
	prefix := r.scope.cmkPath("")
	return r.store.Scan(prefix, "", func(path string, value []byte) (bool, error) {
		cmk, err := decodeCMK(path, strings.TrimPrefix(path, prefix), value)
		if err != nil {
			return false, err
		}
		if gone := cmk.settle(r.now); !gone && f.accepts(cmk) {
			visit(cmk.KeyID)
		}
		return true, nil
	})
}

func asBytes(texts []string) (converted [][]byte) {
	for _, text := range texts {
		converted = append(converted, []byte(text))
	}
	return converted
}

func (f Filter) accepts(cmk *CMK) bool { return f.Accepts == nil || f.Accepts(cmk) }

func (f Filter) acceptsTags(tags Tags) bool {
	return f.hasKey(tags) && f.hasValue(tags)
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
