package alicloudkms

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestPublicKeysAreExported(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"type": "ecdsa-p256"})
	r.newVersion("a")
	calls := r.kms.total()
	all := r.read("export/public-key/a").Data
	require.Equal(t, "a", all["name"])
	require.Equal(t, "ecdsa-p256", all["type"])
	keys := all["keys"].(map[string]any)
	require.Len(t, keys, 2)
	require.Contains(t, keys["1"], "-----BEGIN PUBLIC KEY-----\n")
	require.NotEqual(t, keys["1"], keys["2"])
	for version, want := range map[string]map[string]any{
		"1": {"1": keys["1"]}, "2": {"2": keys["2"]}, "latest": {"2": keys["2"]},
	} {
		require.Equal(t, want, r.read("export/public-key/a/" + version).Data["keys"], version)
	}
	require.Equal(t, calls, r.kms.total())
}

func TestWhatHasNoPublicKeyIsNotExported(t *testing.T) {
	r := newKeyRig(t, "aes")
	r.makeKey("a", body{"type": "ecdsa-p256"})
	for path, says := range map[string]string{
		"aes": "has no public key", "aes/1": "has no public key", "aes/latest": "has no public key",
		"a/0": "from 1 to 1, or latest", "a/2": "from 1 to 1, or latest", "a/v1": "from 1 to 1, or latest",
		"a/Latest": "from 1 to 1, or latest", "a/-1": "from 1 to 1, or latest",
	} {
		_, err := r.try(logical.ReadOperation, "export/public-key/"+path, nil)
		refused(t, err, 400, says)
	}
	resp, err := r.try(logical.ReadOperation, "export/public-key/unknown", nil)
	require.NoError(t, err)
	require.Nil(t, resp, "which Vault answers with 404")

	r.makeKey("waits", body{"type": "ecdsa-p256", "origin": "EXTERNAL"})
	_, err = r.try(logical.ReadOperation, "export/public-key/waits", nil)
	refused(t, err, 409, "waits for key material")
}
