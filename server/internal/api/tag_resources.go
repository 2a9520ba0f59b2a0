package api

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// tagResources is tagResource for several CMKs: of all of them, or of none.
func (a *API) tagResources(
	ctx context.Context, inv *Invocation, r *kmsapi.TagResourcesRequest,
) (*kmsapi.TagResourcesResponse, error) {
	if r.ResourceType != kmsapi.ResourceTypeKey {
		return nil, kmsapi.ErrResourceNotFound // There are no such resources.
	}
	return &kmsapi.TagResourcesResponse{}, a.changeTags(ctx, inv, r.ResourceIds, addTags(r.Tags))
}

// untagResources is untagResource for several CMKs: of all of them, or of none.
func (a *API) untagResources(
	ctx context.Context, inv *Invocation, r *kmsapi.UntagResourcesRequest,
) (*kmsapi.UntagResourcesResponse, error) {
	change := removeTags(r.TagKeys)
	switch {
	case r.ResourceType != kmsapi.ResourceTypeKey:
		return nil, kmsapi.ErrResourceNotFound
	case len(r.TagKeys) == 0 && !r.All:
		return nil, kmsapi.MissingParameter("TagKey.1")
	case len(r.TagKeys) == 0:
		change = func(tags keyring.Tags) error {
			clear(tags)
			return nil
		}
	}
	return &kmsapi.UntagResourcesResponse{}, a.changeTags(ctx, inv, r.ResourceIds, change)
}

// listTagResources returns a page of the tags of CMKs, in the order of the CMKs' ids and the tags' keys.
func (a *API) listTagResources(
	ctx context.Context, inv *Invocation, r *kmsapi.ListTagResourcesRequest,
) (*kmsapi.ListTagResourcesResponse, error) {
	if len(r.ResourceIds) == 0 && len(r.Tags) == 0 {
		return nil, kmsapi.MissingParameter("ResourceId.1")
	}
	after, err := parsePosition(r.NextToken)
	if err != nil {
		return nil, err
	}
	page := tagPage{wanted: r.Tags, after: after, rows: []kmsapi.TagResourceEntry{}}
	switch {
	case r.ResourceType != kmsapi.ResourceTypeKey && len(r.ResourceIds) > 0:
		return nil, kmsapi.ErrResourceNotFound
	case len(r.ResourceIds) > 0:
		err = a.view(ctx, inv, func(reader keyring.Reader) error { return page.ofNamed(reader, inv, r.ResourceIds) })
	default:
		if err := inv.permitEveryKey(); err != nil || r.ResourceType != kmsapi.ResourceTypeKey {
			return page.answer(), err
		}
		err = a.view(ctx, inv, func(reader keyring.Reader) error { return reader.EachTagged(after.keyID, page.add) })
	}
	return page.answer(), err
}

// position is a place in the list of all tags: after one tag of a CMK.
type position struct{ keyID, tagKey string }

// token is the position as a client sends it back. It says no more than the page before it did, and permissions are
// checked again, so it need not be authentic.
func (p position) token() string {
	if p == (position{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(p.keyID + "/" + p.tagKey))
}

func parsePosition(token string) (position, error) {
	if token == "" {
		return position{}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	keyID, tagKey, ok := strings.Cut(string(text), "/")
	if err != nil || !ok || !crypt.IsKeyID(keyID) {
		return position{}, kmsapi.InvalidParameter("NextToken", "It must be the NextToken of the page before.")
	}
	return position{keyID, tagKey}, nil
}

// maxLookedAt bounds the CMKs that one request looks at. If few of them have the tags that it asks for, its page is
// short.
const maxLookedAt = 5000

// tagPage gathers a page of tags.
type tagPage struct {
	// wanted are the tags that a CMK must have, and the only ones that are listed; if there are none, all are.
	wanted kmsapi.Tags
	// after is where the page before has ended.
	after position
	rows  []kmsapi.TagResourceEntry
	// lookedAt counts CMKs.
	lookedAt int
	// next is where the page ends, if it is not the last one.
	next position
}

// ofNamed gathers the tags of the CMKs called keyIDs, each of which must exist.
func (p *tagPage) ofNamed(r keyring.Reader, inv *Invocation, keyIDs []string) error {
	for _, keyID := range keyIDs {
		if _, err := byID(keyID).forUse(r, inv); err != nil {
			return err
		}
	}
	keyIDs = slices.Compact(slices.Sorted(slices.Values(keyIDs)))
	for _, keyID := range keyIDs {
		if keyID < p.after.keyID {
			continue
		}
		tags, err := r.Tags(keyID)
		if err != nil {
			return err
		}
		if more, err := p.add(keyID, tags); err != nil || !more {
			return err
		}
	}
	return nil
}

// add adds the tags of a CMK, and reports whether there is room for more. keyIDs come in order.
func (p *tagPage) add(keyID string, tags keyring.Tags) (more bool, err error) {
	if p.lookedAt == maxLookedAt {
		p.next = position{keyID, ""} // This one comes first on the next page.
		return false, nil
	}
	p.lookedAt++
	if !p.accepts(tags) {
		return true, nil
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if !p.lists(key) || keyID == p.after.keyID && key <= p.after.tagKey {
			continue
		}
		if len(p.rows) == kmsapi.MaxTagRows {
			last := p.rows[len(p.rows)-1]
			p.next = position{last.ResourceId, last.TagKey}
			return false, nil
		}
		p.rows = append(p.rows, kmsapi.TagResourceEntry{
			ResourceId: keyID, ResourceType: kmsapi.ResourceTypeKey, TagKey: key, TagValue: tags[key],
		})
	}
	return true, nil
}

func (p *tagPage) answer() *kmsapi.ListTagResourcesResponse {
	return &kmsapi.ListTagResourcesResponse{
		NextToken: p.next.token(), TagResources: kmsapi.TagResourceList{TagResource: p.rows},
	}
}

// accepts reports whether a CMK has all wanted tags. One without a value stands for every value.
func (p *tagPage) accepts(tags keyring.Tags) bool {
	return !slices.ContainsFunc(p.wanted, func(want kmsapi.Tag) bool {
		value, ok := tags[want.TagKey]
		return !ok || want.TagValue != "" && value != want.TagValue
	})
}

// lists reports whether tags with that key are on the page.
func (p *tagPage) lists(key string) bool {
	return len(p.wanted) == 0 || slices.ContainsFunc(p.wanted, func(want kmsapi.Tag) bool { return want.TagKey == key })
}
