package alicloudkms

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// stopsBeforeItIsStored sends a rotation that stops after it was logged and KMS was called, but before its entry is
// stored.
func (r *rig) stopsBeforeItIsStored(data body) {
	r.t.Helper()
	r.storage.mu.Lock()
	r.storage.calls, r.storage.failing = map[string]int{}, map[string]int{"put": 2, "delete": -1}
	r.storage.mu.Unlock()
	_, err := r.tryWrite("keys/a/rotate", data)
	require.Error(r.t, err)
	r.storage.reset("", 0)
	r.restart()
	require.Equal(r.t, 1, r.unsettled())
}

func TestRotationThatWasInterruptedTakesTheKMSKeyThatItsAliasWas(t *testing.T) {
	r := newKeyRig(t, "a")
	direct := r.direct()
	given := direct.makeCMK(&kmsapi.CreateKeyRequest{})
	pair := direct.makeCMK(&kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecP256})
	direct.do(&kmsapi.CreateAliasRequest{KeyId: given, AliasName: "alias/next"})
	r.stopsBeforeItIsStored(body{"key_id": "alias/next"})
	direct.do(&kmsapi.UpdateAliasRequest{KeyId: pair, AliasName: "alias/next"})
	require.NoError(t, r.settleNow())
	require.Equal(t, given, r.keyID("a"))
	r.opens("a", r.encrypt("a", hello))
	r.logIsEmpty()
}

func TestRotationThatWasInterruptedIsGivenUpIfItsKMSKeyMayNoLongerFollow(t *testing.T) {
	for name, meanwhile := range map[string]func(r *rig, given string){
		"it has another name": func(r *rig, given string) { r.write("keys/b/register", body{"key_id": given}) },
		"it is disabled":      func(r *rig, given string) { r.direct().do(&kmsapi.DisableKeyRequest{KeyId: given}) },
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			rsa := body{"type": "rsa-2048", "key_usage": kmsapi.KeyUsageEncryptDecrypt}
			r.write("keys/a", rsa)
			old := r.keyID("a")
			r.write("keys/spare", rsa)
			given := r.keyID("spare")
			r.write("keys/spare/deregister", nil)
			r.stopsBeforeItIsStored(body{"key_id": given})
			meanwhile(r, given)
			require.NoError(t, r.settleNow())
			require.Equal(t, old, r.keyID("a"))
			require.Contains(t, r.log.String(), given)
			r.logIsEmpty()
		})
	}
}

func TestRotationThatWasInterruptedWaitsForAnEntryThatCannotBeRead(t *testing.T) {
	r := newKeyRig(t)
	rsa := body{"type": "rsa-2048", "key_usage": kmsapi.KeyUsageEncryptDecrypt}
	r.write("keys/a", rsa)
	r.write("keys/spare", rsa)
	given := r.keyID("spare")
	r.write("keys/spare/deregister", nil)
	r.stopsBeforeItIsStored(body{"key_id": given})
	r.putKey("later", `{"format":9}`)
	require.ErrorContains(t, r.settleNow(), "later version")
	require.Equal(t, 1, r.unsettled())
	require.NoError(t, r.backend().removeKey(t.Context(), r.storage, "later"))
	require.NoError(t, r.settleNow())
	require.Equal(t, given, r.keyID("a"))
}

func TestRotationThatIsDoneIsNotRepeatedByItsLog(t *testing.T) {
	r := newKeyRig(t, "a")
	old, given := r.keyID("a"), r.direct().makeCMK(&kmsapi.CreateKeyRequest{})
	r.storage.reset("delete", -1)
	r.write("keys/a/rotate", body{"key_id": given})
	r.storage.reset("", 0)
	require.Equal(t, 1, r.unsettled())
	require.Equal(t, 3, r.write("keys/a/rotate", body{"key_id": old}).Data["latest_version"])
	require.NoError(t, r.settleNow())
	require.Equal(t, old, r.keyID("a"))
	require.Equal(t, 3, r.entry("a").versions.Newest())
	r.logIsEmpty()
}

// noNewCMK makes KMS refuse to make a KMS key, and makes turning a rotation on again fail as many times as failures
// says.
func (r *rig) noNewCMK(failures int) {
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		policy, ok := q.(*kmsapi.UpdateRotationPolicyRequest)
		switch {
		case q.Operation() == kmsapi.OpCreateKey:
			return answered(kmsapi.ErrNoPermission)
		case ok && policy.EnableAutomaticRotation && failures > 0:
			failures--
			return lost(q.Operation())
		}
		return nil
	}
}

func TestRotationPolicyIsTurnedOnAgainByRollbackIfTheRequestCouldNot(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"auto_rotate_period": "720h"})
	r.noNewCMK(1)
	_, err := r.tryWrite("keys/a/rotate", body{"new_cmk": true})
	refused(t, err, 403)
	require.Equal(t, kmsapi.RotationDisabled, r.direct().describe(r.keyID("a")).AutomaticRotation)
	require.Equal(t, 1, r.unsettled())
	require.NoError(t, r.settleNow())
	require.Equal(t, kmsapi.RotationEnabled, r.direct().describe(r.keyID("a")).AutomaticRotation)
	r.logIsEmpty()
}

func TestRollbackDoesNotUndoARotationPolicyThatWasWrittenMeanwhile(t *testing.T) {
	for period, interval := range map[string]string{"0": "", "2400h": "8640000s"} {
		t.Run(period, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.write("keys/a/config", body{"auto_rotate_period": "720h"})
			r.noNewCMK(1)
			_, err := r.tryWrite("keys/a/rotate", body{"new_cmk": true})
			refused(t, err, 403)
			r.kms.before = nil
			r.write("keys/a/config", body{"auto_rotate_period": period})
			require.NoError(t, r.settleNow())
			is := r.direct().describe(r.keyID("a"))
			require.Equal(t, interval == "", is.AutomaticRotation == kmsapi.RotationDisabled)
			require.Equal(t, interval, is.RotationInterval)
			r.logIsEmpty()
		})
	}
}

func TestRotationOfAKMSKeyThatCannotBeTurnedOffIsWarnedOf(t *testing.T) {
	r := newKeyRig(t, "a")
	given := r.direct().makeCMK(&kmsapi.CreateKeyRequest{})
	for _, rotation := range []body{{"new_cmk": true}, {"key_id": given}} {
		r.write("keys/a/config", body{"auto_rotate_period": "720h"})
		r.direct().do(&kmsapi.DisableKeyRequest{KeyId: r.keyID("a")})
		old := r.keyID("a")
		warnings := strings.Join(r.write("keys/a/rotate", rotation).Warnings, "\n")
		require.Contains(t, warnings, "goes on once it is enabled")
		require.Contains(t, warnings, old)
	}
	warnings := strings.Join(r.write("keys/a/rotate", body{"new_cmk": true}).Warnings, "\n")
	require.NotContains(t, warnings, "goes on once it is enabled")
}
