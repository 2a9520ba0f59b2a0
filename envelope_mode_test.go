package alicloudkms

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// newEnvelopeRig makes a configured engine with keys in envelope mode.
func newEnvelopeRig(t *testing.T, names ...string) *rig {
	t.Helper()
	r := newKeyRig(t)
	for _, name := range names {
		r.write("keys/"+name, body{"encryption": "envelope"})
	}
	return r
}

func (r *rig) decrypt(key, ciphertext string) string {
	r.t.Helper()
	return r.write("decrypt/"+key, body{"ciphertext": ciphertext}).Data["plaintext"].(string)
}

// messageOfText returns the message of a ciphertext of envelope mode.
func messageOfText(t *testing.T, ciphertext string) envelope.Message {
	t.Helper()
	_, encoded, ok := strings.Cut(ciphertext, ":v")
	require.True(t, ok)
	_, encoded, _ = strings.Cut(encoded, ":")
	data, err := base64.StdEncoding.DecodeString(encoded)
	require.NoError(t, err)
	m, err := envelope.Parse(data)
	require.NoError(t, err)
	return m
}

func TestKeyInEnvelopeModeAsksKMSOnceForManyMessages(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	before := r.kms.total()
	for range 10 {
		require.Equal(t, hello, r.decrypt("a", r.encrypt("a", hello)))
	}
	require.Equal(t, before+1, r.kms.total())
	require.Equal(t, 2, r.kms.count(kmsapi.OpDecrypt), "the first one tries the new data key")

	r.later(time.Minute)
	require.Equal(t, hello, r.decrypt("a", r.encrypt("a", hello)))
	require.Equal(t, 3, r.kms.count(kmsapi.OpDecrypt))
}

func TestReadShowsTheModeOfAKey(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	r.write("keys/b", nil)
	shown := r.read("keys/a").Data
	require.Equal(t, "envelope", shown["encryption"])
	require.Regexp(t, "^[0-9a-f]{32}$", shown["envelope_id"])
	require.EqualValues(t, 30*24*3600, shown["auto_rotate_period"])
	require.Equal(t, 1, shown["latest_version"])
	shown = r.read("keys/b").Data
	require.Equal(t, "direct", shown["encryption"])
	require.Equal(t, "", shown["envelope_id"])
}

func TestMessagesAreEmptyOrLargeOrNeitherGiven(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	for name, size := range map[string]int{"empty": 0, "more than KMS takes": 6145, "4 MiB": 4 << 20} {
		t.Run(name, func(t *testing.T) {
			plaintext := base64.StdEncoding.EncodeToString(make([]byte, size))
			require.Equal(t, plaintext, r.decrypt("a", r.encrypt("a", plaintext)))
		})
	}
	tooLong := base64.StdEncoding.EncodeToString(make([]byte, 4<<20+1))
	_, err := r.tryWrite("encrypt/a", body{"plaintext": tooLong})
	refused(t, err, 400, "up to 4 MiB")
	_, err = r.tryWrite("encrypt/a", body{})
	refused(t, err, 400, "plaintext is required")
	_, err = r.tryWrite("decrypt/a", body{"ciphertext": "vault:v1:" + "AEFLRQEA" + strings.Repeat("A", 6<<20)})
	refused(t, err, 400, "up to 4 MiB")
}

func TestKeyChangesItsModeAndOpensWhatBothHaveMade(t *testing.T) {
	r := newKeyRig(t, "a")
	direct := r.encrypt("a", hello)
	require.Equal(t, 2, r.write("keys/a/config", body{"encryption": "envelope"}).Data["latest_version"])
	id := r.read("keys/a").Data["envelope_id"]
	sealed := r.encrypt("a", hello)
	require.True(t, strings.HasPrefix(sealed, "vault:v2:AEFLRQEA"), sealed)
	require.Equal(t, hello, r.decrypt("a", direct))

	require.Equal(t, 3, r.write("keys/a/config", body{"encryption": "direct"}).Data["latest_version"])
	again := r.encrypt("a", hello)
	require.True(t, strings.HasPrefix(again, "vault:v3:"), again)
	for _, text := range []string{direct, sealed, again} {
		require.Equal(t, hello, r.decrypt("a", text))
	}
	r.write("keys/a/config", body{"encryption": "envelope"})
	require.Equal(t, id, r.read("keys/a").Data["envelope_id"], "an id is made once")
	require.EqualValues(t, 4, messageOfText(t, r.encrypt("a", hello)).Version)
}

func TestRewrapConvertsBetweenTheModes(t *testing.T) {
	r := newKeyRig(t, "a")
	direct := r.encrypt("a", hello)
	r.write("keys/a/config", body{"encryption": "envelope"})
	rewrap := func(ciphertext string) string {
		return r.write("rewrap/a", body{"ciphertext": ciphertext}).Data["ciphertext"].(string)
	}
	sealed := rewrap(direct)
	require.EqualValues(t, 2, messageOfText(t, sealed).Version)
	r.write("keys/a/rotate", nil)
	require.EqualValues(t, 3, messageOfText(t, rewrap(sealed)).Version)
	empty, large := r.encrypt("a", ""), r.encrypt("a", base64.StdEncoding.EncodeToString(make([]byte, 6145)))

	r.write("keys/a/config", body{"encryption": "direct"})
	back := rewrap(sealed)
	require.True(t, strings.HasPrefix(back, "vault:v4:"), back)
	require.Equal(t, hello, r.decrypt("a", back))
	for _, ciphertext := range []string{empty, large} {
		_, err := r.tryWrite("rewrap/a", body{"ciphertext": ciphertext})
		refused(t, err, 400, "KMS encrypts 1 to 6144")
	}
}

func TestRefusalToOpenADataKeySaysWhatToDoAboutTheKey(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	r.write("keys/a/disable", nil)
	_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 409, "Rejected.Disabled", "To enable the key, run: vault write -f kms/keys/a/enable")
}

func TestNumberBeforeACiphertextIsNotBelieved(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	r.write("keys/a/rotate", nil)
	_, made, _ := strings.Cut(r.encrypt("a", hello), "vault:v2:")
	for _, prefix := range []string{"", "vault:v1:", "vault:v2:", "vault:v4294967296:"} {
		require.Equal(t, hello, r.decrypt("a", prefix+made), prefix)
	}
}
