package gate

import (
	"crypto/subtle"
	"maps"
	"reflect"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Difference is one way in which an access key has changed.
type Difference struct {
	AccessKeyID string
	// What is, for example, "added" or "new secret". It reveals nothing about a secret.
	What string
}

// Differences returns what changes when after replaces before, in the order of access key ids.
func Differences(before, after Credentials) (all []Difference) {
	ids := slices.AppendSeq(slices.Collect(maps.Keys(before)), maps.Keys(after))
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		for _, what := range differences(before[id], after[id]) {
			all = append(all, Difference{id, what})
		}
	}
	return all
}

// differences compares an access key with its successor; either may be nil.
func differences(before, after *credential) (all []string) {
	switch {
	case before == nil:
		return []string{"added"}
	case after == nil:
		return []string{"removed"}
	}
	for _, part := range []struct {
		differs bool
		what    string
	}{
		{before.account != after.account, "moved to account " + after.account},
		{!before.inactive && after.inactive, "made inactive"},
		{before.inactive && !after.inactive, "made active"},
		{differ(before.secret, after.secret), "new secret"},
		{differ(before.token, after.token), tokenChange(before.token, after.token)},
		{!before.expires.Equal(after.expires), "new expiry"},
		{!reflect.DeepEqual(before.permissions, after.permissions), "new permissions"},
	} {
		if part.differs {
			all = append(all, part.what)
		}
	}
	return all
}

func tokenChange(before, after kmsapi.Secret) string {
	switch {
	case before.IsEmpty():
		return "needs a security token now"
	case after.IsEmpty():
		return "no longer needs a security token"
	default:
		return "new security token"
	}
}

func differ(a, b kmsapi.Secret) bool {
	return subtle.ConstantTimeCompare([]byte(a.Reveal()), []byte(b.Reveal())) == 0
}
