package alicloudkms

import (
	"context"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var namedOrphan = regexp.MustCompile(`delete_access_key=(\S+)`)

// kills returns the steps of a rotation at which the engine may die, or a call may fail. before is called before the
// rotation, and after once the engine has been restarted.
func kills() map[string]struct{ before, after func(*rootRig) } {
	type kill = struct{ before, after func(*rootRig) }
	all := map[string]kill{}
	for n := 1; n <= 4; n++ {
		all[fmt.Sprint("before write ", n, " to storage")] = kill{
			func(r *rootRig) { r.storage.reset("put", n) }, func(r *rootRig) { r.storage.reset("", 0) },
		}
	}
	all["before the log is cleared"] = kill{
		func(r *rootRig) { r.storage.reset("delete", -1) }, func(r *rootRig) { r.storage.reset("", 0) },
	}
	for _, action := range []string{"ListAccessKeys", "CreateAccessKey", "UpdateAccessKey", "DeleteAccessKey"} {
		breaks := func(called string) bool { return called != action }
		all["before "+action] = kill{
			func(r *rootRig) { r.ram.Before(breaks) }, func(r *rootRig) { r.ram.Before(nil) },
		}
		all["after "+action] = kill{
			func(r *rootRig) { r.ram.After(breaks) }, func(r *rootRig) { r.ram.After(nil) },
		}
	}
	for try := 1; try < proofs; try++ {
		all[fmt.Sprint("after try ", try)] = kill{
			func(r *rootRig) {
				ctx, cancel := context.WithCancel(r.t.Context())
				r.ctx = ctx
				r.onWait = func() {
					if r.waits == try {
						cancel()
					}
				}
			},
			func(r *rootRig) { r.ctx, r.onWait = r.t.Context(), nil },
		}
	}
	return all
}

// TestRotationThatIsKilledAtAnyStepIsFinishedByRepeats kills the engine at each step: it always goes on with an access
// key that works, a repeat finishes the rotation, and RAM is left with one access key.
func TestRotationThatIsKilledAtAnyStepIsFinishedByRepeats(t *testing.T) {
	for name, kill := range kills() {
		t.Run(name, func(t *testing.T) {
			r := newRootRig(t)
			r.ram.Delay(5 * time.Second)
			kill.before(r)
			first := r.tryRotate()
			r.minute(11 * time.Minute)
			r.minute(25 * time.Hour)
			r.restart()
			kill.after(r)
			r.works(r.stored().AccessKey)
			if first != nil {
				r.finish()
			}
			r.minute(11 * time.Minute)
			r.minute(25 * time.Hour)
			r.minute(time.Minute)
			require.NoError(t, r.settleNow())
			require.Zero(t, r.unsettled())
			require.Equal(t, []string{r.stored().AccessKey}, r.ids())
			require.NotEqual(t, r.first, r.stored().AccessKey)
			require.Equal(t, rotation{Origin: r.first}, r.stored().Rotation)
			r.works(r.stored().AccessKey)
			r.secretless()
		})
	}
}

// finish repeats the rotation, and deletes the access key that it reports as left.
func (r *rootRig) finish() {
	r.t.Helper()
	err := r.tryRotate()
	if err == nil {
		return
	}
	named := namedOrphan.FindStringSubmatch(err.Error())
	require.NotNil(r.t, named, err)
	r.write(rotateRootPath, body{"delete_access_key": named[1]})
	r.rotate()
}
