package files

import (
	"encoding/base64"
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A sealedText is a ciphertext of the engine, and what opens it.
type sealedText struct {
	ciphertext, plaintext string
	c                     Contexts
}

// fieldsOf are contexts as the engine takes them.
func fieldsOf(c Contexts) map[string]any {
	given := map[string]any{}
	for name, value := range c.Entries {
		given[name] = value
	}
	return map[string]any{"encryption_context": given, "context": c.Context, "associated_data": c.AssociatedData}
}

// textsOf encrypts with the newest version of a key, with contexts of all kinds and without.
func (v *vaultDouble) textsOf(key string, bound entries, plaintexts ...string) (texts []sealedText) {
	v.t.Helper()
	row, record := b64("row 5"), b64("record")
	repeated := maps.Clone(bound)
	repeated["a"] = "1"
	for _, c := range []Contexts{
		{Context: row},
		{Context: row, Entries: repeated},
		{Context: row, Entries: entries{"a": "1", "b": "=&ü"}, AssociatedData: record},
	} {
		c.Bound = bound
		for _, plaintext := range plaintexts {
			fields := fieldsOf(c)
			fields["plaintext"] = b64(plaintext)
			texts = append(texts, sealedText{v.write("encrypt/"+key, fields)["ciphertext"].(string), plaintext, c})
		}
	}
	return texts
}

// lifeOf changes the mode of a key, rotates it to another data key and to another KMS key, and returns ciphertexts of
// all its versions.
func (v *vaultDouble) lifeOf(key string, bound entries) (texts []sealedText) {
	v.t.Helper()
	const change, rotate = "keys/%s/config", "keys/%s/rotate"
	large := strings.Repeat("hello ", 10_000)
	texts = v.textsOf(key, bound, "hello\x00")
	for _, step := range []struct {
		path       string
		fields     map[string]any
		plaintexts []string
	}{
		{change, map[string]any{"encryption": "envelope"}, []string{"", "hello\x00", large}},
		{rotate, nil, []string{"", "hello\x00"}},
		{rotate, map[string]any{"new_cmk": true}, []string{"", "hello\x00"}},
		{change, map[string]any{"encryption": "direct"}, []string{"hello\x00"}},
		{change, map[string]any{"encryption": "envelope"}, []string{large}},
	} {
		v.write(fmt.Sprintf(step.path, key), step.fields)
		texts = append(texts, v.textsOf(key, bound, step.plaintexts...)...)
	}
	return texts
}

// lose ends the mount, and forgets its storage.
func (v *vaultDouble) lose() {
	v.engine.Cleanup(v.t.Context())
	v.storage = &logical.InmemStorage{}
}

func TestCiphertextsOfTheEngineOutliveItsStorage(t *testing.T) {
	d := newDesk(t)
	v := d.mount(map[string]any{"app": "payroll"})
	v.write("keys/derived/register", map[string]any{
		"key_id": d.keyID, "derived": true, "bound_context": map[string]any{"app": "derived", "zone": "z"},
	})
	texts := v.lifeOf("payroll", entries{"app": "payroll"})
	texts = append(texts, v.lifeOf("derived", entries{"app": "derived", "zone": "z"})...)
	versions := map[string]bool{}
	for _, text := range texts {
		versions[text.ciphertext[:len("vault:v1:")]] = true
	}
	require.Len(t, versions, 6)
	_, err := d.open(v.keys(), []byte(texts[4].ciphertext), texts[4].c)
	require.NoError(t, err)

	v.lose()
	_, err = d.open(v.keys(), []byte(texts[4].ciphertext), texts[4].c)
	require.Error(t, err)
	for _, text := range texts {
		got, err := d.open(d.keys, []byte(text.ciphertext), text.c)
		require.NoError(t, err, text.ciphertext)
		require.Equal(t, text.plaintext, string(got))
		for name, changed := range unlike(text.c) {
			got, err := d.open(d.keys, []byte(text.ciphertext), changed)
			require.Error(t, err, "%s: %s", name, text.ciphertext)
			require.Empty(t, got)
		}
	}
	require.Contains(t, d.opened, d.keyID)
}

// unlike returns contexts that differ from c in one thing each.
func unlike(c Contexts) map[string]Contexts {
	bound, entry, noContext, more := c, c, c, c
	bound.Bound = entries{"app": "other"}
	entry.Entries = entries{"a": "2"}
	noContext.Context = ""
	more.AssociatedData = base64.StdEncoding.EncodeToString([]byte("more"))
	return map[string]Contexts{
		"another bound context": bound, "another entry": entry, "no context": noContext, "other data": more,
	}
}

func TestTheKMSKeyOfADataKeyIsChecked(t *testing.T) {
	d := newDesk(t)
	v := d.mount(nil)
	v.write("keys/payroll/config", map[string]any{"encryption": "envelope"})
	ciphertext := []byte(v.write("encrypt/payroll", map[string]any{"plaintext": b64("hello")})["ciphertext"].(string))
	made, err := d.keys.Client.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	for id, opens := range map[string]bool{d.keyID: true, made.KeyMetadata.KeyId: false} {
		keys := *d.keys
		keys.OnlyKeyID = id
		got, err := d.open(&keys, ciphertext, Contexts{})
		if opens {
			require.NoError(t, err)
			require.Equal(t, "hello", string(got))
		} else {
			require.ErrorContains(t, err, "not with "+fmt.Sprintf("%q", id))
			require.Empty(t, got)
		}
	}
	require.Empty(t, d.opened)
}
