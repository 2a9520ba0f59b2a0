package alicloudkms

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
)

// bytesOf returns the bytes of the message of a ciphertext.
func bytesOf(t *testing.T, text string) []byte {
	t.Helper()
	message, err := base64.StdEncoding.DecodeString(encodedOf(text))
	require.NoError(t, err)
	return message
}

// textOf returns the ciphertext string of a message, with the prefix of the version in it.
func textOf(message []byte) string {
	n := 1
	if len(message) >= 26 {
		n = max(int(binary.BigEndian.Uint32(message[22:])), 1)
	}
	return versions.JoinBytes(n, message)
}

// opensNone requires that a key refuses ciphertexts with 400 or 403, one by one and in a batch.
func (r *rig) opensNone(key string, texts ...string) {
	r.t.Helper()
	items := make([]any, len(texts))
	for i, text := range texts {
		items[i] = object("ciphertext", text)
		r.opensNot(key, text)
	}
	_, results := r.batch("rewrap/"+key, items)
	for i, result := range results {
		require.NotEmpty(r.t, result["error"], "%s: %v", texts[i], result)
		require.NotContains(r.t, result, "ciphertext")
	}
}

// opensNot requires that a key refuses a ciphertext with 400 or 403.
func (r *rig) opensNot(key, text string) {
	r.t.Helper()
	resp, err := r.tryWrite("decrypt/"+key, body{"ciphertext": text})
	require.Error(r.t, err, "%s: %v", text, resp)
	require.Contains(r.t, []int{400, 403}, statusOfRefusal(r.t, err), "%s: %s", text, err)
}

func statusOfRefusal(t *testing.T, err error) int {
	t.Helper()
	coded, ok := err.(logical.HTTPCodedError)
	require.True(t, ok, "%T: %v", err, err)
	return coded.Code()
}

// parts returns the parts of a message that an attacker may exchange.
func parts(message []byte) map[string][]byte {
	m := 28 + int(binary.BigEndian.Uint16(message[26:]))
	return map[string][]byte{
		"id": message[6:22], "version": message[22:26], "wrapped key": message[26:m],
		"nonce": message[m : m+24], "commitment": message[m+24 : m+56], "ciphertext": message[m+56:],
	}
}

var partsInOrder = []string{"id", "version", "wrapped key", "nonce", "commitment", "ciphertext"}

// splices returns all messages that combine parts of two, except for the two themselves.
func splices(one, other []byte) (texts []string) {
	parts := []map[string][]byte{parts(one), parts(other)}
	seen := map[string]bool{string(one): true, string(other): true}
	for mask := range 1 << len(partsInOrder) {
		message := bytes.Clone(one[:6])
		for i, name := range partsInOrder {
			message = append(message, parts[mask>>i&1][name]...)
		}
		if !seen[string(message)] {
			seen[string(message)] = true
			texts = append(texts, textOf(message))
		}
	}
	return texts
}

// newSpliceRig makes the keys a, b and c in envelope mode, each with two versions and two ciphertexts of the first, and
// one of the second. a and b have one KMS key.
func newSpliceRig(t *testing.T) (*rig, map[string][]byte) {
	t.Helper()
	r := newEnvelopeRig(t, "a", "c")
	r.write("keys/b/register", body{"key_id": r.keyID("a")})
	r.write("keys/b/config", body{"encryption": "envelope"})
	made := map[string][]byte{}
	for _, key := range []string{"a", "b", "c"} {
		made[key+"1"] = bytesOf(t, r.encrypt(key, hello))
		made[key+"1 again"] = bytesOf(t, r.encrypt(key, b64([]byte("world"))))
		r.write("keys/"+key+"/rotate", nil)
		made[key+"2"] = bytesOf(t, r.encrypt(key, hello))
	}
	return r, made
}

func TestSplicedMessagesAreRefused(t *testing.T) {
	r, made := newSpliceRig(t)
	for _, pair := range [][2]string{
		{"a1", "a1 again"}, {"a1", "a2"}, {"a1", "b1"}, {"a1", "b2"}, {"a2", "b2"}, {"a1", "c1"}, {"a2", "c1"},
	} {
		t.Run(fmt.Sprint(pair), func(t *testing.T) {
			texts := splices(made[pair[0]], made[pair[1]])
			require.NotEmpty(t, texts)
			for _, key := range []string{"a", "b", "c"} {
				r.opensNone(key, texts...)
			}
		})
	}
}

// A message opens only with the key that made it, in the mount that made it.
func TestMessagesOfOtherKeysAndMountsAreRefusedWithoutACall(t *testing.T) {
	r, made := newSpliceRig(t)
	other := *r
	other.storage = &countingStorage{}
	conf := logical.TestBackendConfig()
	conf.System, conf.StorageView, conf.Logger = logical.TestSystemView(), other.storage, r.logger()
	b, err := newBackend(t.Context(), conf, r.backend().process)
	require.NoError(t, err)
	other.b = b
	other.write("config", goodConfig())
	other.write("keys/a/register", body{"key_id": r.keyID("a")})
	other.opensAfter("a", body{"encryption": "envelope"})

	calls := r.kms.total()
	for from := range made {
		for _, key := range []string{"a", "b", "c"} {
			if from[:1] != key {
				r.opensNone(key, textOf(made[from]))
			}
		}
		other.opensNone("a", textOf(made[from]))
	}
	require.Equal(t, calls, r.kms.total())
}

// opensAfter changes a key's config, and uses the key.
func (r *rig) opensAfter(key string, config body) {
	r.t.Helper()
	r.write("keys/"+key+"/config", config)
	r.opens(key, r.encrypt(key, hello))
}

func TestHeadersOfOtherLengthsAreRefused(t *testing.T) {
	r, made := newSpliceRig(t)
	message := made["a1"]
	m := int(binary.BigEndian.Uint16(message[26:]))
	for _, to := range []int{0, 1, m - 1, m + 1, m + 24, len(message) - 28 - 72, len(message), 1024, 1025, 65535} {
		changed := bytes.Clone(message)
		binary.BigEndian.PutUint16(changed[26:], uint16(to))
		r.opensNone("a", textOf(changed))
		// The wrapped key is cut or padded to that length.
		wrapped := append(bytes.Clone(message[28:28+m]), make([]byte, 65535)...)[:to]
		r.opensNone("a", textOf(append(append(changed[:28:28], wrapped...), message[28+m:]...)))
	}
	r.opens("a", textOf(message))
	calls, cut := r.kms.total(), []string{}
	for n := 6; n < len(message); n++ {
		if n < 28+m+72 || n%8 == 0 {
			cut = append(cut, textOf(message[:n]))
		}
	}
	for _, more := range [][]byte{{0}, make([]byte, 16), message} {
		cut = append(cut, textOf(append(bytes.Clone(message), more...)))
	}
	r.opensNone("a", cut...)
	for _, at := range []int{4, 5} { // The format and the flags.
		var texts []string
		for to := range 256 {
			changed := bytes.Clone(message)
			changed[at] = byte(to)
			if to != int(message[at]) {
				texts = append(texts, textOf(changed))
			}
		}
		r.opensNone("a", texts...)
	}
	require.Equal(t, calls, r.kms.total(), "KMS is not asked")
}

// A string that begins like a message is never a ciphertext of KMS, whatever the mode of the key.
func TestMessageIsNeverSentToKMSAsACiphertext(t *testing.T) {
	r, made := newSpliceRig(t)
	r.write("keys/direct/register", body{"key_id": r.keyID("a")})
	r.write("keys/c/config", body{"encryption": "direct"})
	calls := r.kms.total()
	for _, message := range [][]byte{made["a1"], made["a2"], made["a1"][:6], made["a1"][:100]} {
		r.opensNone("direct", textOf(message), b64(message), "vault:v9:"+b64(message))
		r.opensNone("c", textOf(message), b64(message))
	}
	require.Equal(t, calls, r.kms.total())

	// Its wrapped data key is not a ciphertext either, for any key of the KMS key.
	m := int(binary.BigEndian.Uint16(made["a1"][26:]))
	for _, key := range []string{"a", "b", "c", "direct"} {
		r.opensNone(key, b64(made["a1"][28:28+m]), "vault:v1:"+b64(made["a1"][28:28+m]))
	}
	// A ciphertext of KMS is not a message, whatever its prefix says.
	ciphertext := r.encrypt("direct", hello)
	require.Equal(t, hello, r.decrypt("a", "vault:v2:"+encodedOf(ciphertext)))
	blob, err := base64.StdEncoding.DecodeString(encodedOf(ciphertext))
	require.NoError(t, err)
	wrapped := append(binary.BigEndian.AppendUint16(nil, uint16(len(blob))), blob...)
	r.opensNone("a", textOf(append(append(bytes.Clone(made["a1"][:26]), wrapped...), made["a1"][28+m:]...)))
}
