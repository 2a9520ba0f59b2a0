package alicloudkms

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestKeyIsRegisteredWithTheKMSKeysThatItHadBefore(t *testing.T) {
	r, ciphertexts := newVersionsRig(t)
	cmks := ids(r.entry("a").cmks())
	r.write("keys/a/deregister", nil)
	given := body{"key_id": cmks[2], "previous_key_ids": strings.Join(cmks[:2], ",")}
	require.Equal(t, 5, r.write("keys/a/register", given).Data["latest_version"])
	r.opens("a", ciphertexts...)
	require.Equal(t, 5, version(t, r.encrypt("a", hello)))
	require.Equal(t, cmks, ids(r.entry("a").cmks()))

	for _, again := range []body{given, {"key_id": cmks[2]}} {
		resp := r.write("keys/a/register", again)
		require.Contains(t, strings.Join(resp.Warnings, "\n"), "already registered")
	}
	for _, other := range []body{
		{"key_id": cmks[1]},
		{"key_id": cmks[2], "previous_key_ids": cmks[0]},
		{"key_id": cmks[2], "previous_key_ids": []any{cmks[1], cmks[0]}},
	} {
		_, err := r.tryWrite("keys/a/register", other)
		refused(t, err, 409, "deregister")
	}
}

func TestPreviousKMSKeysAreLikeTheLast(t *testing.T) {
	r := newKeyRig(t, "a")
	direct := r.direct()
	pair := direct.makeCMK(&kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecP256})
	for name, c := range map[string]struct {
		previous any
		code     int
		says     string
	}{
		"a key pair":     {pair, 400, "EC_P256"},
		"the same":       {r.keyID("a"), 400, "twice"},
		"one twice":      {[]any{pair, pair}, 400, "EC_P256"},
		"one of no one":  {"1234abcd-12ab-34cd-56ef-1234567890ab", 404, "previous_key_ids"},
		"an empty one":   {"", 400, "previous_key_ids"},
		"far too many":   {strings.Repeat("a,", 200) + "a", 400, "may have 100"},
		"an empty among": {"a,,b", 400, "previous_key_ids"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite("keys/b/register", body{"key_id": r.keyID("a"), "previous_key_ids": c.previous})
			refused(t, err, c.code, c.says)
			require.Empty(t, r.storedOrNone("b"))
		})
	}
}

func TestPreviousKMSKeyIsNotAskedForByWhatCannotBeItsName(t *testing.T) {
	r := newKeyRig(t)
	last := r.direct().makeCMK(&kmsapi.CreateKeyRequest{})
	_, err := r.tryWrite("keys/a/register", body{
		"key_id": last, "previous_key_ids": []any{strings.Repeat("a", maxKeyID+1)},
	})
	refused(t, err, 400, "previous_key_ids")
	require.Equal(t, 1, r.kms.count(kmsapi.OpDescribeKey))
}
