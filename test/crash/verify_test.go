package crash

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An inspector compares the state of the store with what the writers know.
type inspector struct {
	t      *testing.T
	client *client.Client
	// keys are the ids of all CMKs, and aliases the key ids by alias.
	keys    map[string]bool
	aliases map[string]string
	// secrets are the names of all of them.
	secrets []string
	// read counts the values of secrets that were read.
	read int
	// happened counts the requests in doubt that turned out to have taken effect.
	happened int
	// opened counts the ciphertexts of symmetric CMKs that were decrypted, and paired the signatures and ciphertexts of
	// asymmetric ones that were verified and decrypted.
	opened, paired int
}

const pageSize = 100

func inspect(t *testing.T, c *client.Client) *inspector {
	t.Helper()
	i := &inspector{t: t, client: c, keys: map[string]bool{}, aliases: map[string]string{}}
	for page := 1; ; page++ {
		got, err := c.ListKeys(t.Context(), &kmsapi.ListKeysRequest{PageNumber: page, PageSize: pageSize})
		require.NoError(t, err)
		for _, k := range got.Keys.Key {
			i.keys[k.KeyId] = true
		}
		if len(got.Keys.Key) < pageSize {
			break
		}
	}
	for page := 1; ; page++ {
		got, err := c.ListAliases(t.Context(), &kmsapi.ListAliasesRequest{PageNumber: page, PageSize: pageSize})
		require.NoError(t, err)
		for _, a := range got.Aliases.Alias {
			i.aliases[a.AliasName] = a.KeyId
		}
		if len(got.Aliases.Alias) < pageSize {
			break
		}
	}
	i.listSecrets()
	return i
}

// check checks everything that the writers know, resolves the requests in doubt, and checks that nothing else exists.
// It only samples what earlier rounds have checked, unless all is true.
func (i *inspector) check(writers []*writer, all bool) {
	i.t.Helper()
	unknown := maps.Clone(i.keys)
	aliases, secrets := 0, 0
	for _, w := range writers {
		w.client = i.client
		i.settle(w, all)
		for _, id := range w.ids {
			require.True(i.t, i.keys[id], "%s: the key %s is gone", w.name, id)
			delete(unknown, id)
		}
		aliases += len(w.ledger.aliases)
		secrets += len(w.ledger.secrets)
	}
	require.Len(i.t, i.aliases, aliases, "aliases that no writer has created")
	require.Len(i.t, i.secrets, secrets, "secrets that no writer has created")
	i.adopt(writers, unknown)
	i.filter(writers)
	for _, w := range writers {
		i.open(w, all)
		i.readSecrets(w, all)
	}
}

// settle finds out whether the request in doubt has taken effect: all CMKs that it could have changed are in the state
// before it, or all are in the state after it.
func (i *inspector) settle(w *writer, all bool) {
	i.t.Helper()
	found := i.look(w, all)
	differs := compare(found, w.ledger)
	if differs != "" && w.doubt != nil {
		after := w.ledger.with(w.doubt)
		if or := compare(found, after); or == "" {
			w.ledger, differs = after, ""
			i.happened++
		} else {
			differs += "\nor, if the last request has taken effect:" + or
		}
	}
	require.Empty(i.t, differs, w.name)
	w.doubt = nil
}

// sample is the number of old items that a round checks again.
const sample = 5

// look returns the current state of a writer's CMKs, and of all its aliases.
func (i *inspector) look(w *writer, all bool) ledger {
	found := newLedger()
	for n, id := range w.ids {
		if all || w.touched[id] || w.random.IntN(len(w.ids)) < sample {
			found.keys[id] = i.key(id)
			require.Equal(i.t, i.aliasesOf(id), i.aliasesByKeyID(id), "two ways to list the aliases of key %d, %s", n, id)
		}
	}
	for name, id := range i.aliases {
		if strings.HasPrefix(name, kmsapi.AliasPrefix+w.name+"-") {
			found.aliases[name] = id
		}
	}
	found.secrets = i.secretsOf(w)
	return found
}

func (i *inspector) key(id string) key {
	described, err := i.client.DescribeKey(i.t.Context(), &kmsapi.DescribeKeyRequest{KeyId: id})
	require.NoError(i.t, err)
	listed, err := i.client.ListResourceTags(i.t.Context(), &kmsapi.ListResourceTagsRequest{KeyId: id})
	require.NoError(i.t, err)
	versions, err := i.client.ListKeyVersions(i.t.Context(), &kmsapi.ListKeyVersionsRequest{KeyId: id})
	require.NoError(i.t, err)
	k := key{
		kind: kindOf(described.KeyMetadata), state: described.KeyMetadata.KeyState, tags: map[string]string{},
		added: versions.TotalCount - 1, interval: described.KeyMetadata.RotationInterval,
		metadata: metadataOf(described.KeyMetadata),
	}
	if k.isSymmetric() {
		require.Equal(i.t, described.KeyMetadata.PrimaryKeyVersion, versions.KeyVersions.KeyVersion[0].KeyVersionId)
	}
	for _, tag := range listed.Tags.Tag {
		k.tags[tag.TagKey] = tag.TagValue
	}
	require.Equal(i.t, k.state == kmsapi.PendingDeletion, described.KeyMetadata.DeleteDate != "", id)
	return k
}

func (i *inspector) aliasesOf(id string) []string { return ledger{aliases: i.aliases}.aliasesOf(id) }

func (i *inspector) aliasesByKeyID(id string) (names []string) {
	got, err := i.client.ListAliasesByKeyId(i.t.Context(),
		&kmsapi.ListAliasesByKeyIdRequest{KeyId: id, PageSize: pageSize})
	require.NoError(i.t, err)
	for _, a := range got.Aliases.Alias {
		names = append(names, a.AliasName)
	}
	return names
}

func (k key) equal(other key) bool {
	return k.kind == other.kind && k.state == other.state && maps.Equal(k.tags, other.tags) && k.added == other.added &&
		k.interval == other.interval && k.metadata == other.metadata
}

// compare describes how the CMKs that were found, and all aliases, differ from those of l. It returns "" if they don't.
func compare(found, l ledger) string {
	var differs strings.Builder
	for id, k := range found.keys {
		if want := l.keys[id]; !k.equal(want) {
			fmt.Fprintf(&differs, "\nCMK %s is %v and should be %v", id, k, want)
		}
	}
	if !maps.Equal(found.aliases, l.aliases) {
		fmt.Fprintf(&differs, "\naliases are %v and should be %v", found.aliases, l.aliases)
	}
	if !maps.Equal(found.secrets, l.secrets) {
		fmt.Fprintf(&differs, "\nsecrets are %v and should be %v", found.secrets, l.secrets)
	}
	return differs.String()
}

// adopt assigns unknown CMKs to the writers whose CreateKey got no response: at most one to each.
func (i *inspector) adopt(writers []*writer, unknown map[string]bool) {
	i.t.Helper()
	for id := range unknown {
		described, err := i.client.DescribeKey(i.t.Context(), &kmsapi.DescribeKeyRequest{KeyId: id})
		require.NoError(i.t, err)
		at := slices.IndexFunc(writers,
			func(w *writer) bool { return w.unborn != "" && w.unborn == described.KeyMetadata.Description })
		require.GreaterOrEqual(i.t, at, 0, "no writer has created the key %s, %q", id, described.KeyMetadata.Description)
		w := writers[at]
		w.unborn = ""
		i.happened++
		k := kindOf(described.KeyMetadata)
		w.adopt(id, k)
		require.True(i.t, w.ledger.keys[id].equal(i.key(id)))
		if k.isImported() {
			require.NoError(i.t, w.importMaterial(i.t.Context(), id, k), "the new key is incomplete")
		}
		require.NoError(i.t, w.use(i.t.Context(), id, k), "the new key is incomplete")
	}
}

// open decrypts a writer's ciphertexts and verifies its signatures, as far as the states of their CMKs allow it.
func (i *inspector) open(w *writer, all bool) {
	i.t.Helper()
	for n, c := range w.sealed {
		if !all && n < w.sealedBefore && w.random.IntN(w.sealedBefore) >= sample {
			continue
		}
		k := w.ledger.keys[c.keyID]
		keyID, plaintext, err := i.decrypt(c, k.kind)
		if i.allows(k, err) {
			require.Equal(i.t, c.keyID, keyID)
			require.Equal(i.t, c.plaintext.Reveal(), plaintext.Reveal())
			i.count(k.kind)
		}
	}
	for n, s := range w.signatures {
		if all || n >= len(w.signatures)-sample || w.random.IntN(len(w.signatures)) < sample {
			i.verify(w.ledger.keys[s.keyID], s)
		}
	}
}

func (i *inspector) count(k kind) {
	if k.isSymmetric() {
		i.opened++
	} else {
		i.paired++
	}
}

// allows requires that a use of a CMK has ended as the CMK's state demands, and reports whether it succeeded.
func (i *inspector) allows(k key, err error) bool {
	i.t.Helper()
	refused := map[kmsapi.KeyState]*kmsapi.Error{
		kmsapi.Disabled: kmsapi.ErrRejectedDisabled, kmsapi.PendingDeletion: kmsapi.ErrRejectedPendingDeletion,
		kmsapi.PendingImport: kmsapi.ErrRejectedPendingImport,
	}[k.state]
	if refused != nil {
		require.ErrorIs(i.t, err, refused)
		return false
	}
	require.NoError(i.t, err)
	return true
}

func (i *inspector) decrypt(c ciphertext, k kind) (keyID string, plaintext kmsapi.Secret, err error) {
	if k.isSymmetric() {
		got, err := i.client.Decrypt(i.t.Context(),
			&kmsapi.DecryptRequest{CiphertextBlob: c.blob, EncryptionContext: c.context})
		if err != nil {
			return "", plaintext, err
		}
		return got.KeyId, got.Plaintext, nil
	}
	got, err := i.client.AsymmetricDecrypt(i.t.Context(), &kmsapi.AsymmetricDecryptRequest{
		KeyId: c.keyID, KeyVersionId: c.version, Algorithm: k.algorithm, CiphertextBlob: c.blob,
	})
	if err != nil {
		return "", plaintext, err
	}
	return got.KeyId, got.Plaintext, nil
}

func (i *inspector) verify(k key, s signedBy) {
	i.t.Helper()
	got, err := i.client.AsymmetricVerify(i.t.Context(), &kmsapi.AsymmetricVerifyRequest{
		KeyId: s.keyID, KeyVersionId: s.version, Algorithm: k.algorithm, Digest: signed, Value: s.value,
	})
	if i.allows(k, err) {
		require.True(i.t, got.Value, "the signature of version %s of key %s", s.version, s.keyID)
		i.count(k.kind)
	}
}
