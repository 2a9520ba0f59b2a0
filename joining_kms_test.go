package alicloudkms

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// unescaped writes an encryption context as Alibaba Cloud's own programs do before they hash it.
func unescaped(c kmsapi.EncryptionContext) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(c)) {
		parts = append(parts, name+"="+c[name])
	}
	return strings.Join(parts, "&")
}

// joinsContexts makes KMS bind the SHA-256 of the joined context, in which nothing is escaped: to such a KMS, contexts
// that join to the same string are the same.
func (r *rig) joinsContexts() {
	direct := r.direct()
	digest := func(c *kmsapi.EncryptionContext) {
		if len(*c) > 0 {
			sum := sha256.Sum256([]byte(unescaped(*c)))
			*c = kmsapi.EncryptionContext{"sha256": hex.EncodeToString(sum[:])}
		}
	}
	r.kms.instead = func(q kmsapi.Request) (kmsapi.Response, error) {
		switch asked := q.(type) {
		case *kmsapi.EncryptRequest:
			also := *asked
			digest(&also.EncryptionContext)
			return direct.Do(r.t.Context(), &also)
		case *kmsapi.DecryptRequest:
			also := *asked
			digest(&also.EncryptionContext)
			return direct.Do(r.t.Context(), &also)
		case *kmsapi.GenerateDataKeyRequest:
			also := *asked
			digest(&also.EncryptionContext)
			return direct.Do(r.t.Context(), &also)
		case *kmsapi.GenerateDataKeyWithoutPlaintextRequest:
			also := *asked
			digest(&also.EncryptionContext)
			return direct.Do(r.t.Context(), &also)
		case *kmsapi.ReEncryptRequest:
			also := *asked
			digest(&also.SourceEncryptionContext)
			digest(&also.DestinationEncryptionContext)
			return direct.Do(r.t.Context(), &also)
		default:
			return nil, nil
		}
	}
}

// kindsOfKMS are the kinds of KMS that the attacks are tried on.
var kindsOfKMS = map[string]func(*rig){
	"KMS": func(*rig) {}, "a KMS that joins contexts": (*rig).joinsContexts,
}

// spellings returns all contexts that join to s.
func spellings(s string) (all []kmsapi.EncryptionContext) {
	var split func(rest string, c kmsapi.EncryptionContext)
	split = func(rest string, c kmsapi.EncryptionContext) {
		if rest == "" {
			if unescaped(c) == s {
				all = append(all, maps.Clone(c))
			}
			return
		}
		for end := range len(rest) + 1 {
			if end < len(rest) && rest[end] != '&' {
				continue
			}
			entry := rest[:end]
			for at := range entry {
				if _, taken := c[entry[:at]]; taken || entry[at] != '=' || at == 0 {
					continue
				}
				c[entry[:at]] = entry[at+1:]
				split(strings.TrimPrefix(rest[end:], "&"), c)
				delete(c, entry[:at])
			}
		}
	}
	split(s, kmsapi.EncryptionContext{})
	return all
}

func TestSpellingsAreAllContextsOfOneString(t *testing.T) {
	require.ElementsMatch(t, []kmsapi.EncryptionContext{
		{"a": "1", "b": "2=3"}, {"a": "1&b=2=3"}, {"a": "1", "b=2": "3"}, {"a=1&b": "2=3"}, {"a=1&b=2": "3"},
	}, spellings("a=1&b=2=3"))
}
