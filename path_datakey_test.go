package alicloudkms

import (
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDataKeyHasTheLengthAskedFor(t *testing.T) {
	for name, c := range map[string]struct {
		data map[string]any
		want int
	}{
		"256 bits by default": {nil, 32},
		"128 bits":            {body{"bits": 128}, 16},
		"256 bits":            {body{"bits": "256"}, 32},
		"512 bits":            {body{"bits": 512}, 64},
		"1 byte":              {body{"number_of_bytes": 1}, 1},
		"1024 bytes":          {body{"number_of_bytes": 1024}, 1024},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			resp := r.write("datakey/plaintext/a", c.data)
			key, err := base64.StdEncoding.DecodeString(resp.Data["plaintext"].(string))
			require.NoError(t, err)
			require.Len(t, key, c.want)
			require.Equal(t, 1, resp.Data["key_version"])
			opened := r.write("decrypt/a", body{"ciphertext": resp.Data["ciphertext"]})
			require.Equal(t, resp.Data["plaintext"], opened.Data["plaintext"])
		})
	}
}

func TestWrappedDataKeyShowsNoKey(t *testing.T) {
	r := newKeyRig(t, "a")
	resp := r.write("datakey/wrapped/a", nil)
	require.Equal(t, body{"ciphertext": resp.Data["ciphertext"], "key_version": 1}, resp.Data)
	clear := r.write("datakey/plaintext/a", nil).Data["plaintext"].(string)
	require.NotContains(t, fmt.Sprint(resp), clear)
}

func TestDataKeyIsBoundToItsContext(t *testing.T) {
	r := newKeyRig(t, "a")
	bound := body{"encryption_context": "file=1", "associated_data": "QUJD"}
	ciphertext := r.write("datakey/wrapped/a", bound).Data["ciphertext"]
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
	refused(t, err, 400)
	r.write("decrypt/a", with(bound, body{"ciphertext": ciphertext}))
}

func TestBadDataKeyLengthNeverReachesKMS(t *testing.T) {
	for name, data := range map[string]map[string]any{
		"192 bits":          {"bits": 192},
		"0 bits":            {"bits": 0},
		"-128 bits":         {"bits": -128},
		"bits not a number": {"bits": "many"},
		"bits a boolean":    {"bits": true},
		"0 bytes":           {"number_of_bytes": 0},
		"-1 bytes":          {"number_of_bytes": -1},
		"1025 bytes":        {"number_of_bytes": 1025},
		"half a byte":       {"number_of_bytes": 0.5},
		"bits and bytes":    {"bits": 256, "number_of_bytes": 32},
	} {
		for _, path := range []string{"datakey/plaintext/a", "datakey/wrapped/a"} {
			t.Run(name+" of "+path, func(t *testing.T) {
				r := newKeyRig(t, "a")
				calls := r.kms.total()
				_, err := r.tryWrite(path, data)
				refused(t, err, 400)
				require.Equal(t, calls, r.kms.total())
			})
		}
	}
}
