package server_test

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// filled starts a service, makes records of every kind in it, and stops it.
func filled(t *testing.T) (w *wire, id string) {
	w = newWire(t)
	id = w.createKey("Description", "first")
	w.createKey("Origin", "EXTERNAL")
	w.createKey("RegionId", "cn-beijing")
	w.must("CreateAlias", "KeyId", id, "AliasName", "alias/payroll")
	w.must("CreateAlias", "KeyId", id, "AliasName", "alias/deep/er")
	w.must("TagResource", "KeyId", id, "Tags", `[{"TagKey":"a","TagValue":"b"}]`)
	deleted := w.createKey()
	w.must("ScheduleKeyDeletion", "KeyId", deleted, "PendingWindowInDays", "7")
	// Its timestamp is ahead, so its nonce is stored.
	list := kmsapi.Params{{Name: "Action", Value: "ListKeys"}}
	ahead := signature.SignV1("POST", list, w.credentials(), newNonce(), w.kms.Now().Add(time.Minute))
	require.Equal(t, 200, w.post(ahead).status)
	w.kms.Stop()
	return w, id
}

func TestAGoodStoreIsFoundGood(t *testing.T) {
	w, _ := filled(t)
	before, err := os.ReadFile(w.kms.Config().Storage.Path)
	require.NoError(t, err)
	report, err := server.Check(t.Context(), w.kms.Config(), "", nil)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	require.Equal(t, 4, report.Keys)
	require.Equal(t, 4+4+4+1+2+2+1+4+4+1, report.Records,
		"meta, keys, versions, tags, aliases twice, a nonce, lists, states, a key that is due")
	after, err := os.ReadFile(w.kms.Config().Storage.Path)
	require.NoError(t, err)
	require.True(t, bytes.Equal(before, after), "nothing was changed")
}

func TestEveryDamageToARecordIsFound(t *testing.T) {
	const (
		scope   = "123456/cn-hangzhou/"
		unknown = "86a9efd9-3d16-4894-bd4f-1fc43f3f2abf"
	)
	for _, tc := range []struct {
		name   string
		damage func(t *testing.T, w store.Writer, id string)
		want   []string
	}{
		{"a version that the index does not have", func(t *testing.T, w store.Writer, id string) {
			require.NoError(t, w.Scan("version/"+scope, "", func(path string, value []byte) (bool, error) {
				if string(value) != id {
					return true, nil
				}
				return false, w.Delete(path)
			}))
		}, []string{"the index does not lead from its version"}},
		{"a version of a key that is gone", func(t *testing.T, w store.Writer, id string) {
			require.NoError(t, w.Put("version/"+scope+unknown, []byte(id)))
		}, []string{"has no such version"}},
		{"a key that is gone", func(t *testing.T, w store.Writer, id string) {
			require.NoError(t, w.Delete("cmk/"+scope+id))
		}, []string{
			"does not exist", "does not exist", "does not exist", "does not exist",
			"counts 1 keys", "the list cmk/", "counts 3 records",
		}},
		{"no key of fingerprints", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Delete("meta/fingerprint-key"))
		}, []string{`record "meta/fingerprint-key": no such key in the store`}},
		{"a key of fingerprints that does not open", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("meta/fingerprint-key", make([]byte, 74)))
		}, []string{`record "meta/fingerprint-key": not sealed with this key`}},
		{"a clock mark that is not a time", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("meta/clock", []byte("noon exact")))
		}, []string{"not a clock mark"}},
		{"a key that is not a record", func(t *testing.T, w store.Writer, id string) {
			require.NoError(t, w.Put("cmk/"+scope+id, []byte("{")))
		}, []string{"not in the form", "counts 1 keys"}},
		{"a key with a field too many", func(t *testing.T, w store.Writer, id string) {
			edit(t, w, "cmk/"+scope+id, func(r map[byte]string) { r[99] = "x" })
		}, []string{"not in the form", "counts 1 keys"}},
		{"a key without a key spec", func(t *testing.T, w store.Writer, id string) {
			edit(t, w, "cmk/"+scope+id, func(r map[byte]string) { delete(r, cmkKeySpec) })
		}, []string{"it has no key spec"}},
		{"a key with the key spec of another cipher", func(t *testing.T, w store.Writer, id string) {
			edit(t, w, "cmk/"+scope+id, func(r map[byte]string) { r[cmkKeySpec] = kmsapi.KeySpecSM4 })
		}, []string{"does not open"}},
		{"a key with an unknown key spec", func(t *testing.T, w store.Writer, id string) {
			edit(t, w, "cmk/"+scope+id, func(r map[byte]string) { r[cmkKeySpec] = "Aliyun_AES_512" })
		}, []string{"does not open"}},
		{"material with another bit", func(t *testing.T, w store.Writer, id string) {
			edit(t, w, "cmk/"+scope+id, func(r map[byte]string) {
				material := []byte(r[wrapped])
				material[40] ^= 1
				r[wrapped] = string(material)
			})
		}, []string{"does not open"}},
		{"material that is lost", func(t *testing.T, w store.Writer, id string) {
			edit(t, w, "cmk/"+scope+id, func(r map[byte]string) { delete(r, wrapped) })
		}, []string{"has no material"}},
		{"material that should be erased", func(t *testing.T, w store.Writer, id string) {
			edit(t, w, "cmk/"+scope+id, func(r map[byte]string) { delete(r, cmkHasMaterial) })
		}, []string{"should be erased"}},
		{"a state that does not exist", func(t *testing.T, w store.Writer, id string) {
			edit(t, w, "cmk/"+scope+id, func(r map[byte]string) { r[cmkState] = "Open" })
		}, []string{"in a state that no key can be in", "counts 1 keys", "counts 0 keys"}},
		{"a primary version that does not exist", func(t *testing.T, w store.Writer, id string) {
			edit(t, w, "cmk/"+scope+id, func(r map[byte]string) { r[primaryID] = "x" })
		}, []string{"version x does not open", "does not lead from its version x", "has no such version"}},
		{"a key in another account", func(t *testing.T, w store.Writer, id string) {
			value, err := w.Get("cmk/" + scope + id)
			require.NoError(t, err)
			require.NoError(t, w.Put("cmk/1/cn-hangzhou/"+id, value))
		}, []string{"does not open", "the index does not lead", "counts 0 keys", "the list cmk/1/"}},
		{"a key under another id", func(t *testing.T, w store.Writer, id string) {
			value, err := w.Get("cmk/" + scope + id)
			require.NoError(t, err)
			require.NoError(t, w.Put("cmk/"+scope+unknown, value))
		}, []string{"does not open", "the index does not lead", "counts 1 keys", "the list cmk/", "counts 3 records"}},
		{"a key under what is not an id", func(t *testing.T, w store.Writer, id string) {
			value, err := w.Get("cmk/" + scope + id)
			require.NoError(t, err)
			require.NoError(t, w.Put("cmk/"+scope+"other", value))
		}, []string{`"other" is not the id of a key`, "counts 1 keys", "the list cmk/", "counts 3 records"}},
		{"tags that are not a record", func(t *testing.T, w store.Writer, id string) {
			require.NoError(t, w.Put("tags/"+scope+id, []byte(`{"a":"b"}`)))
		}, []string{"not in the form"}},
		{"tags of a key that is gone", func(t *testing.T, w store.Writer, id string) {
			value, err := w.Get("tags/" + scope + id)
			require.NoError(t, err)
			require.NoError(t, w.Put("tags/"+scope+unknown, value))
		}, []string{"does not exist"}},
		{"a record of no tags", func(t *testing.T, w store.Writer, id string) {
			require.NoError(t, w.Put("tags/"+scope+id, []byte{1}))
		}, []string{"it has 0 tags"}},
		{"an alias that is not a record", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("alias/"+scope+"payroll", []byte("{}")))
		}, []string{"not in the form", "does not name this key"}},
		{"an alias of no key", func(t *testing.T, w store.Writer, _ string) {
			edit(t, w, "alias/"+scope+"payroll", func(r map[byte]string) { r[aliasKeyID] = "other" })
		}, []string{"does not exist", "does not name this key"}},
		{"an alias that its key does not know", func(t *testing.T, w store.Writer, id string) {
			require.NoError(t, w.Delete("cmk-alias/"+scope+id+"/deep/er"))
		}, []string{"the index does not lead from its key", "the list cmk-alias/", "counts 2 records"}},
		{"an alias that only its key knows", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Delete("alias/"+scope+"payroll"))
		}, []string{"does not name this key", "the list alias/", "counts 2 records"}},
		{"keys that are not counted", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Delete("list/cmk/"+scope))
		}, []string{"the list cmk/" + scope + ": it counts 0 records, and there are 3"}},
		{"a list of nothing", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("list/alias/1/cn-hangzhou/", []byte("1 1")))
		}, []string{"the list alias/1/", "counts 1 records"}},
		{"a list of no kind", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("list/nonce/", []byte("1 1")))
		}, []string{"not of a kind"}},
		{"a state of too many keys", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("state/"+scope+"Enabled", []byte("2")))
		}, []string{"counts 2 keys, and there are 1"}},
		{"a count that is none", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("state/"+scope+"Enabled", []byte("one")))
		}, []string{"it is not a count", "counts 0 keys"}},
		{"a deletion that the sweeper does not find", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Scan("due/", "", func(path string, _ []byte) (bool, error) { return true, w.Delete(path) }))
		}, []string{"by which the sweeper finds it"}},
		{"a key that is not due", func(t *testing.T, w store.Writer, id string) {
			require.NoError(t, w.Put("due/2030-01-01T00:00:00Z/"+scope+id, nil))
		}, []string{"does not change at 2030"}},
		{"a key that is due and not there", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("due/2030-01-01T00:00:00Z/"+scope+"other", nil))
		}, []string{"does not exist"}},
		{"what is due of no key", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("due/soon", nil))
		}, []string{"not of a kind"}},
		{"a nonce that is none", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("nonce/x", []byte("soon")))
		}, []string{"is not a time", "not a key that the nonce memory"}},
		{"a record of no kind", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("stray", []byte("x")))
		}, []string{"not of a kind"}},
		{"a key without an account", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("cmk/x", []byte("x")))
		}, []string{"not of a kind"}},
		{"a name that a terminal would obey", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("cmk/"+scope+"\x1b[2J", []byte("x")))
		}, []string{
			"record cmk/" + scope + "\ufffd[2J: it is not in the form", "the list cmk/", "it counts 3 records, and there are 4",
		}},
		{"another layout", func(t *testing.T, w store.Writer, _ string) {
			require.NoError(t, w.Put("meta/schema", []byte("99")))
		}, []string{`version "99"`}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w, id := filled(t)
			changeStore(t, w.kms.Config().Storage.Path, func(w store.Writer) error {
				tc.damage(t, w, id)
				return nil
			})
			report, err := server.Check(t.Context(), w.kms.Config(), "", nil)
			require.NoError(t, err)
			require.Len(t, report.Problems, len(tc.want), "%s", strings.Join(report.Problems, "\n"))
			for _, want := range tc.want {
				require.Contains(t, strings.Join(report.Problems, "\n"), want)
			}
		})
	}
}

func TestEveryDamageToTheFileIsFound(t *testing.T) {
	w, _ := filled(t)
	path := w.kms.Config().Storage.Path
	whole, err := os.ReadFile(path)
	require.NoError(t, err)
	page := os.Getpagesize()
	for name, damaged := range map[string][]byte{
		"empty":                    nil,
		"a line":                   []byte("hello"),
		"cut to its first page":    whole[:page],
		"cut to its first pages":   whole[:3*page],
		"all pages after the meta": append(bytes.Clone(whole[:2*page]), bytes.Repeat([]byte{0xff}, len(whole)-2*page)...),
		"both meta pages":          append(make([]byte, 2*page), whole[2*page:]...),
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, os.WriteFile(path, damaged, 0o600))
			report, err := server.Check(t.Context(), w.kms.Config(), "", nil)
			require.NoError(t, err)
			require.NotEmpty(t, report.Problems)
		})
	}
}

func TestAStoreOfAnotherRootKeyIsToldInOneLine(t *testing.T) {
	w, _ := filled(t)
	other, _ := devConfig(t)
	config := w.kms.Config()
	config.RootKey = other.RootKey
	report, err := server.Check(t.Context(), config, "", nil)
	require.NoError(t, err)
	require.Len(t, report.Problems, 1)
	require.Contains(t, report.Problems[0], "another root key")
}

func TestAStoreInUseIsNotChecked(t *testing.T) {
	w := newWire(t)
	_, err := server.Check(t.Context(), w.kms.Config(), "", nil)
	require.ErrorIs(t, err, store.ErrLocked)
}
