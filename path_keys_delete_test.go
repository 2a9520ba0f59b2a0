package alicloudkms

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestDeleteIsOfAllKMSKeysOrOfNone(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(r *rig, cmks []string)
		code    int
		says    []string
	}{
		"another name of an earlier one does not allow it": {
			func(r *rig, _ []string) { r.write("keys/b/config", body{"deletion_allowed": false}) },
			400,
			[]string{"vault write kms/keys/b/config deletion_allowed=true"},
		},
		"an earlier one is protected": {
			func(r *rig, cmks []string) { r.direct().protect(cmks[1]) }, 409, []string{"deletion protection", "in KMS"},
		},
		"the newest is protected": {
			func(r *rig, _ []string) { r.write("keys/a/config", body{"deletion_protection": true}) },
			409,
			[]string{"vault write kms/keys/a/config deletion_protection=false"},
		},
		"another name can't be read": {
			func(r *rig, _ []string) { r.damage("aa") }, 500, []string{`"aa"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, cmks := newStatesRig(t)
			c.arrange(r, cmks)
			_, err := r.try(logical.DeleteOperation, "keys/a", nil)
			refused(t, err, c.code, c.says...)
			require.Equal(t, all(kmsapi.Enabled, 3), r.direct().states(cmks...))
			require.Zero(t, r.kms.count(kmsapi.OpScheduleKeyDeletion))
		})
	}
}

func (k *directKMS) protect(cmk string) {
	k.t.Helper()
	k.do(&kmsapi.SetDeletionProtectionRequest{ProtectedResourceArn: k.describe(cmk).Arn, EnableDeletionProtection: true})
}

// damage stores an entry that this version of the plugin can't read.
func (r *rig) damage(name string) {
	r.t.Helper()
	later := &logical.StorageEntry{Key: keyPrefix + name, Value: []byte(`{"format": 99}`)}
	require.NoError(r.t, r.storage.Put(r.t.Context(), later))
}

func TestDeleteCountsWhatIsScheduledAlreadyAsDone(t *testing.T) {
	r, cmks := newStatesRig(t)
	scheduled(r.direct(), cmks[0])
	date := r.direct().describe(cmks[0]).DeleteDate
	resp := r.remove("keys/a", body{"pending_window_in_days": "7"})
	require.Equal(t, body{"key_id": cmks[2], "key_ids": cmks, "pending_window_in_days": 7}, resp.Data)
	require.Contains(t, resp.Warnings[0], "their dates stay as they are: "+cmks[0])
	require.Equal(t, date, r.direct().describe(cmks[0]).DeleteDate)
	require.Less(t, r.direct().describe(cmks[1]).DeleteDate, date)

	_, err := r.try(logical.DeleteOperation, "keys/a", nil)
	refused(t, err, 409, "These KMS keys are scheduled for deletion: "+strings.Join(cmks, ", "))
	r.write("keys/a/cancel_deletion", nil)
	require.Equal(t, all(kmsapi.Enabled, 3), r.direct().states(cmks...))
}

func TestCancelledDeletionNeedsOneThatIsPending(t *testing.T) {
	r, cmks := newStatesRig(t)
	scheduled(r.direct(), cmks[1])
	resp := r.write("keys/a/cancel_deletion", nil)
	require.Equal(t, cmks, resp.Data["key_ids"])
	require.Empty(t, resp.Warnings)
	_, err := r.tryWrite("keys/a/cancel_deletion", nil)
	refused(t, err, 409, "not scheduled for deletion")
}
