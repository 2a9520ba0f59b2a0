package sdk

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// newAlias returns a name that no other test uses.
func newAlias() string { return kmsapi.AliasPrefix + "team-a/" + uuid.NewString() }

func (p player) aliasesOf(keyID string) []kmsapi.AliasEntry {
	p.Helper()
	return do[kmsapi.ListAliasesByKeyIdResponse](p, &kmsapi.ListAliasesByKeyIdRequest{KeyId: keyID}).Aliases.Alias
}

func TestAliasesNameKeys(t *testing.T) {
	everyDialect(t, func(p player) {
		first, second := p.newKey(kmsapi.CreateKeyRequest{}), p.newKey(kmsapi.CreateKeyRequest{})
		name := newAlias()
		p.must(&kmsapi.CreateAliasRequest{AliasName: name, KeyId: first.KeyId})
		entry := kmsapi.AliasEntry{
			AliasName: name, KeyId: first.KeyId,
			AliasArn: fmt.Sprintf("acs:kms:%s:%s:%s", kmsapi.DefaultRegion, first.Creator, name),
		}
		require.Equal(p, []kmsapi.AliasEntry{entry}, p.aliasesOf(first.KeyId))
		require.Equal(p, first, p.describe(name))
		blob := p.encrypt(name, "text", nil)
		require.Equal(p, first.KeyId, blob.KeyId, "the response names the key, not the alias")
		made := do[kmsapi.GenerateDataKeyResponse](p, &kmsapi.GenerateDataKeyRequest{KeyId: name})
		require.Equal(p, first.KeyId, made.KeyId)

		p.must(&kmsapi.UpdateAliasRequest{AliasName: name, KeyId: second.KeyId})
		require.Empty(p, p.aliasesOf(first.KeyId))
		require.Equal(p, second.KeyId, p.encrypt(name, "text", nil).KeyId)
		require.Equal(p, first.KeyId, p.decrypt(blob.CiphertextBlob, nil).KeyId, "old ciphertexts stay with their key")

		p.must(&kmsapi.DeleteAliasRequest{AliasName: name})
		require.Empty(p, p.aliasesOf(second.KeyId))
		require.Equal(p, kmsapi.Enabled, p.describe(second.KeyId).KeyState)
		p.refused(kmsapi.ErrAliasNotFound, &kmsapi.EncryptRequest{KeyId: name, Plaintext: kmsapi.NewSecret("text")})
	})
}

func TestListAliasesPagesThroughAllAliases(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{})
		var want []string
		for range 3 {
			name := newAlias()
			p.must(&kmsapi.CreateAliasRequest{AliasName: name, KeyId: key.KeyId})
			want = append(want, name)
		}
		require.ElementsMatch(p, want, names(p.aliasesOf(key.KeyId)))
		total := do[kmsapi.ListAliasesResponse](p, &kmsapi.ListAliasesRequest{PageSize: 1}).TotalCount
		var all []string
		for number := 1; len(all) < total; number++ {
			page := do[kmsapi.ListAliasesResponse](p, &kmsapi.ListAliasesRequest{PageNumber: number, PageSize: 2})
			require.Equal(p, []int{number, 2, total}, []int{page.PageNumber, page.PageSize, page.TotalCount})
			require.Len(p, page.Aliases.Alias, min(2, total-len(all)))
			all = append(all, names(page.Aliases.Alias)...)
		}
		require.Subset(p, all, want)
		second := do[kmsapi.ListAliasesByKeyIdResponse](p,
			&kmsapi.ListAliasesByKeyIdRequest{KeyId: key.KeyId, PageNumber: 2, PageSize: 2})
		require.Len(p, second.Aliases.Alias, 1)
		require.Equal(p, 3, second.TotalCount)
	})
}

func names(aliases []kmsapi.AliasEntry) []string {
	var found []string
	for _, a := range aliases {
		found = append(found, a.AliasName)
	}
	return found
}

func TestBadAliasesAreRefused(t *testing.T) {
	everyDialect(t, func(p player) {
		key, taken := p.newKey(kmsapi.CreateKeyRequest{}).KeyId, newAlias()
		p.must(&kmsapi.CreateAliasRequest{AliasName: taken, KeyId: key})
		invalid := kmsapi.ErrInvalidParameter.WithMessage("AliasName")
		disable := &kmsapi.DisableKeyRequest{}
		disable.KeyId = taken
		for name, tc := range map[string]struct {
			want    *kmsapi.Error
			request kmsapi.Request
		}{
			"a name that is taken": {
				kmsapi.ErrAliasAlreadyExists,
				&kmsapi.CreateAliasRequest{AliasName: taken, KeyId: key},
			},
			"a name without the prefix": {invalid, &kmsapi.CreateAliasRequest{AliasName: "team", KeyId: key}},
			"a name with a space":       {invalid, &kmsapi.CreateAliasRequest{AliasName: "alias/a b", KeyId: key}},
			"a name that is too long": {
				invalid,
				&kmsapi.CreateAliasRequest{AliasName: "alias/" + strings.Repeat("a", 256), KeyId: key},
			},
			"a key that does not exist": {
				kmsapi.ErrKeyNotFound,
				&kmsapi.CreateAliasRequest{AliasName: newAlias(), KeyId: uuid.NewString()},
			},
			"to move an unknown alias": {
				kmsapi.ErrAliasNotFound,
				&kmsapi.UpdateAliasRequest{AliasName: newAlias(), KeyId: key},
			},
			"to delete an unknown alias": {kmsapi.ErrAliasNotFound, &kmsapi.DeleteAliasRequest{AliasName: newAlias()}},
			"an alias instead of a key":  {kmsapi.ErrUnsupportedAlias, disable},
		} {
			p.run(name, func(p player) { p.refused(tc.want, tc.request) })
		}
	})
}
