package alicloudkms

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestRewrapEncryptsAgainAndShowsNothing(t *testing.T) {
	r := newKeyRig(t, "a")
	bound := body{"encryption_context": "employee=4711", "associated_data": "QUJD"}
	old := r.write("encrypt/a", with(bound, body{"plaintext": hello})).Data["ciphertext"]
	resp := r.write("rewrap/a", with(bound, body{"ciphertext": old}))
	require.Len(t, resp.Data, 2)
	require.Equal(t, 1, resp.Data["key_version"])
	require.NotEqual(t, old, resp.Data["ciphertext"])
	for _, ciphertext := range []any{old, resp.Data["ciphertext"]} {
		require.Equal(t, hello, r.write("decrypt/a", with(bound, body{"ciphertext": ciphertext})).Data["plaintext"])
	}
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": resp.Data["ciphertext"]})
	refused(t, err, 400, "encryption_context")
}

func TestRewrapKeepsPlaintextOfOtherProgramsAndDataKeys(t *testing.T) {
	r := newKeyRig(t, "a")
	raw := r.encryptDirectly(r.keyID("a"), "not base64!")
	again := r.write("rewrap/a", body{"ciphertext": raw}).Data["ciphertext"]
	require.Equal(t, "bm90IGJhc2U2NCE=", r.write("decrypt/a", body{"ciphertext": again}).Data["plaintext"])

	key := r.write("datakey/plaintext/a", body{"number_of_bytes": 1024}).Data
	again = r.write("rewrap/a", body{"ciphertext": key["ciphertext"]}).Data["ciphertext"]
	require.Equal(t, key["plaintext"], r.write("decrypt/a", body{"ciphertext": again}).Data["plaintext"])
}

func TestRewrapOfAnotherKeysCiphertextIs403AndHandsOutNothing(t *testing.T) {
	for name, denied := range map[string]kmsapi.Operation{"by ReEncrypt": "", "without ReEncrypt": kmsapi.OpReEncrypt} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a", "b")
			r.denies(denied)
			ciphertext := r.encrypt("b", hello)
			encrypted := r.kms.count(kmsapi.OpEncrypt)
			resp, err := r.tryWrite("rewrap/a", body{"ciphertext": ciphertext})
			refused(t, err, 403, "not made by this key")
			require.Nil(t, resp)
			require.Equal(t, encrypted, r.kms.count(kmsapi.OpEncrypt))
			status, results := r.batch("rewrap/a", []any{body{"ciphertext": ciphertext}})
			require.Equal(t, 400, status)
			require.NotContains(t, results[0], "ciphertext")
		})
	}
}

func TestRewrapKeepsTheBoundContext(t *testing.T) {
	r := newKeyRig(t, "a")
	free := r.encrypt("a", hello)
	r.write("keys/a/config", body{"bound_context": "team=hr"})
	_, err := r.tryWrite("rewrap/a", body{"ciphertext": free})
	refused(t, err, 400, "bound_context")
	r.write("rewrap/a", body{"ciphertext": r.encrypt("a", hello)})
	require.Equal(t, kmsapi.EncryptionContext{"team": "hr"},
		r.kms.last.(*kmsapi.ReEncryptRequest).DestinationEncryptionContext)
	_, err = r.tryWrite("rewrap/a", body{"ciphertext": free, "encryption_context": "team=it"})
	refused(t, err, 400, "team")
}

func TestRewrapThatFailsIsAnErrorAndDecryptsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		failure error
		status  int
	}{
		"a lost answer":        {lost(kmsapi.OpReEncrypt), 502},
		"throttling":           {answered(kmsapi.ErrThrottling), 429},
		"a disabled key":       {answered(kmsapi.ErrRejectedDisabled), 409},
		"another context":      {answered(kmsapi.ErrInvalidParameter), 400},
		"a key that is gone":   {answered(kmsapi.ErrKeyNotFound), 404},
		"a failure inside KMS": {answered(kmsapi.ErrInternalFailure), 502},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			ciphertext := r.encrypt("a", hello)
			r.kms.before = failing(kmsapi.OpReEncrypt, c.failure)
			_, err := r.tryWrite("rewrap/a", body{"ciphertext": ciphertext})
			refused(t, err, c.status, "ReEncrypt")
			require.Zero(t, r.kms.count(kmsapi.OpDecrypt))
		})
	}
}

func TestRewrapThatFailsHalfWayIsAnError(t *testing.T) {
	r := newKeyRig(t, "a")
	ciphertext := r.encrypt("a", hello)
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		switch q.Operation() {
		case kmsapi.OpReEncrypt:
			return answered(kmsapi.ErrNoPermission)
		case kmsapi.OpEncrypt:
			return lost(kmsapi.OpEncrypt)
		default:
			return nil
		}
	}
	_, err := r.tryWrite("rewrap/a", body{"ciphertext": ciphertext})
	refused(t, err, 502, "Encrypt")
}
