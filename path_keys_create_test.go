package alicloudkms

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// newDyingRig makes a key "a" with a bound_context, whose CMK is scheduled for deletion.
func newDyingRig(t *testing.T) (r *rig, dying string) {
	t.Helper()
	r = newKeyRig(t, "a")
	r.write("keys/a/config", body{"deletion_allowed": true, "bound_context": "team=hr"})
	r.remove("keys/a", body{"pending_window_in_days": 7})
	return r, r.keyID("a")
}

func TestNameOfACMKThatIsScheduledForDeletionIsAConflict(t *testing.T) {
	r, dying := newDyingRig(t)
	_, err := r.tryWrite("keys/a", body{"description": "again"})
	refused(t, err, 409, dying, "vault write -f kms/keys/a/cancel_deletion", "recreate=true")
	require.Equal(t, dying, r.keyID("a"))
	require.Len(t, r.cmks(), 1)

	r.write("keys/a/cancel_deletion", nil)
	require.Contains(t, strings.Join(r.write("keys/a", body{"recreate": true}).Warnings, " "), "already existed")
	require.Equal(t, dying, r.keyID("a"), "it is alive again, so it stays")
	require.Len(t, r.cmks(), 1)
}

func TestRecreateGivesTheNameANewCMKAndLeavesTheOldOneInItsWindow(t *testing.T) {
	r, dying := newDyingRig(t)
	resp := r.write("keys/a", body{"recreate": true, "description": "again", "tags": "team=hr"})
	require.NotEqual(t, dying, resp.Data["key_id"])
	require.Equal(t, resp.Data["key_id"], r.keyID("a"))
	require.Contains(t, strings.Join(resp.Warnings, " "), dying)
	require.Contains(t, r.log.String(), dying)

	key := r.read("keys/a").Data
	require.Equal(t, "Enabled", key["key_state"])
	require.Equal(t, "again", key["description"])
	require.Equal(t, map[string]string{"team": "hr"}, key["tags"])
	require.Equal(t, map[string]string{"team": "hr"}, key["bound_context"])
	require.Equal(t, false, key["deletion_allowed"], "it was allowed for the old KMS key")
	r.encrypt("a", hello)

	r.write("keys/old/register", body{"key_id": dying, "bound_context": "team=hr"})
	require.Equal(t, "PendingDeletion", r.read("keys/old").Data["key_state"])
	r.write("keys/old/cancel_deletion", nil)
	r.encrypt("old", hello)
}

func TestRecreateOfANewNameMakesAKey(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a", body{"recreate": true})
	r.encrypt("a", hello)
	require.Len(t, r.cmks(), 1)
}

func TestInterruptedRecreationIsFinishedByARetry(t *testing.T) {
	for name, c := range interruptions {
		t.Run(name, func(t *testing.T) {
			r, dying := newDyingRig(t)
			r.storage.reset("", 0)
			c.arrange(r)
			_, _ = r.tryWrite("keys/a", body{"recreate": true})
			r.kms.before, r.kms.after = nil, nil
			r.storage.reset("", 0)
			r.restart()

			r.write("keys/a", body{"recreate": true})
			require.NotEqual(t, dying, r.keyID("a"))
			require.Len(t, r.cmks(), 2, "one new KMS key, and the old one")
			require.Equal(t, map[string]string{"team": "hr"}, r.read("keys/a").Data["bound_context"])
			require.NoError(t, r.settleNow())
			require.Zero(t, r.unsettled())
		})
	}
}

// A rollback must not take a key's CMK away: its deletion may have been cancelled meanwhile.
func TestInterruptedRecreationIsNotFinishedByRollback(t *testing.T) {
	r, dying := newDyingRig(t)
	interruptions["the answer is lost"].arrange(r)
	_, err := r.tryWrite("keys/a", body{"recreate": true})
	require.Error(t, err)
	r.kms.before, r.kms.after = nil, nil
	r.write("keys/a/cancel_deletion", nil)
	require.NoError(t, r.settleNow())
	require.Equal(t, dying, r.keyID("a"))
	for _, id := range r.cmks() {
		require.True(t, id == dying || strings.Contains(r.log.String(), id), "the KMS key without a name is reported")
	}
}

func TestNameOfACMKThatIsGoneIsAConflict(t *testing.T) {
	r, dying := newDyingRig(t)
	r.kms.service().Advance(8 * 24 * time.Hour)
	for _, recreate := range []bool{false, true} {
		_, err := r.tryWrite("keys/a", body{"recreate": recreate})
		refused(t, err, 409, dying, "cn-hangzhou", "vault write -f kms/keys/a/deregister")
	}
	r.write("keys/a/deregister", nil)
	r.write("keys/a", nil)
	r.encrypt("a", hello)
}

func TestExistingNameIsNoErrorIfItsStateIsUnknown(t *testing.T) {
	r := newKeyRig(t, "a")
	r.fails(kmsapi.OpDescribeKey, answered(kmsapi.ErrNoPermission))
	require.Contains(t, strings.Join(r.write("keys/a", nil).Warnings, " "), "is not known")
	r.fails(kmsapi.OpDescribeKey, errors.New("unreachable"))
	require.Contains(t, strings.Join(r.write("keys/a", nil).Warnings, " "), "already existed")
	r.kms.before = nil
	r.write("keys/a/disable", nil)
	require.Contains(t, strings.Join(r.write("keys/a", nil).Warnings, " "), "Disabled")
}
