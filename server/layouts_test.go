package server_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// oldStore is a store of an earlier layout, with the answers of the program that made it: see testdata/layouts.
type oldStore struct {
	Now     time.Time `json:"now"`
	RootKey string    `json:"root_key"`
	Keys    []oldKey  `json:"keys"`
}

type oldKey struct {
	Name, Region                   string
	Metadata                       kmsapi.KeyMetadata
	Tags                           map[string]string
	Aliases                        []string
	Ciphertext, Context, Plaintext string
}

// put replaces the store and the root key of c.
func (s *oldStore) put(t *testing.T, layout string, c *server.Config) {
	manifest, err := os.ReadFile(filepath.Join("testdata", "layouts", layout+".json"))
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(manifest, s))
	f, err := os.Open(filepath.Join("testdata", "layouts", layout+".db.gz"))
	require.NoError(t, err)
	defer f.Close()
	db, err := gzip.NewReader(f)
	require.NoError(t, err)
	content, err := io.ReadAll(db)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.Storage.Path, content, 0o600))
	require.NoError(t, os.WriteFile(c.RootKey.File, []byte(s.RootKey), 0o600))
}

// require requires that the service answers every request as the program that made the store did.
func (k oldKey) require(l *lab) {
	l.t.Helper()
	pairs := []string{"RegionId", k.Region, "KeyId", k.Metadata.KeyId}
	k.Metadata.DeletionProtection = kmsapi.ProtectionDisabled // That program did not return it.
	require.Equal(l.t, k.Metadata, l.must("DescribeKey", pairs...).KeyMetadata, k.Name)
	tags := map[string]string{}
	for _, tag := range l.must("ListResourceTags", pairs...).Tags.Tag {
		tags[tag.TagKey] = tag.TagValue
	}
	require.True(l.t, maps.Equal(k.Tags, tags), "%s: %v", k.Name, tags)
	var aliases []string
	for _, alias := range l.must("ListAliasesByKeyId", pairs...).Aliases.Alias {
		aliases = append(aliases, alias.AliasName)
	}
	require.Equal(l.t, k.Aliases, aliases, k.Name)
	filters := fmt.Sprintf(`[{"Key":"KeyState","Values":[%q]}]`, k.Metadata.KeyState)
	for _, value := range k.Tags {
		filters = fmt.Sprintf(`%s,{"Key":"TagValue","Values":[%q]}]`, strings.TrimSuffix(filters, "]"), value)
	}
	found := l.must("ListKeys", "RegionId", k.Region, "Filters", filters, "PageSize", "100").Keys.Key
	require.Contains(l.t, found, kmsapi.KeyEntry{KeyId: k.Metadata.KeyId, KeyArn: k.Metadata.Arn}, k.Name)
	if k.Metadata.KeyState == kmsapi.Enabled {
		k.requireDecrypts(l)
	}
}

func (k oldKey) requireDecrypts(l *lab) {
	l.t.Helper()
	pairs := []string{"RegionId", k.Region, "CiphertextBlob", k.Ciphertext}
	if k.Context != "" {
		pairs = append(pairs, "EncryptionContext", k.Context)
	}
	require.Equal(l.t, k.Plaintext, l.must("Decrypt", pairs...).Plaintext, k.Name)
}

func TestStoresOfEarlierLayoutsAreUpgraded(t *testing.T) {
	for _, layout := range []string{"1", "2", "3"} {
		t.Run("layout "+layout, func(t *testing.T) {
			var old oldStore
			l := newLab(t, func(c *server.Config) {
				old.put(t, layout, c)
				report, err := server.Check(t.Context(), *c, "", nil)
				require.NoError(t, err)
				require.Empty(t, report.Problems, "such a store, or a backup of one, is good as it is")
				require.Equal(t, len(old.Keys), report.Keys)
			})
			require.Contains(t, l.log.String(), "to=4")
			l.now = old.Now.Add(time.Second)
			byName := map[string]oldKey{}
			for _, k := range old.Keys {
				k.require(l)
				byName[k.Name] = k
			}
			require.Len(t, l.everyPage(100, "ListKeys"), len(old.Keys)-1, "one is in another region")
			l.requireWhatComesLater(t, byName)
			l.requireGood()
			l.restart()
			byName["tagged"].require(l)
		})
	}
}

// requireWhatComesLater requires that disabled keys and scheduled events of an old store behave as they would have in
// the old program.
func (l *lab) requireWhatComesLater(t *testing.T, old map[string]oldKey) {
	l.must("EnableKey", "KeyId", old["disabled"].Metadata.KeyId)
	old["disabled"].requireDecrypts(l)
	lost := l.importer(old["deleted material"].Metadata.KeyId, kmsapi.WrapOAEPSHA256)
	lost.try(otherMaterial).refused(t, kmsapi.ErrInvalidKeyMaterial)
	lost.mustTry(material)
	old["deleted material"].requireDecrypts(l)
	l.importer(old["without material"].Metadata.KeyId, kmsapi.WrapOAEPSHA256).mustTry(otherMaterial)

	l.now = l.now.Add(8 * 24 * time.Hour)
	l.sweep()
	doomed := old["pending deletion"]
	l.do("DescribeKey", "KeyId", doomed.Metadata.KeyId).refused(t, kmsapi.ErrKeyNotFound)
	for path, value := range l.allRecords() {
		require.NotContains(l.t, path+value, doomed.Metadata.KeyId)
		require.NotContains(l.t, path+value, doomed.Metadata.PrimaryKeyVersion)
	}
	l.now = l.now.Add(30 * 24 * time.Hour)
	l.sweep()
	require.Equal(l.t, kmsapi.PendingImport, l.metadata(old["expiring"].Metadata.KeyId).KeyState)
}

// requireGood requires that the check finds nothing wrong in the store. It closes the service and opens it again.
func (l *lab) requireGood() {
	l.t.Helper()
	l.close()
	report, err := server.Check(l.t.Context(), l.config, "", nil)
	require.NoError(l.t, err)
	require.Empty(l.t, report.Problems)
	l.open()
	l.now = l.now.Add(time.Second)
}
