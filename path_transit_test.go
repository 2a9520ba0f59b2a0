package alicloudkms

import (
	"encoding/base64"
	"encoding/hex"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestRandomBytesHaveTheNumberAndFormatAskedFor(t *testing.T) {
	r := newRig(t) // Neither KMS nor a configuration is needed.
	for name, c := range map[string]struct {
		path string
		data body
		want int
		warn bool
	}{
		"32 by default":                         {"random", nil, 32, false},
		"as the body says":                      {"random", body{"bytes": 7}, 7, false},
		"as the path says":                      {"random/7", nil, 7, false},
		"as path and body say":                  {"random/7", body{"bytes": "7"}, 7, false},
		"of the platform":                       {"random/platform", body{"bytes": 7}, 7, false},
		"of the platform, as the path says":     {"random/platform/7", nil, 7, false},
		"of the seal":                           {"random/seal/7", nil, 7, true},
		"of all sources":                        {"random/all/7", nil, 7, true},
		"in hexadecimal":                        {"random/7", body{"format": "hex"}, 7, false},
		"in base64":                             {"random/7", body{"format": "base64"}, 7, false},
		"as many as transit gives":              {"random/131072", nil, 131072, false},
		"a single one":                          {"random/1", nil, 1, false},
		"of the platform, as path and body say": {"random/platform/7", body{"bytes": 7}, 7, false},
	} {
		t.Run(name, func(t *testing.T) {
			resp := r.write(c.path, c.data)
			again := r.write(c.path, c.data)
			text := resp.Data["random_bytes"].(string)
			if c.want > 1 {
				require.NotEqual(t, text, again.Data["random_bytes"])
			}
			decode := base64.StdEncoding.DecodeString
			if c.data["format"] == "hex" {
				decode = hex.DecodeString
			}
			data, err := decode(text)
			require.NoError(t, err)
			require.Len(t, data, c.want)
			require.Equal(t, c.warn, len(resp.Warnings) > 0)
		})
	}
}

func TestBadRequestForRandomBytesIsRefused(t *testing.T) {
	r := newRig(t)
	for name, c := range map[string]struct {
		path string
		data body
		says string
	}{
		"none":                      {"random/0", nil, "bytes must be 1 to 131072"},
		"fewer than none":           {"random/platform/-1", nil, "bytes must be 1 to 131072"},
		"one too many":              {"random", body{"bytes": 131073}, "bytes must be 1 to 131072"},
		"a number that overflows":   {"random/platform/99999999999999999999", nil, "must be an integer"},
		"an unknown source":         {"random/moon", nil, "platform, seal or all"},
		"an unknown source and 7":   {"random/moon/7", nil, "platform, seal or all"},
		"letters for the number":    {"random/platform/many", nil, "must be an integer"},
		"two numbers":               {"random/7/7", nil, "platform, seal or all"},
		"path and body that differ": {"random/7", body{"bytes": 8}, "the path asks for 7 bytes"},
		"an unknown format":         {"random", body{"format": "raw"}, "base64 or hex"},
		"the source in the body":    {"random", body{"source": "platform"}, "part of the path"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite(c.path, c.data)
			refused(t, err, 400, c.says)
		})
	}
}

func TestHashIsThatOfTheFunctionAskedFor(t *testing.T) {
	r := newRig(t)
	// The digests of "hello" as sha224sum and others print them.
	for algorithm, want := range map[string]string{
		"sha2-224": "ea09ae9cc6768c50fcee903ed054556e5bfc8347907f12598aa24193",
		"sha2-256": "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
		"sha2-384": "59e1748777448c69de6b800d7a33bbfb9ff1b463e44354c3553bcdb9c666fa90125a3c79f90397bdf5f6a13de828684f",
		"sha2-512": "9b71d224bd62f3785d96d46ad3ea3d73319bfbc2890caadae2dff72519673ca72323c3d99ba5c11d7c7acc6e14b8c5da0c4663475c2e5c3adef46f73bcdec043",
		"sha3-224": "b87f88c72702fff1748e58b87e9141a42c0dbedc29a78cb0d4a5cd81",
		"sha3-256": "3338be694f50c5f338814986cdf0686453a888b84f424d792af4b9202398f392",
		"sha3-384": "720aea11019ef06440fbf05d87aa24680a2153df3907b23631e7177ce620fa1330ff07c0fddee54699a4c3ee0ee9d887",
		"sha3-512": "75d527c368f2efe848ecf6b073a36767800805e9eef2b1857d5f984f036eb6df891d75f72d9b154518c1cd58835286d1da9a38deba3de98b5a53e5ed78a84976",
		"sm3":      "becbbfaae6548b8bf0cfcad5a27183cd1be6093b1cceccc303d9c61d0a645268",
	} {
		t.Run(algorithm, func(t *testing.T) {
			require.Equal(t, want, r.write("hash/"+algorithm, body{"input": hello}).Data["sum"])
			require.Equal(t, want, r.write("hash", body{"input": hello, "algorithm": algorithm}).Data["sum"])
			require.Equal(t, want, r.write("hash/"+algorithm, body{"input": hello, "algorithm": algorithm}).Data["sum"])
		})
	}
	require.Len(t, hashes, 9)
	sha256 := "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
	require.Equal(t, sha256, r.write("hash", body{"input": hello, "format": "base64"}).Data["sum"])
	empty := "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	require.Equal(t, empty, r.write("hash", nil).Data["sum"])
}

func TestBadRequestForAHashIsRefused(t *testing.T) {
	r := newRig(t)
	for name, c := range map[string]struct {
		path string
		data body
		says string
	}{
		"an unknown function":              {"hash/md5", body{"input": hello}, "must be one of sha2-224, sha2-256"},
		"an unknown function in the body":  {"hash", body{"input": hello, "algorithm": "md5"}, "must be one of sha2-224"},
		"two functions":                    {"hash/sha2-256", body{"algorithm": "sha2-512"}, "different hash functions"},
		"an input that is not base64":      {"hash", body{"input": "hello"}, "standard base64"},
		"an unknown format":                {"hash", body{"input": hello, "format": "raw"}, "base64 or hex"},
		"the path's function in the body":  {"hash", body{"urlalgorithm": "sha2-256"}, "part of the path"},
		"a field of another path's, input": {"hash", body{"plaintext": hello}, `unknown field "plaintext"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite(c.path, c.data)
			refused(t, err, 400, c.says)
		})
	}
}

func TestTransitsSettingsAreTakenWithoutEffect(t *testing.T) {
	r := newRig(t)
	require.Equal(t, body{"size": 0}, r.read("cache-config").Data)
	resp := r.write("cache-config", body{"size": 500})
	require.Equal(t, body{"size": 500}, resp.Data)
	require.Contains(t, resp.Warnings[0], "no effect")
	require.Equal(t, body{"size": 500}, r.read("cache-config").Data, "Terraform would set it again otherwise")
	for _, bad := range []body{nil, {"size": 9}, {"size": -1}, {"size": "many"}} {
		_, err := r.tryWrite("cache-config", bad)
		refused(t, err, 400, "size")
	}
	require.Equal(t, body{"disable_upsert": true}, r.read("config/keys").Data)
	require.Empty(t, r.write("config/keys", body{"disable_upsert": true}).Warnings)
	resp = r.write("config/keys", body{"disable_upsert": false})
	require.Equal(t, body{"disable_upsert": true}, resp.Data)
	require.Contains(t, resp.Warnings[0], "no effect")
	_, err := r.tryWrite("config/keys", nil)
	refused(t, err, 400, "disable_upsert")
	require.Nil(t, r.read("config"), "config/keys is no configuration of KMS")
}

func TestEveryPathOfTransitThatIsMissingHereSaysWhy(t *testing.T) {
	r := newKeyRig(t, "a")
	calls := r.kms.total()
	for path, why := range map[string]string{
		"export/encryption-key/a":     neverLeaves,
		"export/encryption-key/a/1":   neverLeaves,
		"export/signing-key/a/latest": neverLeaves,
		"export/hmac-key/nobody":      neverLeaves,
		"byok-export/a/b":             "import it to both: vault transit import kms/keys/NAME @FILE",
		"byok-export/a/b/1":           neverLeaves,
		"keys/a/byok-export":          neverLeaves,
		"backup/a":                    neverLeaves,
		"restore":                     neverLeaves,
		"restore/a":                   "vault write kms/keys/NAME/register key_id=...",
		"cmac/a":                      noCMAC,
		"keys/a/soft-delete":          "vault delete kms/keys/NAME",
		"keys/a/soft-delete-restore":  "vault delete kms/keys/NAME",
		"keys/a/csr":                  noX509,
		"keys/a/set-certificate":      noX509,
	} {
		for _, op := range []logical.Operation{logical.ReadOperation, logical.UpdateOperation, logical.DeleteOperation} {
			_, err := r.try(op, path, nil)
			refused(t, err, 400, why)
		}
	}
	require.Equal(t, calls, r.kms.total())
	_, err := r.tryWrite("encrypt/a/b/c", nil)
	refused(t, err, 404, "unsupported path")
}
