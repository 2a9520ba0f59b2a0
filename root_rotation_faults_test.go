package alicloudkms

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// pairLoss has the ways in which a new access key and its secret never reach Vault's storage.
var pairLoss = map[string]func(r *rootRig){
	"the answer is lost": func(r *rootRig) {
		r.ram.After(func(action string) bool { return action != "CreateAccessKey" })
	},
	"the storage fails": func(r *rootRig) { r.storage.reset("put", 2) }, // The first write is the log's.
}

func TestLostAccessKeyIsNamedAndDeletedOnRequestAlone(t *testing.T) {
	for name, lose := range pairLoss {
		t.Run(name, func(t *testing.T) {
			r := newRootRig(t)
			before := r.stored()
			lose(r)
			require.Error(t, r.tryRotate())
			r.ram.After(nil)
			r.storage.reset("", 0)
			require.Equal(t, before, r.stored())
			require.Equal(t, 1, r.unsettled())
			orphan := r.ids()[1]

			r.restart()
			refused(t, r.tryRotate(), http.StatusConflict, orphan, "delete_access_key="+orphan)
			r.pass(time.Hour)
			require.ErrorContains(t, r.settleNow(), "delete_access_key="+orphan)
			require.Equal(t, 1, r.unsettled(), "it is needed to know the orphan")
			for _, other := range []string{r.first, "LTAIother", "", "a b"} {
				_, err := r.tryWrite(rotateRootPath, body{"delete_access_key": other})
				require.Error(t, err, other)
			}
			require.Len(t, r.ids(), 2)

			require.Equal(t, body{"deleted_access_key": orphan},
				r.write(rotateRootPath, body{"delete_access_key": orphan}).Data)
			require.Equal(t, []string{r.first}, r.ids())
			require.Zero(t, r.unsettled())
			r.rotate()
			require.Equal(t, 2, r.ram.Calls("CreateAccessKey"), "each request asks once")
			r.secretless()
		})
	}
}

func TestAccessKeyThatWasThereBeforeIsNeverDeleted(t *testing.T) {
	r := newRootRig(t)
	r.ram.Add("LTAIother", "s")
	_, err := r.tryWrite(rotateRootPath, body{"delete_access_key": "LTAIother"})
	refused(t, err, http.StatusConflict, "delete it in RAM")
	require.Len(t, r.ids(), 2)
}

func TestRollbackSettlesWhatHasLeftNothing(t *testing.T) {
	r := newRootRig(t)
	r.ram.Before(func(action string) bool { return action != "CreateAccessKey" })
	require.Error(t, r.tryRotate())
	require.Equal(t, 1, r.unsettled(), "it may have been made")
	r.ram.Before(nil)
	r.pass(time.Hour)
	require.NoError(t, r.settleNow())
	require.Zero(t, r.unsettled())
	r.rotate()
}

func TestRollbackGivesUpWhatItCanNotSettle(t *testing.T) {
	r := newRootRig(t)
	pairLoss["the answer is lost"](r)
	require.Error(t, r.tryRotate())
	r.ram.After(nil)
	r.remove("config", nil)
	r.pass(time.Hour)
	require.ErrorContains(t, r.settleNow(), "another one is now configured")
	r.pass(giveUpAfter)
	require.NoError(t, r.settleNow())
	require.Zero(t, r.unsettled())
	require.Len(t, r.ids(), 2, "nothing is deleted without being asked for")
}

func TestPendingAccessKeyThatCanNotBeTriedIsDeleted(t *testing.T) {
	r := newRootRig(t)
	r.ram.Delay(time.Hour)
	require.Error(t, r.tryRotate())
	second := r.ids()[1]
	r.ram.Remove(second)
	refused(t, r.tryRotate(), http.StatusServiceUnavailable, second)
	r.write(rotateRootPath, body{"delete_access_key": second})
	require.Empty(t, r.read("config").Data["pending_access_key"])
	r.ram.Delay(0)
	r.rotate()
}

func TestFailureOfStorageAtTheSwitchLeavesOneOfBothInUse(t *testing.T) {
	r := newRootRig(t)
	r.storage.reset("put", 3)
	require.ErrorContains(t, r.tryRotate(), errStorage.Error())
	r.storage.reset("", 0)
	r.works(r.first)
	r.restart()
	second := r.rotate()["access_key"]
	require.Equal(t, r.ids()[1], second)
	require.Equal(t, 1, r.ram.Calls("CreateAccessKey"))
}

func TestRetiringGoesOnWhateverWasLost(t *testing.T) {
	r := newRootRig(t)
	r.rotate()
	second := r.ids()[1]
	refused(t, r.tryRotate(), http.StatusConflict, r.first, "was replaced at")
	_, err := r.tryWrite(rotateRootPath, body{"delete_access_key": r.first})
	refused(t, err, http.StatusConflict)

	r.ram.After(func(string) bool { return false })
	r.minute(11 * time.Minute)
	r.minute(time.Minute)
	require.Contains(t, r.log.String(), "could not be disabled")
	r.ram.After(nil)
	r.restart()
	r.storage.reset("put", 1)
	r.minute(time.Minute)
	r.storage.reset("", 0)
	require.True(t, r.stored().Rotation.Retiring.Disabled.IsZero())
	r.minute(time.Minute)
	require.False(t, r.stored().Rotation.Retiring.Disabled.IsZero())
	r.ram.Remove(r.first)
	r.minute(25 * time.Hour)
	require.Empty(t, r.stored().Rotation.Retiring.ID, "somebody else has deleted it")
	r.works(second)
	r.secretless()
}

func TestOlderSnapshotWithThePendingPairGoesOnWithIt(t *testing.T) {
	r := newRootRig(t)
	r.ram.Delay(3 * time.Minute)
	require.Error(t, r.tryRotate())
	snapshot, err := r.storage.Get(t.Context(), configPath)
	require.NoError(t, err)
	second := r.rotate()["access_key"]
	r.minute(time.Hour)
	r.minute(25 * time.Hour)
	require.Equal(t, []string{second.(string)}, r.ids())

	require.NoError(t, r.storage.Put(t.Context(), snapshot))
	r.restart()
	require.Equal(t, second, r.rotate()["access_key"], "RAM need not know the old one")
	r.minute(time.Hour)
	require.Empty(t, r.stored().Rotation.Retiring.ID)
}

func TestOlderSnapshotWithADeletedAccessKeyChangesNothingInRAM(t *testing.T) {
	r := newRootRig(t)
	r.rotate()
	snapshot, err := r.storage.Get(t.Context(), configPath)
	require.NoError(t, err)
	r.minute(time.Hour)
	r.minute(25 * time.Hour)
	third := r.rotate()["access_key"]
	r.minute(time.Hour)
	r.minute(25 * time.Hour)
	require.NoError(t, r.storage.Put(t.Context(), snapshot))
	r.restart()
	r.minute(time.Hour)
	require.Equal(t, []string{third.(string)}, r.ids())
	refused(t, r.tryRotate(), http.StatusBadRequest, "InvalidAccessKeyId.NotFound")
}
