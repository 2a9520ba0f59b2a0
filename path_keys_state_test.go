package alicloudkms

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDisabledKeyCannotBeUsedUntilItIsEnabled(t *testing.T) {
	r := newKeyRig(t, "a")
	ciphertext := r.encrypt("a", hello)
	r.write("keys/a/disable", nil)
	require.Equal(t, "Disabled", r.read("keys/a").Data["key_state"])
	for path, data := range map[string]map[string]any{
		"encrypt/a":           {"plaintext": hello},
		"datakey/plaintext/a": nil,
		"datakey/wrapped/a":   nil,
	} {
		_, err := r.tryWrite(path, data)
		refused(t, err, 409, "Rejected.Disabled", "request id", "vault write -f kms/keys/a/enable")
	}
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
	refused(t, err, 409, "Rejected.Disabled", "request id",
		"The KMS key that made the ciphertext is disabled. If it is this key's")
	r.write("keys/a/disable", nil)
	r.write("keys/a/enable", nil)
	r.write("keys/a/enable", nil)
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": ciphertext}).Data["plaintext"])
	_, err = r.tryWrite("keys/a/cancel_deletion", nil)
	refused(t, err, 409, "Rejected.StateModifiedFailed", "not scheduled for deletion")
}

func TestStateChangesTakeNoFields(t *testing.T) {
	r := newKeyRig(t, "a")
	for _, change := range stateChanges {
		_, err := r.tryWrite("keys/a/"+change.path, body{"force": true})
		refused(t, err, 400, `"force"`)
	}
}
