package alicloudkms

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

func TestAccessKeyIsReplacedDisabledAndDeleted(t *testing.T) {
	r := newRootRig(t)
	r.ram.Delay(7 * time.Second)
	began := r.now()
	text := r.encrypt("a", hello)

	answer := r.rotate()
	second := r.ids()[1]
	require.Equal(t, second, answer["access_key"])
	require.Equal(t, r.first, answer["retiring_access_key"])
	require.GreaterOrEqual(t, r.now().Sub(began), 17*time.Second, "it works after 7 s, and must have for 10 s")
	require.Less(t, r.now().Sub(began), 20*time.Second)
	require.Zero(t, r.unsettled())
	r.works(second)
	shown := r.read("config").Data
	require.Equal(t, r.first, shown["retiring_access_key"])
	require.Equal(t, answer["retiring_since"], shown["retiring_since"])
	require.Empty(t, shown["pending_access_key"])
	require.NotContains(t, fmt.Sprint(shown, answer), "ramtest-")

	r.minute(9 * time.Minute)
	require.True(t, r.ram.Works(r.first), "requests may still be signed with it")
	r.minute(2 * time.Minute)
	require.False(t, r.ram.Works(r.first))
	require.Len(t, r.ids(), 2)
	r.minute(23 * time.Hour)
	require.Len(t, r.ids(), 2)
	r.minute(2 * time.Hour)
	require.Equal(t, []string{second}, r.ids())
	require.Empty(t, r.read("config").Data["retiring_access_key"])
	require.Equal(t, 1, r.ram.Calls("UpdateAccessKey"))
	require.Equal(t, 1, r.ram.Calls("DeleteAccessKey"))
	r.works(second)
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": text}).Data["plaintext"])

	r.rotate()
	require.Equal(t, r.first, r.stored().origin(), "the RAM user is the same")
	r.works(r.ids()[1])
	r.secretless()
}

func TestRotationThatCanNotBeIsRefusedBeforeRAMMakesAnything(t *testing.T) {
	for name, c := range map[string]struct {
		prepare func(*rootRig)
		status  int
		says    []string
	}{
		"the environment's credentials": {func(r *rootRig) {
			r.write("config", body{
				"access_key": "", "endpoint": "", "ca_cert": "", "ram_endpoint": "",
				"use_environment": true, "verify": false,
			})
		}, 400, []string{"use_environment"}},
		"temporary credentials": {func(r *rootRig) {
			r.write("config", body{"security_token": "token", "secret_key": firstSecret, "verify": false})
		}, 400, []string{"security_token"}},
		"no configuration": {func(r *rootRig) { r.remove("config", nil) }, 400, []string{"not configured"}},
		"another access key": {
			func(r *rootRig) { r.ram.Add("LTAIother", "s") }, 409,
			[]string{"LTAIother", "made at 20", "delete it in RAM"},
		},
		"the account's own access key": {func(r *rootRig) {
			r.ram.Refuse("ListAccessKeys", 400, "InvalidParameter.UserName.Length")
		}, 400, []string{"InvalidParameter.UserName.Length", "Only the access key of a RAM user"}},
		"no permission to list": {
			func(r *rootRig) { r.ram.Refuse("ListAccessKeys", 403, "NoPermission") }, 403,
			[]string{"ram:ListAccessKeys"},
		},
		"no permission to make": {
			func(r *rootRig) { r.ram.Refuse("CreateAccessKey", 403, "NoPermission") }, 403,
			[]string{"ram:CreateAccessKey", "nothing has changed"},
		},
		"as many as there may be": {func(r *rootRig) {
			r.ram.Refuse("CreateAccessKey", 409, "LimitExceeded.User.AccessKey")
		}, 409, []string{"two access keys"}},
		"throttling": {
			func(r *rootRig) { r.ram.Refuse("ListAccessKeys", 400, "Throttling.User") }, 429,
			[]string{"Throttling.User"},
		},
		"RAM broken": {func(r *rootRig) { r.ram.Refuse("ListAccessKeys", 503, "ServiceUnavailable") }, 502, nil},
		"RAM not there": {
			func(r *rootRig) { r.ram.Before(func(string) bool { return false }) }, 502,
			[]string{"ListAccessKeys"},
		},
		"a revoked key":     {func(r *rootRig) { r.ram.Remove(r.first) }, 400, []string{"InvalidAccessKeyId.NotFound"}},
		"an unwritable log": {func(r *rootRig) { r.storage.reset("put", 1) }, 0, nil},
		"a configuration in change": {func(r *rootRig) {
			_, err := r.backend().reserve(configPath, "the configuration")
			require.NoError(r.t, err)
		}, 409, []string{"try again"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRootRig(t)
			c.prepare(r)
			before := r.stored()
			err := r.tryRotate()
			if c.status == 0 {
				require.ErrorIs(t, err, errStorage)
			} else {
				refused(t, err, c.status, c.says...)
				require.NotContains(t, err.Error(), "quote", "what RAM says may quote the request")
			}
			require.Equal(t, before, r.stored())
			require.Zero(t, r.unsettled())
			r.secretless()
		})
	}
}

func TestNewAccessKeyThatDoesNotWorkInTimeIsKeptForTheNextRequest(t *testing.T) {
	r := newRootRig(t)
	r.ram.Delay(3 * time.Minute)
	began := r.now()
	err := r.tryRotate()
	second := r.ids()[1]
	refused(t, err, http.StatusServiceUnavailable, second, "InvalidAccessKeyId.NotFound", "again")
	require.InDelta(t, 2*time.Minute, r.now().Sub(began), float64(3*time.Second))
	require.Equal(t, second, r.read("config").Data["pending_access_key"])
	r.works(r.first)
	r.write("config", body{"max_retries": 1}) // Fields that are not about credentials may change meanwhile.

	r.restart()
	require.Equal(t, second, r.rotate()["access_key"])
	require.Equal(t, 1, r.ram.Calls("CreateAccessKey"))
	r.works(second)
	require.EqualValues(t, 1, r.read("config").Data["max_retries"])
	r.secretless()
}

func TestAccessKeyMustWorkSeveralTimesInARow(t *testing.T) {
	r := newRootRig(t)
	r.onWait = func() {
		switch r.waits {
		case 3: // The next server does not know the access key yet.
			r.admit(r.ram.Keys()[:1])
		case 4:
			r.admit(r.ram.Keys())
		}
	}
	r.rotate()
	require.Equal(t, 4+proofs-1, r.waits)
}

func TestRotationRunsOnThePrimaryAlone(t *testing.T) {
	for name, state := range otherNodes {
		if !state.HasState(consts.ReplicationPerformanceStandby | consts.ReplicationPerformanceSecondary) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			r := newRootRig(t)
			r.rotate()
			calls := r.ram.Calls("UpdateAccessKey")
			r.rig.kms = newWatchedKMS(t)
			r.become(func(view *logical.StaticSystemView) { view.ReplicationStateVal = state })
			r.live()
			require.Equal(t, logical.ErrReadOnly, r.tryRotate())
			r.minute(time.Hour)
			require.Equal(t, calls, r.ram.Calls("UpdateAccessKey"), "the primary does it")
		})
	}
}
