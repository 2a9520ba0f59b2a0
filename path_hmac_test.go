package alicloudkms

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/signing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const bye = "YnllCg=="

// hmac returns the HMAC of "hello".
func (r *rig) hmac(key string, asked body) string {
	r.t.Helper()
	return r.write("hmac/"+key, with(body{"input": hello}, asked)).Data["hmac"].(string)
}

// isMAC asks the engine whether a string is the HMAC of "hello".
func (r *rig) isMAC(key, mac string, asked body) bool {
	r.t.Helper()
	return r.write("verify/"+key, with(body{"input": hello, "hmac": mac}, asked)).Data["valid"].(bool)
}

// macOf computes an HMAC as package envelope specifies it, using only KMS and what a read shows.
func (r *rig) macOf(key string, n int, newHash func() hash.Hash, data []byte) string {
	r.t.Helper()
	shown := r.read("keys/" + key).Data
	entry, err := loadKey(r.t.Context(), r.storage, key)
	require.NoError(r.t, err)
	encCtx := kmsapi.EncryptionContext{
		"vault:purpose": "envelope/1", "vault:envelope": shown["envelope_id"].(string), "vault:version": fmt.Sprint(n),
	}
	maps.Copy(encCtx, shown["bound_context"].(map[string]string))
	opened := r.direct().do(&kmsapi.DecryptRequest{
		CiphertextBlob: entry.versions.Row(n).WrappedKey, EncryptionContext: encCtx,
	}).(*kmsapi.DecryptResponse)
	secret, err := base64.StdEncoding.DecodeString(opened.Plaintext.Reveal())
	require.NoError(r.t, err)
	salt, err := hex.DecodeString(shown["envelope_id"].(string))
	require.NoError(r.t, err)
	info := append([]byte("alicloudkms envelope hmac v1\x00"), 0, 0, 0, byte(n))
	sum := func(newHash func() hash.Hash, key, data []byte) []byte {
		h := hmac.New(newHash, key)
		h.Write(data)
		return h.Sum(nil)
	}
	derived := sum(sha256.New, sum(sha256.New, salt, secret), append(info, 1)) // HKDF with one block.
	return fmt.Sprintf("vault:v%d:%s", n, base64.StdEncoding.EncodeToString(sum(newHash, derived, data)))
}

func TestHMACIsTheOneThatIsSpecified(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	r.write("keys/b", nil)
	r.write("keys/b/config", body{"bound_context": "team=red"})
	r.write("keys/b/config", body{"encryption": "envelope"})
	functions := map[string]func() hash.Hash{
		"sha2-224": sha256.New224, "sha2-256": sha256.New, "sha2-384": sha512.New384, "sha2-512": sha512.New,
		"sha3-224": func() hash.Hash { return sha3.New224() }, "sha3-256": func() hash.Hash { return sha3.New256() },
		"sha3-384": func() hash.Hash { return sha3.New384() }, "sha3-512": func() hash.Hash { return sha3.New512() },
		"sm3": signing.NewSM3(),
	}
	require.Len(t, functions, len(hashes))
	for name, newHash := range functions {
		t.Run(name, func(t *testing.T) {
			want := r.macOf("a", 1, newHash, []byte("hello"))
			for _, asked := range []body{
				{"algorithm": name}, {"hash_algorithm": name}, {"algorithm": name, "hash_algorithm": name},
			} {
				require.Equal(t, want, r.hmac("a", asked))
				require.Equal(t, want, r.hmac("a/"+name, asked))
				require.True(t, r.isMAC("a", want, asked))
			}
			require.Equal(t, want, r.hmac("a/"+name, nil))
			require.Equal(t, want, r.hmac("a//"+name, nil), "some clients write an empty part")
			require.True(t, r.isMAC("a/"+name, want, nil))
			require.Equal(t, name == "sha2-256", r.isMAC("a", want, nil), "the default")
		})
	}
	require.Equal(t, r.macOf("b", 2, sha256.New, []byte("hello")), r.hmac("b", nil))
	require.Equal(t, r.macOf("a", 1, sha256.New, nil), r.hmac("a", body{"input": ""}))
	require.True(t, r.isMAC("a", r.hmac("a", body{"input": ""}), body{"input": ""}))
	require.Equal(t, body{"hmac": r.hmac("a", nil), "reference": "x"},
		r.write("hmac/a", body{"input": hello, "reference": "x"}).Data)
}

func TestAnythingButTheHMACIsNotValid(t *testing.T) {
	r := newEnvelopeRig(t, "a", "b")
	mac := r.hmac("a", nil)
	require.True(t, r.isMAC("a", mac, nil))
	require.True(t, r.isMAC("a", mac, body{"prehashed": true, "salt_length": "auto"}), "they are about signatures")
	require.False(t, r.isMAC("b", mac, nil))
	require.False(t, r.isMAC("a", mac, body{"input": bye}))
	require.False(t, r.isMAC("a", mac, body{"input": ""}))
	require.False(t, r.isMAC("a/sha3-256", mac, nil))
	r.write("keys/a/rotate", nil)
	require.NotEqual(t, mac, r.hmac("a", nil))
	require.Equal(t, mac, r.hmac("a", body{"key_version": 1}))
	other := "vault:v2:" + mac[len("vault:v1:"):]
	require.False(t, r.isMAC("a", other, nil), "the number chooses the data key that is tried")

	sum, err := canonicalBase64(mac[len("vault:v1:"):])
	require.NoError(t, err)
	encoded := func(sum []byte) string { return "vault:v1:" + base64.StdEncoding.EncodeToString(sum) }
	require.True(t, r.isMAC("a", encoded(sum), nil))
	for i := range 8 * len(sum) {
		sum[i/8] ^= 1 << (i % 8)
		require.False(t, r.isMAC("a", encoded(sum), nil), "bit %d", i)
		sum[i/8] ^= 1 << (i % 8)
	}
	for _, other := range [][]byte{sum[1:], sum[:31], append(sum, 0), {0}, make([]byte, 32), make([]byte, 1<<20)} {
		require.False(t, r.isMAC("a", encoded(other), nil))
	}
}

func TestBatchOfHMACsAsksKMSOnce(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	r.write("config", body{"cache_ttl": 0})
	calls := r.kms.total()
	status, results := r.batch("hmac/a", []any{
		body{"input": hello, "reference": "x"},
		body{"input": bye},
		body{"input": ""},
		body{"input": "!"},
		body{"reference": "z"},
	}, body{"algorithm": "sha2-512"})
	require.Equal(t, 200, status)
	require.Equal(t, calls+1, r.kms.total())
	require.Equal(t, map[string]any{"hmac": r.hmac("a/sha2-512", nil), "reference": "x"}, results[0])
	require.Equal(t, r.hmac("a/sha2-512", body{"input": ""}), results[2]["hmac"])
	require.Contains(t, results[3]["error"], "standard base64")
	require.Contains(t, results[4]["error"], "input is required")
	require.Equal(t, "z", results[4]["reference"])

	one, other := results[0]["hmac"], results[1]["hmac"]
	calls = r.kms.total()
	status, results = r.batch("verify/a", []any{
		body{"input": hello, "hmac": one, "reference": "x"},
		body{"input": hello, "hmac": other},
		body{"input": bye, "hmac": other},
	}, body{"hash_algorithm": "sha2-512"})
	require.Equal(t, 200, status)
	require.Equal(t, []map[string]any{
		{"valid": true, "reference": "x"}, {"valid": false, "reference": ""}, {"valid": true, "reference": ""},
	}, results)
	require.Equal(t, calls+1, r.kms.total())
	status, results = r.batch("verify/a/sha2-512", []any{
		body{"input": hello, "hmac": one},
		body{"input": hello, "hmac": one, "signature": one},
		body{"input": hello, "signature": one},
		body{"input": hello},
	})
	require.Equal(t, 200, status)
	require.Equal(t, true, results[0]["valid"])
	for i, says := range map[int]string{1: "not both", 2: "can't sign", 3: "hmac is required"} {
		require.Contains(t, results[i]["error"], says)
		require.NotContains(t, results[i], "valid")
	}
}

func TestHMACAsksKMSNothingWhileTheDataKeyIsCached(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	mac := r.hmac("a", nil)
	calls, reads := r.kms.total(), r.storage.total()
	for range 10 {
		require.Equal(t, mac, r.hmac("a", nil))
		require.True(t, r.isMAC("a", mac, nil))
		require.Equal(t, hello, r.decrypt("a", r.encrypt("a", hello)))
	}
	require.Equal(t, calls, r.kms.total())
	require.Equal(t, reads, r.storage.total())
}

func TestHMACEndsWithItsKMSKey(t *testing.T) {
	asked := map[string]func(*rig, string) error{
		"hmac": func(r *rig, _ string) error { _, err := r.tryWrite("hmac/a", body{"input": hello}); return err },
		"verify": func(r *rig, mac string) error {
			_, err := r.tryWrite("verify/a", body{"input": hello, "hmac": mac})
			return err
		},
	}
	for name, ask := range asked {
		t.Run(name, func(t *testing.T) {
			r := newEnvelopeRig(t, "a")
			mac := r.hmac("a", nil)
			disabled(r.direct(), r.keyID("a"))
			require.NoError(t, ask(r, mac), "the data key is cached")
			r.later(time.Minute)
			refused(t, ask(r, mac), 409, "Rejected.Disabled", "kms/keys/a/enable")
			r.write("keys/a/enable", nil)
			require.NoError(t, ask(r, mac))
			r.write("keys/a/disable", nil)
			refused(t, ask(r, mac), 409, "Rejected.Disabled")
		})
	}
}
