package alicloudkms

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// newVersionsRig makes a key with versions 1 and 2 of one KMS key, 3 of a second, and 4 and 5 of a third, and returns a
// ciphertext of each.
func newVersionsRig(t *testing.T) (r *rig, ciphertexts []string) {
	t.Helper()
	r = newKeyRig(t, "a")
	for _, rotation := range []body{nil, {"new_cmk": true}, {"new_cmk": true}, nil} {
		ciphertexts = append(ciphertexts, r.encrypt("a", hello))
		r.write("keys/a/rotate", rotation)
	}
	return r, append(ciphertexts, r.encrypt("a", hello))
}

func TestTrimmedVersionsAreRefused(t *testing.T) {
	r, ciphertexts := newVersionsRig(t)
	r.write("keys/a/config", body{"min_decryption_version": 5, "min_encryption_version": 5})
	for minimum := 1; minimum <= 5; minimum++ {
		resp := r.write("keys/a/trim", body{"min_available_version": minimum})
		require.Len(t, resp.Data["keys"], 6-minimum)
		r.write("keys/a/config", body{"min_decryption_version": minimum})
		for n, ciphertext := range ciphertexts {
			_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
			switch {
			case n+1 >= minimum:
				require.NoError(t, err)
			case n < 2 && minimum > 2 || n < 3 && minimum > 3:
				refused(t, err, 403, "not made by this key")
			default:
				refused(t, err, 400, "min_available_version")
			}
		}
		r.write("keys/a/config", body{"min_decryption_version": 5})
	}
	read := r.read("keys/a").Data
	require.Equal(t, 5, read["min_available_version"])
	require.Equal(t, 5, read["latest_version"])
	require.Equal(t, 6, r.write("keys/a/rotate", nil).Data["latest_version"], "a trimmed version does not come back")
	require.Len(t, r.read("keys/a").Data["keys"], 2)
}

func TestTrimAsksForWhatTransitAsksFor(t *testing.T) {
	r, _ := newVersionsRig(t)
	for _, c := range []struct {
		settings body
		minimum  any
		says     string
	}{
		{nil, 2, "min_decryption_version"},
		{body{"min_decryption_version": 3}, 2, "min_encryption_version"},
		{body{"min_encryption_version": 5}, 4, "min_decryption_version"},
		{nil, 6, "at most 5"},
		{nil, 0, "required"},
		{nil, nil, "required"},
		{nil, -1, "required"},
	} {
		if c.settings != nil {
			r.write("keys/a/config", c.settings)
		}
		_, err := r.tryWrite("keys/a/trim", body{"min_available_version": c.minimum})
		refused(t, err, 400, c.says)
	}
	r.write("keys/a/trim", body{"min_available_version": 3})
	_, err := r.tryWrite("keys/a/trim", body{"min_available_version": 2})
	refused(t, err, 400, "at least 3")
	_, err = r.tryWrite("keys/a/config", body{"min_decryption_version": 2})
	refused(t, err, 400, "at least 3")
}

// states returns the states of KMS keys.
func (k *directKMS) states(ids ...string) (states []kmsapi.KeyState) {
	for _, id := range ids {
		states = append(states, k.describe(id).KeyState)
	}
	return states
}

func TestKMSKeysWithoutAVersionAreDeletedOnlyIfThatIsAskedFor(t *testing.T) {
	r, _ := newVersionsRig(t)
	cmks, direct := ids(r.entry("a").cmks()), r.direct()
	r.write("keys/a/config", body{"min_decryption_version": 5, "min_encryption_version": 5})
	resp := r.write("keys/a/trim", body{"min_available_version": 4})
	require.Equal(t, cmks[:2], resp.Data["unused_key_ids"])
	require.Empty(t, resp.Data["deleted_key_ids"])
	require.Contains(t, resp.Warnings[0], cmks[0])
	require.Equal(t, []kmsapi.KeyState{kmsapi.Enabled, kmsapi.Enabled, kmsapi.Enabled}, direct.states(cmks...))

	again := body{"min_available_version": 4, "delete_cmks": true}
	_, err := r.tryWrite("keys/a/trim", again)
	refused(t, err, 400, "deletion_allowed=true")
	r.write("keys/a/config", body{"deletion_allowed": true})
	r.write("keys/other/register", body{"key_id": cmks[1]})
	_, err = r.tryWrite("keys/a/trim", again)
	refused(t, err, 400, "other", "deletion_allowed=true")
	require.Equal(t, []kmsapi.KeyState{kmsapi.Enabled, kmsapi.Enabled, kmsapi.Enabled}, direct.states(cmks...))
	r.write("keys/other/deregister", nil)

	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if deletion, ok := q.(*kmsapi.ScheduleKeyDeletionRequest); ok && deletion.KeyId == cmks[1] {
			return lost(q.Operation())
		}
		return nil
	}
	_, err = r.tryWrite("keys/a/trim", again)
	refused(t, err, 502, cmks[0], "Send the same request again")
	r.kms.before = nil
	direct.do(&kmsapi.ScheduleKeyDeletionRequest{KeyId: cmks[1], PendingWindowInDays: 30}) // The answer was lost.
	resp = r.write("keys/a/trim", again)
	require.Equal(t, cmks[1:2], resp.Data["deleted_key_ids"])
	require.Empty(t, resp.Data["unused_key_ids"])
	require.Equal(t, []kmsapi.KeyState{kmsapi.PendingDeletion, kmsapi.PendingDeletion, kmsapi.Enabled},
		direct.states(cmks...))
	require.Empty(t, r.write("keys/a/trim", again).Data["deleted_key_ids"])
	require.Equal(t, cmks[2:], ids(r.entry("a").cmks()))
}

func TestTrimWithoutAVersionOfKMSWouldAcceptWhatItDropped(t *testing.T) {
	r := newKeyRig(t, "a")
	old := r.keyID("a")
	r.oldKey("a")
	r.fails(kmsapi.OpListKeyVersions, answered(kmsapi.ErrNoPermission))
	r.write("keys/a/rotate", nil)
	r.write("keys/a/rotate", body{"new_cmk": true})
	r.kms.before = nil
	r.write("keys/a/config", body{"min_decryption_version": 3, "min_encryption_version": 3})
	_, err := r.tryWrite("keys/a/trim", body{"min_available_version": 2})
	refused(t, err, 400, "version 1", old, "kms:ListKeyVersions")
	r.write("keys/a/trim", body{"min_available_version": 3})
}

func TestTrimForgetsNoKMSKeyThatKMSDoesNotFind(t *testing.T) {
	r, _ := newVersionsRig(t)
	cmks := ids(r.entry("a").cmks())
	r.write("keys/a/config", body{"min_decryption_version": 5, "min_encryption_version": 5, "deletion_allowed": true})
	trim := body{"min_available_version": 4, "delete_cmks": true}

	r.write("config", body{"region": "cn-beijing"})
	_, err := r.tryWrite("keys/a/trim", trim)
	refused(t, err, 409, "cn-hangzhou", "cn-beijing")
	r.write("config", body{"region": "cn-hangzhou"})

	r.kms.before = func(_ context.Context, q kmsapi.Request) error { // The access key belongs to another account.
		if deletion, ok := q.(*kmsapi.ScheduleKeyDeletionRequest); ok && deletion.KeyId == cmks[0] {
			return answered(kmsapi.ErrKeyNotFound)
		}
		return nil
	}
	resp := r.write("keys/a/trim", trim)
	require.Equal(t, cmks[:1], resp.Data["unused_key_ids"])
	require.Equal(t, cmks[1:2], resp.Data["deleted_key_ids"])
	require.Contains(t, strings.Join(resp.Warnings, "\n"), "does not find")
	r.kms.before = nil
	require.Equal(t, cmks[:1], r.write("keys/a/trim", trim).Data["deleted_key_ids"])
	require.Equal(t, kmsapi.PendingDeletion, r.direct().describe(cmks[0]).KeyState)
}

func TestKMSKeyWhoseVersionsWereTrimmedDoesNotFollowAgain(t *testing.T) {
	r, ciphertexts := newVersionsRig(t)
	trimmed := ids(r.entry("a").cmks())[0]
	r.write("keys/a/config", body{"min_decryption_version": 3, "min_encryption_version": 5})
	r.write("keys/a/trim", body{"min_available_version": 3})
	_, err := r.tryWrite("keys/a/rotate", body{"key_id": trimmed})
	refused(t, err, 400, trimmed, "trim")
	_, err = r.tryWrite("decrypt/a", body{"ciphertext": ciphertexts[0]})
	refused(t, err, 403, "not made by this key")
	r.logIsEmpty()
}

func TestTrimDoesNotCountTheVersionsThatHaveNoRow(t *testing.T) {
	table := versions.New(versions.Row{CMK: "a", KeyVersionID: "1"}).AddDataKey(versions.Row{CMK: "a", WrappedKey: "w"})
	e := &keyEntry{versions: table.StartAt(maxFormer), MinDecryption: maxFormer, MinEncryption: maxFormer}
	fastest := time.Hour
	for range 5 { // A busy machine makes some runs slower.
		began := time.Now()
		require.NoError(t, e.mayTrim(maxFormer, "kms/", "a"))
		fastest = min(fastest, time.Since(began))
	}
	require.Less(t, fastest, time.Second/4)
}
