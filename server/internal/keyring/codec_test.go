package keyring

import (
	"encoding/hex"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// fullCMK returns a CMK with every field set.
func fullCMK() *CMK {
	return &CMK{
		CreationDate: testTime, Description: "for \"tests\"\n", KeySpec: "Aliyun_AES_256", KeyUsage: "ENCRYPT/DECRYPT",
		ProtectionLevel: kmsapi.ProtectionSoftware,
		Lifecycle: keystate.Lifecycle{
			State: kmsapi.Enabled, Origin: kmsapi.OriginExternal, HasMaterial: true,
			DeleteDate: testTime.Add(time.Hour), MaterialExpireTime: testTime.Add(time.Minute),
		},
		RotationInterval: 365 * 24 * time.Hour, DeletionProtection: true, DeletionProtectionDescription: "why",
		InstanceID: "kst-dev", Policy: "{}", Default: true,
		Primary: Version{
			ID: "72a4d3c8-22ba-4d47-9dd4-c2b5d0ce6a04", CreationDate: testTime,
			Wrapped: []byte("wrapped"), Fingerprint: []byte("fingerprint"), Number: 49, WrappedPublic: []byte("public"),
		},
	}
}

// Stores have records in this form, so every later program must read it in the same way.
func TestTheFormOfARecordIsFixed(t *testing.T) {
	const want = "01" +
		"010c" + "000000006b02af101dcd6500" +
		"020c" + "666f7220227465737473220a" +
		"030e" + "416c6979756e5f4145535f323536" +
		"040f" + "454e43525950542f44454352595054" +
		"0508" + "534f465457415245" +
		"0607" + "456e61626c6564" +
		"0708" + "45585445524e414c" +
		"0800" +
		"090c" + "000000006b02bd201dcd6500" +
		"0a0c" + "000000006b02af4c1dcd6500" +
		"0b08" + "0000000001e13380" +
		"0c00" +
		"0d03" + "776879" +
		"0e07" + "6b73742d646576" +
		"0f00" +
		"1024" + "37326134643363382d323262612d346434372d396464342d633262356430636536613034" +
		"110c" + "000000006b02af101dcd6500" +
		"1207" + "77726170706564" +
		"130b" + "66696e6765727072696e74" +
		"1408" + "0000000000000031" +
		"1806" + "7075626c6963" +
		"1902" + "7b7d"
	require.Equal(t, want, hex.EncodeToString(encode(fullCMK())))
}

func TestARecordWithoutAnythingIsItsFormatAlone(t *testing.T) {
	require.Equal(t, []byte{1}, encode(&CMK{}))
	require.Equal(t, []byte{1}, encode(Tags{}))
}

// drawCMK draws a CMK with any fields.
func drawCMK(t *rapid.T) *CMK {
	text, some := rapid.String(), rapid.SliceOfN(rapid.Byte(), 1, -1)
	date := rapid.Custom(func(t *rapid.T) time.Time {
		if rapid.Bool().Draw(t, "none") {
			return time.Time{}
		}
		last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).Unix()
		seconds, nanoseconds := rapid.Int64Range(-1000, last), rapid.Int64Range(0, 999_999_999)
		return time.Unix(seconds.Draw(t, "seconds"), nanoseconds.Draw(t, "nanoseconds")).UTC()
	})
	return &CMK{
		CreationDate: date.Draw(t, "created"), Description: text.Draw(t, "description"), KeySpec: text.Draw(t, "spec"),
		KeyUsage: text.Draw(t, "usage"), ProtectionLevel: kmsapi.ProtectionLevel(text.Draw(t, "level")),
		Lifecycle: keystate.Lifecycle{
			State: kmsapi.KeyState(text.Draw(t, "state")), Origin: kmsapi.Origin(text.Draw(t, "origin")),
			HasMaterial: rapid.Bool().Draw(t, "material"), DeleteDate: date.Draw(t, "delete"),
			MaterialExpireTime: date.Draw(t, "expire"),
		},
		RotationInterval:              time.Duration(rapid.Int64Range(0, 1e9).Draw(t, "interval")) * time.Second,
		DeletionProtection:            rapid.Bool().Draw(t, "protected"),
		DeletionProtectionDescription: text.Draw(t, "why"),
		InstanceID:                    text.Draw(t, "instance"),
		Policy:                        text.Draw(t, "policy"),
		Default:                       rapid.Bool().Draw(t, "default"),
		Primary: Version{
			ID: text.Draw(t, "version"), CreationDate: date.Draw(t, "made"), Number: rapid.IntMin(0).Draw(t, "number"),
			Wrapped:       rapid.OneOf(rapid.Just([]byte(nil)), some).Draw(t, "wrapped"),
			Fingerprint:   rapid.OneOf(rapid.Just([]byte(nil)), some).Draw(t, "fingerprint"),
			WrappedPublic: rapid.OneOf(rapid.Just([]byte(nil)), some).Draw(t, "public"),
		},
	}
}

func TestRecordsOfAnyContentAreReadAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cmk := drawCMK(t)
		got := &CMK{}
		require.NoError(t, decode("p", encode(cmk), got))
		require.Equal(t, cmk, got)

		var version Version
		require.NoError(t, decode("p", encode(&cmk.Primary), &version))
		version.ID = cmk.Primary.ID
		require.Equal(t, cmk.Primary, version)

		alias, gotAlias := Alias{KeyID: cmk.Description, CreationDate: cmk.CreationDate}, Alias{}
		require.NoError(t, decode("p", encode(&alias), &gotAlias))
		require.Equal(t, alias, gotAlias)

		key := rapid.StringN(1, -1, -1)
		tags, gotTags := Tags(rapid.MapOf(key, rapid.String()).Draw(t, "tags")), Tags{}
		require.NoError(t, decode("p", encode(tags), gotTags))
		require.Equal(t, tags, gotTags)
	})
}

// newRecords returns an empty record of every type.
func newRecords() []record { return []record{&CMK{}, &Version{}, &Alias{}, Tags{}} }

// requireOneForm requires that value is not a record, or is exactly the encoding of the record in it.
func requireOneForm(t require.TestingT, value []byte) {
	for _, r := range newRecords() {
		if decode("p", value, r) == nil {
			require.Equal(t, value, encode(r), "%T", r)
		}
	}
}

func TestARecordHasOneForm(t *testing.T) {
	for name, value := range map[string]string{
		"nothing":                              "",
		"another format":                       "02",
		"JSON":                                 hex.EncodeToString([]byte("{}")),
		"an empty string":                      "010200",
		"an empty time":                        "010100",
		"a time of no nanoseconds":             "01010c000000006a13d9b0ffffffff",
		"the zero time":                        "01010cfffffff1886e090000000000",
		"a length that could be shorter":       "01028100" + "61",
		"a length that ends too late":          "010205616263",
		"a length that does not end":           "0102ff",
		"a length that no integer holds":       "0102ffffffffffffffffff7f",
		"fields in another order":              "010301610201" + "61",
		"a field twice":                        "0102016102" + "0161",
		"a field of another type":              "011401" + "61",
		"a flag with content":                  "01080161",
		"an interval of no seconds":            "010b080000000000000000",
		"an interval before any":               "010b08ffffffffffffff00",
		"an interval that no duration holds":   "010b087fffffffffffffff",
		"a field without a length":             "0102",
		"tags in another order":                "01010301627801030161" + "78",
		"a tag without a key":                  "010102" + "0078",
		"a tag whose key is longer than it is": "010102" + "0561",
	} {
		encoded, err := hex.DecodeString(value)
		require.NoError(t, err)
		for _, r := range []record{&CMK{}, Tags{}} {
			err := decode("cmk/1", encoded, r)
			require.ErrorContains(t, err, "record cmk/1: it is not in the form", "%s, %T", name, r)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		encoded := encode(drawCMK(t))
		at := rapid.IntRange(0, len(encoded)-1).Draw(t, "at")
		requireOneForm(t, encoded[:at])
		encoded[at] = rapid.Byte().Draw(t, "instead")
		requireOneForm(t, encoded)
	})
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(fullCMK()))
	f.Add(encode(&fullCMK().Primary))
	f.Add(encode(&Alias{KeyID: "id", CreationDate: testTime}))
	f.Add(encode(Tags{"a": "1", "b": ""}))
	f.Fuzz(func(t *testing.T, value []byte) { requireOneForm(t, value) })
}
