package alicloudkms

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A formerKey is a deregistered key: its ciphertexts, and the fields that register needs.
type formerKey struct {
	cmks, texts []string
	envelopeID  string
	register    body
}

// newFormerKey makes a key with bound_context team=hr and two KMS keys: version 1 is in direct mode, 2 and 3 are data
// keys of the first KMS key, and 4 is one of the second. It makes a ciphertext with each version, and deregisters the
// key.
func newFormerKey(t *testing.T) (*rig, formerKey) {
	t.Helper()
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"bound_context": "team=hr"})
	texts := []string{r.encrypt("a", hello)}
	for _, next := range []struct {
		path string
		data body
	}{
		{"keys/a/config", body{"encryption": "envelope"}}, {"keys/a/rotate", nil}, {"keys/a/rotate", body{"new_cmk": true}},
	} {
		r.write(next.path, next.data)
		texts = append(texts, r.encrypt("a", hello))
	}
	resp := r.write("keys/a/deregister", nil).Data
	cmks := resp["key_ids"].([]string)
	require.Len(t, cmks, 2)
	return r, formerKey{cmks, texts, resp["envelope_id"].(string), body{
		"key_id": cmks[1], "previous_key_ids": cmks[0], "bound_context": "team=hr", "envelope_text": texts[3],
	}}
}

// encodedOf returns the base64 of a ciphertext.
func encodedOf(text string) string { return text[strings.LastIndexByte(text, ':')+1:] }

// altered returns a ciphertext whose message went through change.
func altered(t *testing.T, text string, change func(message []byte) []byte) string {
	t.Helper()
	message, err := base64.StdEncoding.DecodeString(encodedOf(text))
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(change(message))
}

// flipped changes one byte of the message of a ciphertext.
func flipped(t *testing.T, text string, at int) string {
	t.Helper()
	return altered(t, text, func(message []byte) []byte {
		message[at] ^= 1
		return message
	})
}

func TestKeyGoesOnAsTheFormerOne(t *testing.T) {
	for name, form := range map[string]func(string) string{
		"whole":          func(text string) string { return text },
		"base64 alone":   encodedOf,
		"in short lines": func(text string) string { return fold(text, 64, "\r\n") },
	} {
		t.Run(name, func(t *testing.T) {
			r, former := newFormerKey(t)
			require.Regexp(t, "^[0-9a-f]{32}$", former.envelopeID)
			resp := r.write("keys/b/register", with(former.register, body{"envelope_text": form(former.texts[3])}))
			require.Empty(t, resp.Warnings)
			require.Equal(t, former.envelopeID, resp.Data["envelope_id"])
			require.Equal(t, "envelope", resp.Data["encryption"])
			require.EqualValues(t, 30*24*3600, resp.Data["auto_rotate_period"])
			require.Equal(t, 5, resp.Data["latest_version"])
			require.Equal(t, resp.Data, r.read("keys/b").Data)

			r.opens("b", former.texts...)
			next := r.encrypt("b", hello)
			require.EqualValues(t, 5, messageOfText(t, next).Version)
			require.Equal(t, former.envelopeID, messageOfText(t, next).ID.String())
			r.write("keys/b/rotate", nil)
			r.opens("b", append(former.texts, next, r.encrypt("b", hello))...)
			require.Equal(t, former.envelopeID, r.write("keys/b/deregister", nil).Data["envelope_id"])
		})
	}
}

func TestVersionsGoOnAfterThoseOfKMSAndOfTheText(t *testing.T) {
	for name, tc := range map[string]struct{ text, rotations, newest int }{
		"the text has the highest version":  {3, 0, 4},
		"the text is an old one":            {2, 0, 3},
		"KMS has as many versions":          {3, 2, 4},
		"KMS has more versions than it had": {3, 5, 7},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			texts, cmk := []string{r.encrypt("a", hello)}, r.keyID("a")
			r.write("keys/a/config", body{"encryption": "envelope"})
			texts = append(texts, r.encrypt("a", hello))
			r.write("keys/a/rotate", nil)
			texts = append(texts, r.encrypt("a", hello))
			r.write("keys/a/deregister", nil)
			for range tc.rotations {
				r.direct().rotate(cmk)
			}
			resp := r.write("keys/a/register", body{"key_id": cmk, "envelope_text": texts[tc.text-1]})
			require.Equal(t, tc.newest, resp.Data["latest_version"])
			require.EqualValues(t, tc.newest, messageOfText(t, r.encrypt("a", hello)).Version)
			r.opens("a", texts...)

			// All of this holds in direct mode too.
			r.write("keys/a/config", body{"encryption": "direct"})
			r.opens("a", append(texts, r.encrypt("a", hello))...)
			require.Equal(t, tc.newest+1, version(t, r.encrypt("a", hello)))
		})
	}
}

func TestEnvelopeTextThatDoesNotFitIsRefused(t *testing.T) {
	r, former := newFormerKey(t)
	newest := former.texts[3]
	wrapped := len(messageOfText(t, newest).Wrapped)
	foreign := r.makeKey("foreign", body{"encryption": "envelope"}).Data["key_id"]
	pair := r.direct().makeCMK(&kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecP256})
	text := func(text string) body { return body{"envelope_text": text} }
	for name, tc := range map[string]struct {
		change body
		status int
		says   string
	}{
		"empty":                     {text(""), 400, "envelope_text must be"},
		"no base64":                 {text("vault:v1:!"), 400, "envelope_text must be"},
		"a file name":               {text("./text.txt"), 400, "envelope_text=@"},
		"of direct mode":            {text(former.texts[0]), 400, "in direct mode opens without"},
		"of a file":                 {text(flipped(t, newest, 5)), 400, "envelope_text is malformed"},
		"of another format":         {text(flipped(t, newest, 4)), 400, "envelope_text is malformed"},
		"cut":                       {text(newest[:120]), 400, "envelope_text is malformed"},
		"too long":                  {text(newest + strings.Repeat("A", 6<<20)), 400, "up to 4 MiB"},
		"with another id":           {text(flipped(t, newest, 21)), 400, "data key of envelope_text"},
		"with another version":      {text(flipped(t, newest, 25)), 400, "data key of envelope_text"},
		"with a version out of use": {text(ofVersion(t, newest, 1_000_000_001)), 400, "1000000000"},
		"with another data key":     {text(flipped(t, newest, 28+wrapped-1)), 400, "data key of envelope_text"},
		"with another nonce":        {text(flipped(t, newest, 28+wrapped)), 400, "envelope_text was altered"},
		"with another commitment":   {text(flipped(t, newest, 52+wrapped)), 400, "envelope_text was altered"},
		"without the bound context": {body{"bound_context": nil}, 400, "bound_context of the former key"},
		"another bound context":     {body{"bound_context": "team=it"}, 400, "bound_context of the former key"},
		"without an earlier KMS key": {
			with(text(former.texts[2]), body{"previous_key_ids": nil}), 403, "was wrapped by a KMS key other than",
		},
		"another KMS key": {body{"key_id": foreign, "previous_key_ids": nil}, 403, "was wrapped by a KMS key other than"},
		"a key pair": {
			body{"key_id": pair, "previous_key_ids": nil, "bound_context": nil}, 400, `the field "envelope_text"`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			made := r.kms.count(kmsapi.OpGenerateDataKey)
			asked := with(former.register, tc.change)
			maps.DeleteFunc(asked, func(_ string, value any) bool { return value == nil })
			_, err := r.tryWrite("keys/a/register", asked)
			refused(t, err, tc.status, tc.says)
			require.Empty(t, r.storedOrNone("a"))
			require.Equal(t, made, r.kms.count(kmsapi.OpGenerateDataKey))
		})
	}
	r.write("keys/a/register", former.register)
	r.opens("a", former.texts...)
}

// ofVersion changes the version in a ciphertext.
func ofVersion(t *testing.T, text string, n uint32) string {
	t.Helper()
	return altered(t, text, func(message []byte) []byte {
		binary.BigEndian.PutUint32(message[22:], n)
		return message
	})
}

func TestFormerKeyIsNotTakenUpWithoutKMS(t *testing.T) {
	r, former := newFormerKey(t)
	for op, err := range map[kmsapi.Operation]error{
		kmsapi.OpDecrypt: answered(kmsapi.ErrNoPermission), kmsapi.OpGenerateDataKey: answered(kmsapi.ErrNoPermission),
	} {
		r.fails(op, err)
		_, err := r.tryWrite("keys/a/register", former.register)
		refused(t, err, 403, "kms:"+string(op))
		require.Empty(t, r.storedOrNone("a"))
	}
	r.denies(kmsapi.OpListKeyVersions)
	require.Equal(t, 5, r.write("keys/a/register", former.register).Data["latest_version"])
	r.opens("a", former.texts...)
}

func TestKMSKeyMustBeUsableToGoOnAsTheFormerKey(t *testing.T) {
	for state, use := range map[string]struct {
		change func(*directKMS, ...string)
		path   string
	}{
		"disabled":               {disabled, "keys/a/enable"},
		"scheduled for deletion": {scheduled, "keys/a/cancel_deletion"},
	} {
		t.Run(state, func(t *testing.T) {
			r, former := newFormerKey(t)
			use.change(r.direct(), former.cmks[1])
			_, err := r.tryWrite("keys/a/register", former.register)
			refused(t, err, 409, "register it without envelope_text")
			require.Empty(t, r.storedOrNone("a"))

			without := maps.Clone(former.register)
			delete(without, "envelope_text")
			r.write("keys/a/register", without)
			r.write(use.path, nil)
			if use.path == "keys/a/cancel_deletion" {
				r.write("keys/a/enable", nil)
			}
			r.write("keys/a/deregister", nil)
			r.write("keys/a/register", former.register)
			r.opens("a", former.texts...)
		})
	}
}

func TestRecreatedKeySaysHowItsFormerOneIsKept(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	text, old := r.encrypt("a", hello), r.keyID("a")
	scheduled(r.direct(), old)
	resp := r.write("keys/a", body{"recreate": true})
	require.Contains(t, strings.Join(resp.Warnings, "\n"), "register it again with envelope_text")
	require.NotEqual(t, messageOfText(t, text).ID.String(), resp.Data["envelope_id"])
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": text})
	refused(t, err, 403, "not made by this key")
}

func TestRegisteringAgainLooksAtTheEnvelopeID(t *testing.T) {
	r, former := newFormerKey(t)
	r.write("keys/a/register", with(former.register, body{"envelope_text": former.texts[1]}))
	stored, other := r.storedKey("a"), r.makeKey("other", body{"encryption": "envelope"}).Data["envelope_id"]
	without := maps.Clone(former.register)
	delete(without, "envelope_text")
	for name, again := range map[string]body{
		"the same text": with(without, body{"envelope_text": former.texts[1]}),
		"another text":  with(without, body{"envelope_text": former.texts[2]}),
		"none":          without,
	} {
		t.Run(name, func(t *testing.T) {
			resp := r.write("keys/a/register", again)
			require.Contains(t, resp.Warnings[0], "nothing was changed")
			require.Len(t, resp.Warnings, 1)
		})
	}
	newer := r.write("keys/a/register", former.register)
	require.Contains(t, strings.Join(newer.Warnings, "\n"), "is of version 4, and the newest version of the key is 3")
	_, err := r.tryWrite("keys/a/register", with(former.register, body{"envelope_text": r.encrypt("other", hello)}))
	refused(t, err, 409, "envelope id")
	require.NotEqual(t, former.envelopeID, other)
	require.Equal(t, stored, r.storedKey("a"))
}

func TestNamesOfOneEnvelopeIDAreAWarning(t *testing.T) {
	r, former := newFormerKey(t)
	require.Empty(t, r.write("keys/a/register", former.register).Warnings)
	r.makeKey("third", body{"encryption": "envelope"})
	warnings := strings.Join(r.write("keys/b/register", former.register).Warnings, "\n")
	require.Contains(t, warnings, "the same envelope_id")
	require.Contains(t, warnings, "too: a")
	require.NotContains(t, warnings, "third")

	// Both go on with version 5, each with its own data key, and each opens the other's ciphertexts.
	ofA, ofB := r.encrypt("a", hello), r.encrypt("b", hello)
	require.NotEqual(t, messageOfText(t, ofA).Wrapped, messageOfText(t, ofB).Wrapped)
	r.opens("a", ofA, ofB)
	r.opens("b", ofA, ofB)
}

func TestAnEnvelopeTextOpensOverTheConnectionOfItsKMSKey(t *testing.T) {
	r, i := newInstanceRig(t)
	ours, shared := r.newCMK(), r.newCMK()
	i.of[ours] = ourInstance
	r.write("keys/a/register", body{"key_id": ours})
	r.write("keys/a/config", body{"encryption": "envelope"})
	text := r.encrypt("a", hello)
	require.Equal(t, dedicatedHost, r.kms.at[kmsapi.OpDecrypt])
	r.write("keys/a/deregister", nil)

	var opened []string
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpDecrypt {
			opened = append(opened, r.kms.at[kmsapi.OpDecrypt])
		}
		return nil
	}
	resp := r.write("keys/a/register", body{"key_id": shared, "previous_key_ids": ours, "envelope_text": text})
	require.Equal(t, 3, resp.Data["latest_version"])
	require.Equal(t, []string{dedicatedHost, sharedHost}, opened, "the former data key, and the new one")
	r.opens("a", text)
	require.Equal(t, dedicatedHost, r.kms.at[kmsapi.OpDecrypt])
}
