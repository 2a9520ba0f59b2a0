package alicloudkms

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// putKey stores JSON as the entry of a key.
func (r *rig) putKey(name, stored string) {
	r.t.Helper()
	require.NoError(r.t, r.storage.Put(r.t.Context(), &logical.StorageEntry{Key: keyPrefix + name, Value: []byte(stored)}))
	r.backend().keys.Forget(name)
}

// storedKey returns the JSON of a key's entry.
func (r *rig) storedKey(name string) string {
	r.t.Helper()
	stored, err := r.storage.Get(r.t.Context(), keyPrefix+name)
	require.NoError(r.t, err)
	require.NotNil(r.t, stored)
	return string(stored.Value)
}

// oldKey stores the entry of a key in format 0.
func (r *rig) oldKey(name string) string {
	r.t.Helper()
	stored := fmt.Sprintf(`{"key_id":%q,"region":"cn-hangzhou","deletion_allowed":true,"bound_context":{"team":"hr"}}`,
		r.keyID(name))
	r.putKey(name, stored)
	return stored
}

func TestEntryComesBackAsItWasStored(t *testing.T) {
	for name, e := range map[string]*keyEntry{
		"the earlier one": {
			storedCMK: storedCMK{KeyID: "a", ARN: "acs:a", Instance: "kst-1", Marker: "M"}, Region: "cn-hangzhou",
			DeletionAllowed: true, BoundContext: map[string]string{"team": "hr"}, Generation: "G",
			versions: versions.New(versions.Row{CMK: "a"}),
		},
		"with versions": {
			format: formatVersions, storedCMK: storedCMK{KeyID: "b", ARN: "acs:b", Instance: "kst-1", Marker: "M"},
			earlier: []storedCMK{{KeyID: "a", ARN: "acs:a"}}, Region: "cn-hangzhou",
			KeySpec: kmsapi.KeySpecP256, KeyUsage: kmsapi.KeyUsageSignVerify,
			versions: versions.Table{
				First:   3,
				Rows:    []versions.Row{{CMK: "b", KeyVersionID: "1", Created: "2026-01-01T00:00:00Z", PublicKey: "PEM"}},
				Trimmed: map[string][]string{"b": {"0"}},
			},
			DeletionAllowed: true, BoundContext: map[string]string{"team": "hr"}, Derived: true,
			MinDecryption: 3, MinEncryption: 3, AutoRotate: 30 * 24 * time.Hour, Generation: "G",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stored, err := encodeKey("k", e)
			require.NoError(t, err)
			got, err := decodeKey("k", stored.Value)
			require.NoError(t, err)
			require.Equal(t, e, got)
		})
	}
}

// An earlier plugin reads only these fields, and refuses an entry without key_id as damaged, so it never writes one.
func TestPluginOfBeforeRefusesAnEntryWithVersions(t *testing.T) {
	r := newKeyRig(t, "a")
	var old struct {
		KeyID string `json:"key_id"`
	}
	require.NoError(t, json.Unmarshal([]byte(r.storedKey("a")), &old))
	require.Empty(t, old.KeyID)
}

func TestEntryOfBeforeIsVersionOneUntilItsFirstWrite(t *testing.T) {
	r := newKeyRig(t, "a")
	stored := r.oldKey("a")
	calls := r.kms.count(kmsapi.OpListKeyVersions)
	ciphertext := r.encrypt("a", hello)
	require.Contains(t, ciphertext, "vault:v1:")
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": ciphertext}).Data["plaintext"])
	read := r.read("keys/a").Data
	require.Equal(t, 1, read["latest_version"])
	require.Len(t, read["keys"], 1)
	require.NotZero(t, read["keys"].(map[string]any)["1"], "it has the date of its KMS key")
	require.Equal(t, calls, r.kms.count(kmsapi.OpListKeyVersions), "no use of a key waits for its versions")
	require.Equal(t, stored, r.storedKey("a"))
}

func TestEntryOfALaterVersionIsRefusedAndStays(t *testing.T) {
	r := newKeyRig(t, "a")
	id := r.keyID("a")
	for _, later := range []string{
		`{"format":3,"cmk":{"key_id":"` + id + `"},"region":"cn-hangzhou"}`,
		`{"format":99,"key_id":"` + id + `","region":"cn-hangzhou"}`,
	} {
		r.putKey("a", later)
		everyOperation(r.backend(), func(op logical.Operation, path string) {
			if !strings.Contains(path, "/a") || strings.HasPrefix(path, "aliases") {
				return
			}
			data := body{}
			for field, value := range inputs {
				schema := r.backend().Route(path).Fields[field]
				if schema != nil && !schema.Query && op == logical.UpdateOperation {
					data[field] = value
				}
			}
			_, err := r.try(op, path, data)
			require.Error(t, err, "%s %s", op, path)
			if coded, ok := err.(logical.HTTPCodedError); ok && coded.Code() != 500 {
				require.Equal(t, 400, coded.Code(), "%s %s: %s", op, path, err) // The fields are wrong.
				return
			}
			refused(t, err, 500, "later version")
		})
		require.Equal(t, later, r.storedKey("a"))
	}
}

func TestDamagedEntryIsRefused(t *testing.T) {
	r := newKeyRig(t, "a")
	for name, stored := range map[string]string{
		"no JSON":             `{`,
		"no KMS key":          `{"region":"cn-hangzhou"}`,
		"no versions":         `{"format":1,"cmk":{"key_id":"a"}}`,
		"no row":              `{"format":1,"cmk":{"key_id":"a"},"versions":{"first":1,"rows":[]}}`,
		"a row of another":    `{"format":1,"cmk":{"key_id":"a"},"versions":{"first":1,"rows":[{"cmk":"b"}]}}`,
		"versions from zero":  `{"format":1,"cmk":{"key_id":"a"},"versions":{"first":0,"rows":[{"cmk":"a"}]}}`,
		"a format in letters": `{"format":"1"}`,
	} {
		t.Run(name, func(t *testing.T) {
			r.putKey("a", stored)
			_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
			require.ErrorContains(t, err, `the stored entry of key "a" is damaged`)
		})
	}
}

func TestEntryHasRoomForAsManyVersionsAsItMayHave(t *testing.T) {
	entry := func(n int, public string) *keyEntry {
		e := &keyEntry{format: formatVersions, storedCMK: storedCMK{KeyID: "key-hzz62f1cb66fa42qo7p3x"}}
		e.versions.First = 1
		for i := range n {
			e.versions.Rows = append(e.versions.Rows, versions.Row{
				CMK: e.KeyID, KeyVersionID: fmt.Sprintf("%s-%010d", e.KeyID, i), Created: "2026-01-01T00:00:00Z", PublicKey: public,
			})
		}
		return e
	}
	_, err := encodeKey("a", entry(maxRows, ""))
	require.NoError(t, err)
	_, err = encodeKey("a", entry(maxRows, strings.Repeat("x", 178))) // as of ecdsa-p256
	require.NoError(t, err)
	_, err = encodeKey("a", entry(maxRows+1, ""))
	refused(t, err, 400, "trim")
	_, err = encodeKey("a", entry(280, strings.Repeat("x", 800))) // as of rsa-4096
	refused(t, err, 400, "trim")

	full := entry(280, strings.Repeat("x", 700))
	stored, err := encodeKey("a", full)
	require.NoError(t, err)
	full.versions.Rows[0].PublicKey += strings.Repeat("x", maxEntry-len(stored.Value))
	_, err = encodeKey("a", full)
	require.NoError(t, err)
	full.Generation = rand.Text()
	_, err = encodeKey("a", full)
	require.NoError(t, err, "a full key can still be disabled")
	full.versions.Rows[0].PublicKey += "x"
	_, err = encodeKey("a", full)
	refused(t, err, 400, "trim")
}

func TestTypesOfTransitAndTheirKeySpecs(t *testing.T) {
	for _, known := range keyTypes {
		spec, warning, err := specOfType(known.name)
		require.NoError(t, err)
		require.Empty(t, warning)
		require.Equal(t, known.name, typeOfSpec(spec))
		require.Contains(t, kmsapi.KeySpecs(), spec)
	}
	for _, name := range []string{"aes128-gcm96", "chacha20-poly1305", "xchacha20-poly1305"} {
		spec, warning, err := specOfType(name)
		require.NoError(t, err)
		require.Contains(t, warning, name)
		require.Equal(t, "aes256-gcm96", typeOfSpec(spec))
	}
	for _, name := range []string{"", "ed25519", "ecdsa-p384", "ecdsa-p521", "hmac", "managed_key", "RSA-2048"} {
		_, _, err := specOfType(name)
		refused(t, err, 400, "rsa-2048", "key_spec")
	}
	require.Equal(t, "aes256-gcm96", typeOfSpec(""), "an earlier entry")
	require.Equal(t, "ec_p256k", typeOfSpec(kmsapi.KeySpecP256K))
}
