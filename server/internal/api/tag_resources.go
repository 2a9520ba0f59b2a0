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

// tagResources is tagResource for several CMKs or secrets: for all of them, or for none.
func (a *API) tagResources(
	ctx context.Context, inv *Invocation, r *kmsapi.TagResourcesRequest,
) (*kmsapi.TagResourcesResponse, error) {
	return &kmsapi.TagResourcesResponse{}, a.changeTags(ctx, inv, r.ResourceType, r.ResourceIds, addTags(r.Tags))
}

// untagResources is untagResource for several CMKs or secrets: for all of them, or for none.
func (a *API) untagResources(
	ctx context.Context, inv *Invocation, r *kmsapi.UntagResourcesRequest,
) (*kmsapi.UntagResourcesResponse, error) {
	change := removeTags(r.TagKeys)
	switch {
	case r.ResourceType == kmsapi.ResourceTypeInstance:
		return nil, kmsapi.ErrResourceNotFound // No instance can be tagged.
	case len(r.TagKeys) == 0 && !r.All:
		return nil, kmsapi.MissingParameter("TagKey.1")
	case len(r.TagKeys) == 0:
		change = func(tags keyring.Tags) error {
			clear(tags)
			return nil
		}
	}
	return &kmsapi.UntagResourcesResponse{}, a.changeTags(ctx, inv, r.ResourceType, r.ResourceIds, change)
}

// listTagResources returns a page of the tags of CMKs or secrets, in the order of their ids and the tags' keys.
func (a *API) listTagResources(
	ctx context.Context, inv *Invocation, r *kmsapi.ListTagResourcesRequest,
) (*kmsapi.ListTagResourcesResponse, error) {
	if len(r.ResourceIds) == 0 && len(r.Tags) == 0 {
		return nil, kmsapi.MissingParameter("ResourceId.1")
	}
	of, tagged := taggedTypes[r.ResourceType]
	after, err := parsePosition(r.NextToken, of)
	if err != nil {
		return nil, err
	}
	page := tagPage{resourceType: r.ResourceType, wanted: r.Tags, after: after, rows: []kmsapi.TagResourceEntry{}}
	switch {
	case !tagged && len(r.ResourceIds) > 0:
		return nil, kmsapi.ErrResourceNotFound
	case !tagged:
		return page.answer(), inv.permitEveryKey()
	case len(r.ResourceIds) > 0:
		err = a.view(ctx, inv, func(reader keyring.Reader) error { return page.ofNamed(reader, inv, of, r.ResourceIds) })
	default:
		if err := of.permitEvery(inv); err != nil {
			return nil, err
		}
		err = a.view(ctx, inv, func(reader keyring.Reader) error { return of.each(reader, after.id, page.add) })
	}
	return page.answer(), err
}

// taggedType is a type of resources that have tags.
type taggedType struct {
	isID        func(id string) bool
	permitEvery func(*Invocation) error
	// find returns the tags of a resource, which must exist.
	find func(r keyring.Reader, inv *Invocation, id string) (keyring.Tags, error)
	each func(r keyring.Reader, from string, visit func(id string, tags keyring.Tags) (bool, error)) error
}

// taggedTypes is never changed.
var taggedTypes = map[string]taggedType{
	kmsapi.ResourceTypeKey: {
		isID: crypt.IsKeyID, permitEvery: (*Invocation).permitEveryKey, each: keyring.Reader.EachTagged,
		find: func(r keyring.Reader, inv *Invocation, id string) (keyring.Tags, error) {
			cmk, err := byID(id).forUse(r, inv)
			if err != nil {
				return nil, err
			}
			return r.Tags(cmk.KeyID)
		},
	},
	kmsapi.ResourceTypeSecret: {
		isID: kmsapi.IsSecretName, permitEvery: (*Invocation).permitEverySecret, each: keyring.Reader.EachTaggedSecret,
		find: func(r keyring.Reader, _ *Invocation, id string) (keyring.Tags, error) {
			if _, err := r.Secret(id); err != nil {
				return nil, err
			}
			return r.SecretTags(id)
		},
	},
}

// position is a position in the list of all tags: just after one tag of a resource.
type position struct{ id, tagKey string }

// token returns the position as a token for the client. It reveals no more than the page before it, and permissions are
// checked again, so it need not be authenticated.
func (p position) token() string {
	if p == (position{}) {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString([]byte(p.id + separator + p.tagKey))
}

// separator is in no id of a CMK and in no name of a secret.
const separator = ":"

func parsePosition(token string, of taggedType) (position, error) {
	if token == "" {
		return position{}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	id, tagKey, ok := strings.Cut(string(text), separator)
	if err != nil || !ok || of.isID == nil || !of.isID(id) {
		return position{}, kmsapi.InvalidParameter("NextToken", "It must be the NextToken of the page before.")
	}
	return position{id, tagKey}, nil
}

// maxLookedAt bounds the resources that one request examines. If few of them have the wanted tags, its page is short.
const maxLookedAt = 5000

// tagPage gathers a page of tags.
type tagPage struct {
	resourceType string
	// wanted are the tags that a resource must have, and the only ones that are listed; if there are none, all tags
	// are.
	wanted kmsapi.Tags
	// after is where the previous page has ended.
	after position
	rows  []kmsapi.TagResourceEntry
	// lookedAt counts resources.
	lookedAt int
	// next is where the page ends, if it is not the last one.
	next position
}

// ofNamed gathers the tags of the resources called ids, each of which must exist.
func (p *tagPage) ofNamed(r keyring.Reader, inv *Invocation, of taggedType, ids []string) error {
	all := map[string]keyring.Tags{}
	for _, id := range ids {
		tags, err := of.find(r, inv, id)
		if err != nil {
			return err
		}
		all[id] = tags
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		if id < p.after.id {
			continue
		}
		if more, err := p.add(id, all[id]); err != nil || !more {
			return err
		}
	}
	return nil
}

// add adds the tags of a resource, and reports whether there is room for more. Resources are added in the order of
// their ids.
func (p *tagPage) add(id string, tags keyring.Tags) (more bool, err error) {
	if p.lookedAt == maxLookedAt {
		p.next = position{id, ""} // The next page begins with this resource.
		return false, nil
	}
	p.lookedAt++
	if !p.accepts(tags) {
		return true, nil
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		if !p.lists(key) || id == p.after.id && key <= p.after.tagKey {
			continue
		}
		if len(p.rows) == kmsapi.MaxTagRows {
			last := p.rows[len(p.rows)-1]
			p.next = position{last.ResourceId, last.TagKey}
			return false, nil
		}
		p.rows = append(p.rows, kmsapi.TagResourceEntry{
			ResourceId: id, ResourceType: p.resourceType, TagKey: key, TagValue: tags[key],
		})
	}
	return true, nil
}

func (p *tagPage) answer() *kmsapi.ListTagResourcesResponse {
	return &kmsapi.ListTagResourcesResponse{
		NextToken: p.next.token(), TagResources: kmsapi.TagResourceList{TagResource: p.rows},
	}
}

// accepts reports whether a resource has all wanted tags. A wanted tag without a value matches every value.
func (p *tagPage) accepts(tags keyring.Tags) bool {
	return !slices.ContainsFunc(p.wanted, func(want kmsapi.Tag) bool {
		value, ok := tags[want.TagKey]
		return !ok || want.TagValue != "" && value != want.TagValue
	})
}

// lists reports whether tags with this key are listed.
func (p *tagPage) lists(key string) bool {
	return len(p.wanted) == 0 || slices.ContainsFunc(p.wanted, func(want kmsapi.Tag) bool { return want.TagKey == key })
}
