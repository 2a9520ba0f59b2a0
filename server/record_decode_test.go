package server

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// usualRecord is a CMK as CreateKey stores it.
func usualRecord() cmkRecord {
	at := time.Date(2026, 11, 22, 9, 0, 0, 5e8, time.UTC)
	return cmkRecord{
		KeyID: "08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4fb73", ProtectionLevel: kmsapi.ProtectionSoftware, CreationDate: at,
		Lifecycle: keystate.New(kmsapi.OriginKMS), PrimaryVersion: "72a4d3c8-22ba-4d47-9dd4-c2b5d0ce6a04",
		Versions: []versionRecord{{ID: "72a4d3c8-22ba-4d47-9dd4-c2b5d0ce6a04", CreationDate: at, Wrapped: make([]byte, 73)}},
	}
}

func TestARecordIsReadAsEncodingJSONReadsIt(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,20}`))
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "none") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(0, lastExpiry).Draw(t, "seconds"), rapid.Int64Range(0, 999).Draw(t, "ms")*1e6).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		r := cmkRecord{
			KeyID: text.Draw(t, "id"), Description: text.Draw(t, "description"), CreationDate: moment.Draw(t, "created"),
			ProtectionLevel: kmsapi.ProtectionLevel(text.Draw(t, "level")), PrimaryVersion: text.Draw(t, "primary"),
			Lifecycle: keystate.Lifecycle{
				State: kmsapi.KeyState(text.Draw(t, "state")), Origin: kmsapi.Origin(text.Draw(t, "origin")),
				HasMaterial: rapid.Bool().Draw(t, "material"), DeleteDate: moment.Draw(t, "delete"), MaterialExpireTime: moment.Draw(t, "expire"),
			},
		}
		for range rapid.SampledFrom([]int{1, 1, 1, 0, 2}).Draw(t, "versions") {
			r.Versions = append(r.Versions, versionRecord{
				ID: text.Draw(t, "version"), CreationDate: moment.Draw(t, "made"),
				Wrapped: rapid.SliceOf(rapid.Byte()).Draw(t, "wrapped"), Fingerprint: rapid.SliceOf(rapid.Byte()).Draw(t, "fingerprint"),
			})
		}
		if rapid.Bool().Draw(t, "tagged") {
			r.Tags = rapid.MapOf(text, text).Draw(t, "tags")
		}
		encoded, err := json.Marshal(r)
		require.NoError(t, err)
		sameAsJSON(t, encoded)
		// And with a change somewhere, which makes it a record that nobody has written, or none.
		at := rapid.IntRange(0, len(encoded)-1).Draw(t, "at")
		encoded[at] = rapid.SampledFrom([]byte("\"{}[],:\\x 0\x00\xff")).Draw(t, "instead")
		sameAsJSON(t, encoded)
		sameAsJSON(t, encoded[:at])
	})
}

func sameAsJSON(t require.TestingT, encoded []byte) {
	want := &cmkRecord{}
	wantErr := json.Unmarshal(encoded, want)
	got, err := decodeCMK("p", encoded)
	require.Equal(t, wantErr == nil, err == nil, "%s", encoded)
	if err == nil {
		require.Equal(t, want, got, "%s", encoded)
	}
}

func TestTheUsualRecordIsReadWithoutEncodingJSON(t *testing.T) {
	for name, change := range map[string]func(*cmkRecord){
		"new":         func(*cmkRecord) {},
		"described":   func(r *cmkRecord) { r.Description = "for the payroll" },
		"to be gone":  func(r *cmkRecord) { r.Lifecycle.DeleteDate = r.CreationDate },
		"to be given": func(r *cmkRecord) { r.Lifecycle, r.Versions[0].Wrapped = keystate.New(kmsapi.OriginExternal), nil },
		"imported":    func(r *cmkRecord) { r.Versions[0].Fingerprint = make([]byte, 32) },
	} {
		record := usualRecord()
		change(&record)
		encoded, err := json.Marshal(record)
		require.NoError(t, err)
		got, ok := readUsual(string(encoded))
		require.True(t, ok, "%s: %s", name, encoded)
		require.Equal(t, &record, got, name)
	}
	tagged := usualRecord()
	tagged.Tags = map[string]string{"a": "b"}
	encoded, err := json.Marshal(tagged)
	require.NoError(t, err)
	_, ok := readUsual(string(encoded))
	require.False(t, ok)
	_, ok = readUsual(strings.TrimSuffix(string(encoded), "}"))
	require.False(t, ok)
}
