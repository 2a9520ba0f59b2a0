package alicloudkms

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// newMACRig makes an engine with the keys "a", which has two data keys, "direct", and "pair", which signs.
func newMACRig(t *testing.T) *rig {
	t.Helper()
	r := newEnvelopeRig(t, "a")
	r.write("keys/direct", nil)
	r.makeKey("pair", body{"type": "ecdsa-p256"})
	r.write("keys/a/rotate", nil)
	r.write("keys/a/config", body{"min_encryption_version": 2})
	return r
}

func TestWhatMakesNoHMACIsRefused(t *testing.T) {
	r := newMACRig(t)
	calls := r.kms.total()
	for name, c := range map[string]struct {
		path string
		// data holds the fields besides an input.
		data body
		says string
	}{
		"a key that has no data key":     {"hmac/direct", nil, "encryption=envelope to keys/direct/config"},
		"a key pair":                     {"hmac/pair", nil, "encryption=envelope"},
		"an input that is not base64":    {"hmac/a", body{"input": "hello!"}, "standard base64"},
		"an unknown function":            {"hmac/a/md5", nil, "must be one of sha2-224, sha2-256"},
		"an unknown function in a field": {"hmac/a", body{"algorithm": "none"}, "must be one of sha2-224"},
		"two functions":                  {"hmac/a/sha2-256", body{"algorithm": "sha2-512"}, "different hash functions"},
		"two functions in fields": {
			"hmac/a",
			body{"algorithm": "sha2-256", "hash_algorithm": "sha2-512"},
			"different hash functions",
		},
		"a context":                 {"hmac/a", body{"context": hello}, `unknown field "context"`},
		"a version that is to come": {"hmac/a", body{"key_version": 3}, "no version 3"},
		"a negative version":        {"hmac/a", body{"key_version": -1}, "0, or 2 to 2"},
		"a version that is too old": {"hmac/a", body{"key_version": 1}, "min_encryption_version"},
		"an input next to a batch":  {"hmac/a", body{"batch_input": []any{body{"input": hello}}}, "belongs in the items"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite(c.path, with(body{"input": hello}, c.data))
			refused(t, err, 400, c.says)
		})
	}
	_, err := r.tryWrite("hmac/a", nil)
	refused(t, err, 400, "input is required")
	_, err = r.tryWrite("hmac/a", body{"batch_input": []any{}})
	refused(t, err, 400, "batch_input is empty")
	_, err = r.tryWrite("hmac/nobody", body{"input": hello})
	refused(t, err, 404, "no key")
	require.Equal(t, calls, r.kms.total())
}

func TestWhatIsNoHMACToCheckIsRefused(t *testing.T) {
	r := newMACRig(t)
	made := r.hmac("a", nil)[len("vault:v2:"):]
	calls := r.kms.total()
	for name, c := range map[string]struct {
		path string
		// data holds the fields besides an input and the HMAC.
		data body
		says string
	}{
		"a key that has no data key":     {"verify/direct", nil, "encryption=envelope to keys/direct/config"},
		"a key pair":                     {"verify/pair", nil, "encryption=envelope"},
		"with a signature too":           {"verify/a", body{"signature": "vault:v2:" + made}, "not both"},
		"an empty one":                   {"verify/a", body{"hmac": ""}, "hmac is required"},
		"nothing behind its prefix":      {"verify/a", body{"hmac": "vault:v2:"}, "hmac is required"},
		"an input that is not base64":    {"verify/a", body{"input": "hello!"}, "standard base64"},
		"without a version":              {"verify/a", body{"hmac": made}, "must begin with vault:v"},
		"version 0":                      {"verify/a", body{"hmac": "vault:v0:" + made}, "malformed"},
		"another prefix":                 {"verify/a", body{"hmac": "other:v2:" + made}, "malformed"},
		"a version that is to come":      {"verify/a", body{"hmac": "vault:v3:" + made}, "no version 3"},
		"without padding":                {"verify/a", body{"hmac": "vault:v2:" + made[:43]}, "canonical base64"},
		"in base64 for URLs":             {"verify/a", body{"hmac": "vault:v2:__8="}, "canonical base64"},
		"with bits after the end":        {"verify/a", body{"hmac": "vault:v2:QR=="}, "canonical base64"},
		"a context":                      {"verify/a", body{"context": hello}, "no context is bound"},
		"an unknown function":            {"verify/a/sha1", nil, "must be one of"},
		"two functions":                  {"verify/a/sha2-256", body{"algorithm": "sha2-512"}, "different hash functions"},
		"a CMAC":                         {"verify/a", body{"cmac": "vault:v2:" + made}, "KMS makes no CMACs"},
		"a signature instead":            {"verify/a", body{"hmac": "", "signature": "vault:v2:" + made}, "can't sign"},
		"neither, with a key that signs": {"verify/pair", body{"hmac": ""}, "signature is required"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite(c.path, with(body{"input": hello, "hmac": "vault:v2:" + made}, c.data))
			refused(t, err, 400, c.says)
		})
	}
	_, err := r.tryWrite("verify/a", body{"hmac": "vault:v2:" + made})
	refused(t, err, 400, "input is required")
	require.Equal(t, calls, r.kms.total())
	require.True(t, r.isMAC("a", "vault:v2:"+made, nil))
}
