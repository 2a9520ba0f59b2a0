package alicloudkms

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestDescriptionIsReadBackAsItWasGiven(t *testing.T) {
	for _, description := range []string{
		"", "a", " ", "ends with a blank ", "  begins with blanks", "two\nlines\n",
		"[vault:]", "[vault:ABCDEFGHIJKLMNOPQRSTUVWXYZ] in the middle",
		strings.Repeat("é", maxDescription),
	} {
		r := newKeyRig(t)
		made := r.write("keys/a", body{"description": description})
		require.Equal(t, description, made.Data["description"])
		require.Equal(t, made.Data, r.read("keys/a").Data)
	}
}

func TestMarkerIsAtTheEndOfTheDescription(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a", body{"description": "salaries"})
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(t, err)
	found, err := direct.DescribeKey(t.Context(), &kmsapi.DescribeKeyRequest{KeyId: r.keyID("a")})
	require.NoError(t, err)
	require.Regexp(t, `^salaries \[vault:[A-Z2-7]{26}\]$`, found.KeyMetadata.Description)
}

func TestCMKWithACopiedMarkerIsNotAdopted(t *testing.T) {
	r := newKeyRig(t)
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	made := r.cmks()[0]
	copied := r.copyMarkerOf(made)
	_, err := r.tryWrite("keys/a", nil)
	refused(t, err, 409, made, copied)
	require.Error(t, r.settleNow())
	require.Nil(t, r.read("keys/a"))

	r.write("keys/a/register", body{"key_id": made})
	require.NoError(t, r.settleNow())
	require.Equal(t, made, r.keyID("a"))
	require.Contains(t, r.log.String(), copied, "it is reported, so that it can be deleted")
}

// deleted makes KMS delete a CMK for good.
func (r *rig) deleted(id string) {
	r.t.Helper()
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(r.t, err)
	request := &kmsapi.ScheduleKeyDeletionRequest{KeyId: id, PendingWindowInDays: 7}
	_, err = direct.ScheduleKeyDeletion(r.t.Context(), request)
	require.NoError(r.t, err)
	r.kms.service().Advance(8 * 24 * time.Hour)
}

func TestCopyThatIsLeftAfterAConflictIsNotAdopted(t *testing.T) {
	for name, first := range map[string]func(*rig) error{
		"seen by a write":    func(r *rig) error { _, err := r.tryWrite("keys/a", nil); return err },
		"seen by a rollback": func(r *rig) error { return r.settleNow() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
			made := r.cmks()[0]
			copied := r.copyMarkerOf(made)
			require.Error(t, first(r))
			r.deleted(made)
			require.Equal(t, []string{copied}, r.cmks())
			r.restart()

			require.Error(t, r.settleNow())
			_, err := r.tryWrite("keys/a", nil)
			refused(t, err, 409, made, copied, "kms/keys/a/register", "kms/keys/a/deregister")
			require.Nil(t, r.read("keys/a"))
			require.Equal(t, 1, r.unsettled())

			resp := r.write("keys/a/deregister", nil)
			require.Contains(t, resp.Warnings[0], markerStart)
			require.Contains(t, r.log.String(), "was forgotten")
			require.Zero(t, r.unsettled())
			r.write("keys/a", nil)
			require.NotContains(t, []string{made, copied}, r.keyID("a"))
		})
	}
}

func TestCopyOfAMarkerThatIsMadeLaterKeepsNobodyFromTheirKey(t *testing.T) {
	r := newKeyRig(t)
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	made := r.cmks()[0]
	r.kms.service().Advance(creationSpan + time.Minute)
	r.copyMarkerOf(made)
	r.write("keys/a", nil)
	require.Equal(t, made, r.keyID("a"))
}

func TestCMKOfAnotherTimeIsNotAdopted(t *testing.T) {
	for name, shift := range map[string]time.Duration{
		"later": creationSpan + time.Minute, "earlier": -creationSpan - time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			_ = r.interrupt(t, func(r *rig) {
				r.kms.service().Advance(shift)
				interruptions["the answer is lost"].arrange(r)
			})
			marked := r.cmks()[0]
			require.Error(t, r.settleNow())
			_, err := r.tryWrite("keys/a", nil)
			refused(t, err, 409, marked, "register")
			r.write("keys/a/register", body{"key_id": marked})
			require.NoError(t, r.settleNow())
			require.Zero(t, r.unsettled())
			require.Equal(t, marked, r.keyID("a"))
		})
	}
}

func TestConflictThatCannotBeRecordedIsAnError(t *testing.T) {
	r := newKeyRig(t)
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	r.copyMarkerOf(r.cmks()[0])
	r.storage.reset("put", 1)
	_, err := r.tryWrite("keys/a", nil)
	require.ErrorIs(t, err, errStorage)
}

// copyMarkerOf makes a CMK with the description, and so the marker, of another.
func (r *rig) copyMarkerOf(id string) (copied string) {
	r.t.Helper()
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(r.t, err)
	found, err := direct.DescribeKey(r.t.Context(), &kmsapi.DescribeKeyRequest{KeyId: id})
	require.NoError(r.t, err)
	made, err := direct.CreateKey(r.t.Context(), &kmsapi.CreateKeyRequest{Description: found.KeyMetadata.Description})
	require.NoError(r.t, err)
	return made.KeyMetadata.KeyId
}
