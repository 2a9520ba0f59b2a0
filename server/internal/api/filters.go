package api

import (
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyindex"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// filter returns the keyring's filter for the filters of ListKeys.
func filter(inv *Invocation, f kmsapi.Filters) keyring.Filter {
	var aliases []string
	for _, name := range f.Values(kmsapi.FilterByAlias) {
		aliases = append(aliases, kmsapi.AliasPrefix+strings.TrimPrefix(name, kmsapi.AliasPrefix))
	}
	return keyring.Filter{
		KeyIDs: f.Values(kmsapi.FilterByKeyID), Aliases: aliases,
		TagKeys: f.Values(kmsapi.FilterByTagKey), TagValues: f.Values(kmsapi.FilterByTagValue),
		Accepts: acceptedBy(inv, f),
	}
}

// acceptedBy returns a function for the filters that compare the class of a CMK, or nil if there are none.
func acceptedBy(inv *Invocation, f kmsapi.Filters) func(keyindex.Class) bool {
	type part struct {
		of      func(keyindex.Class) string
		allowed []string
	}
	var parts []part
	for _, p := range []struct {
		key string
		of  func(keyindex.Class) string
	}{
		{kmsapi.FilterByState, func(c keyindex.Class) string { return c.State }},
		{kmsapi.FilterBySpec, func(c keyindex.Class) string { return c.Spec }},
		{kmsapi.FilterByUsage, func(c keyindex.Class) string { return c.Usage }},
		{kmsapi.FilterByProtectionLevel, func(c keyindex.Class) string { return c.ProtectionLevel }},
		{kmsapi.FilterByInstance, func(c keyindex.Class) string { return c.Instance }},
		{kmsapi.FilterByCreatorType, func(keyindex.Class) string { return kmsapi.CreatorUser }},
		{kmsapi.FilterByCreator, func(keyindex.Class) string { return inv.Account }},
	} {
		if allowed := f.Values(p.key); len(allowed) > 0 {
			parts = append(parts, part{p.of, allowed})
		}
	}
	if len(parts) == 0 {
		return nil
	}
	return func(class keyindex.Class) bool {
		return !slices.ContainsFunc(parts, func(p part) bool { return !slices.Contains(p.allowed, p.of(class)) })
	}
}
