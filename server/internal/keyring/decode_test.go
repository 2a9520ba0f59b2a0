package keyring

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

// newRecord is a CMK as CreateKey stores it.
func newRecord() CMK {
	at := time.Date(2026, 11, 22, 9, 0, 0, 5e8, time.UTC)
	return CMK{
		KeyID: "08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4fb73", ProtectionLevel: kmsapi.ProtectionSoftware, CreationDate: at,
		Lifecycle: keystate.New(kmsapi.OriginKMS), PrimaryVersion: "72a4d3c8-22ba-4d47-9dd4-c2b5d0ce6a04",
		Versions: []Version{{ID: "72a4d3c8-22ba-4d47-9dd4-c2b5d0ce6a04", CreationDate: at, Wrapped: make([]byte, 73)}},
	}
}

func TestARecordIsReadAsEncodingJSONReadsIt(t *testing.T) {
	text := rapid.OneOf(rapid.String(), rapid.StringMatching(`[ -~]{0,20}`))
	instant := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "none") {
			return time.Time{}
		}
		return time.Unix(rapid.Int64Range(0, time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()).Draw(t, "seconds"), rapid.Int64Range(0, 999).Draw(t, "ms")*1e6).UTC()
	})
	rapid.Check(t, func(t *rapid.T) {
		r := CMK{
			KeyID: text.Draw(t, "id"), Description: text.Draw(t, "description"), CreationDate: instant.Draw(t, "created"),
			ProtectionLevel: kmsapi.ProtectionLevel(text.Draw(t, "level")), PrimaryVersion: text.Draw(t, "primary"),
			Lifecycle: keystate.Lifecycle{
				State: kmsapi.KeyState(text.Draw(t, "state")), Origin: kmsapi.Origin(text.Draw(t, "origin")),
				HasMaterial: rapid.Bool().Draw(t, "material"), DeleteDate: instant.Draw(t, "delete"), MaterialExpireTime: instant.Draw(t, "expire"),
			},
		}
		for range rapid.SampledFrom([]int{1, 1, 1, 0, 2}).Draw(t, "versions") {
			r.Versions = append(r.Versions, Version{
				ID: text.Draw(t, "version"), CreationDate: instant.Draw(t, "made"),
				Wrapped: rapid.SliceOf(rapid.Byte()).Draw(t, "wrapped"), Fingerprint: rapid.SliceOf(rapid.Byte()).Draw(t, "fingerprint"),
			})
		}
		if rapid.Bool().Draw(t, "tagged") {
			r.Tags = rapid.MapOf(text, text).Draw(t, "tags")
		}
		encoded, err := json.Marshal(r)
		require.NoError(t, err)
		sameAsJSON(t, encoded)
		// And with a change somewhere, which makes it a record that this program does not write, or not a record at all.
		at := rapid.IntRange(0, len(encoded)-1).Draw(t, "at")
		encoded[at] = rapid.SampledFrom([]byte("\"{}[],:\\x 0\x00\xff")).Draw(t, "instead")
		sameAsJSON(t, encoded)
		sameAsJSON(t, encoded[:at])
	})
}

func sameAsJSON(t require.TestingT, encoded []byte) {
	want := &CMK{}
	wantErr := json.Unmarshal(encoded, want)
	got, err := decodeCMK("p", encoded)
	require.Equal(t, wantErr == nil, err == nil, "%s", encoded)
	if err == nil {
		require.Equal(t, want, got, "%s", encoded)
	}
}

func TestTheUsualRecordIsDecodedWithoutEncodingJSON(t *testing.T) {
	for name, change := range map[string]func(*CMK){
		"new":              func(*CMK) {},
		"described":        func(r *CMK) { r.Description = "for the payroll" },
		"to be deleted":    func(r *CMK) { r.Lifecycle.DeleteDate = r.CreationDate },
		"without material": func(r *CMK) { r.Lifecycle, r.Versions[0].Wrapped = keystate.New(kmsapi.OriginExternal), nil },
		"imported":         func(r *CMK) { r.Versions[0].Fingerprint = make([]byte, 32) },
	} {
		record := newRecord()
		change(&record)
		encoded, err := json.Marshal(record)
		require.NoError(t, err)
		got, ok := decodeFast(string(encoded))
		require.True(t, ok, "%s: %s", name, encoded)
		require.Equal(t, &record, got, name)
	}
	tagged := newRecord()
	tagged.Tags = map[string]string{"a": "b"}
	encoded, err := json.Marshal(tagged)
	require.NoError(t, err)
	_, ok := decodeFast(string(encoded))
	require.False(t, ok)
	_, ok = decodeFast(strings.TrimSuffix(string(encoded), "}"))
	require.False(t, ok)
}
