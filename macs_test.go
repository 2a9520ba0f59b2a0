package alicloudkms

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestKeyThatHasGoneBackToDirectStillMakesAndChecksHMACs(t *testing.T) {
	r := newKeyRig(t, "a")
	_, err := r.tryWrite("hmac/a", body{"input": hello})
	refused(t, err, 400, "encryption=envelope")
	r.write("keys/a/config", body{"encryption": "envelope"})
	mac := r.hmac("a", nil)
	require.True(t, strings.HasPrefix(mac, "vault:v2:"), mac)
	_, err = r.tryWrite("hmac/a", body{"input": hello, "key_version": 1})
	refused(t, err, 400, "key_version 1 is a version of the KMS key")

	r.write("keys/a/config", body{"encryption": "direct"})
	require.Equal(t, mac, r.hmac("a", nil), "the newest data key makes it")
	require.Equal(t, mac, r.hmac("a", body{"key_version": 2}))
	require.True(t, r.isMAC("a", mac, nil))
	for _, n := range []string{"1", "3"} {
		_, err = r.tryWrite("verify/a", body{"input": hello, "hmac": "vault:v" + n + ":" + mac[len("vault:v2:"):]})
		refused(t, err, 400, "of version "+n+", which is a version of the KMS key")
	}

	r.write("keys/a/config", body{"encryption": "envelope"})
	require.True(t, strings.HasPrefix(r.hmac("a", nil), "vault:v4:"))
	require.True(t, r.isMAC("a", mac, nil))
}

func TestDataKeyThatIsTooOldMakesNoHMAC(t *testing.T) {
	for _, field := range []string{"min_encryption_version", "min_decryption_version"} {
		t.Run(field, func(t *testing.T) {
			r := newEnvelopeRig(t, "a")
			r.write("keys/a/config", body{"encryption": "direct"})
			r.write("keys/a/config", body{field: 2})
			_, err := r.tryWrite("hmac/a", body{"input": hello})
			refused(t, err, 400, "the newest data key of the key is version 1", "before 2", "encryption=envelope to keys/a")
			r.write("keys/a/config", body{"encryption": "envelope"})
			require.True(t, r.isMAC("a", r.hmac("a", nil), nil))
		})
	}
}

func TestHMACOfAVersionThatTheKeyNoLongerTakes(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	mac := r.hmac("a", nil)
	r.write("keys/a/rotate", nil)
	check := body{"input": hello, "hmac": mac}
	calls := r.kms.total()
	const tooOld = "of version 1, and the key takes those of version 2 and later"
	r.write("keys/a/config", body{"min_decryption_version": 2, "min_encryption_version": 2})
	_, err := r.tryWrite("verify/a", check)
	refused(t, err, 400, tooOld, "min_decryption_version")
	r.write("keys/a/trim", body{"min_available_version": 2})
	r.write("keys/a/config", body{"min_decryption_version": 0})
	_, err = r.tryWrite("verify/a", check)
	refused(t, err, 400, tooOld, "min_available_version")
	require.Equal(t, calls, r.kms.total())
}

// A key that was registered with an old ciphertext has no rows for the earlier data keys.
func TestHMACOfAVersionWhoseDataKeyIsLost(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	mac := r.hmac("a", nil)
	r.changeEntry("a", func(e *keyEntry) { e.versions = e.versions.StartAt(3) })
	calls := r.kms.total()
	_, err := r.tryWrite("verify/a", body{"input": hello, "hmac": mac})
	refused(t, err, 400, "of version 1", "before the key was registered")
	require.Equal(t, calls, r.kms.total())
}

func TestHMACOfADerivedKeyTakesNoContext(t *testing.T) {
	r := newKeyRig(t)
	r.makeKey("a", body{"encryption": "envelope", "derived": true})
	_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 400, "context is required")
	require.True(t, r.isMAC("a", r.hmac("a", nil), nil))
}

func TestNodeThatHearsLateKnowsTheDataKeysOfHMACs(t *testing.T) {
	r := newKeyRig(t, "a")
	clock := r.withClock()
	other := r.standby(clock)
	_, err := other.tryWrite("hmac/a", body{"input": hello})
	refused(t, err, 400, "no data key")
	r.write("keys/a/config", body{"encryption": "envelope"})
	r.storage.reset("put", -1) // The other node may not write.
	clock.time = clock.time.Add(2 * time.Second)
	require.True(t, strings.HasPrefix(other.hmac("a", nil), "vault:v2:"))

	r.storage.reset("", 0)
	r.write("keys/a/rotate", nil)
	mac := r.hmac("a", nil)
	clock.time = clock.time.Add(2 * time.Second)
	require.True(t, other.isMAC("a", mac, nil))
	require.Equal(t, mac, other.hmac("a", nil))
}

func TestHMACKeepsTheMeaningOfKMSsErrors(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	mac := r.hmac("a", nil)
	for failure, status := range map[*kmsapi.Error]int{
		kmsapi.ErrNoPermission: 403, kmsapi.ErrKeyNotFound: 404, kmsapi.ErrThrottling: 429, kmsapi.ErrInternalFailure: 502,
	} {
		r.later(time.Hour)
		r.fails(kmsapi.OpDecrypt, answered(failure))
		_, err := r.tryWrite("hmac/a", body{"input": hello})
		refused(t, err, status, "Decrypt")
		_, err = r.tryWrite("verify/a", body{"input": hello, "hmac": mac})
		refused(t, err, status, "Decrypt")
	}
	r.kms.before = nil
	require.True(t, r.isMAC("a", mac, nil))
}
