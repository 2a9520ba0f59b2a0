package alicloudkms

import (
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// twoClocks is what time.Now reads on a machine whose clocks a test moves: the monotonic one, which stands still while
// the machine is suspended, and the wall clock, which can be set.
type twoClocks struct {
	start           time.Time
	monotonic, wall time.Duration
}

func (c *twoClocks) now() time.Time {
	// The time package makes no such time, so that this knows how it stores one. The test makes sure that it does.
	type stored struct {
		wall uint64
		ext  int64
		loc  *time.Location
	}
	now, start := c.start.Add(c.wall), c.start
	(*stored)(unsafe.Pointer(&now)).ext = (*stored)(unsafe.Pointer(&start)).ext + int64(c.monotonic)
	return now
}

func newTwoClocks(t *testing.T) *twoClocks {
	t.Helper()
	c := &twoClocks{start: time.Now(), monotonic: time.Minute, wall: -time.Hour}
	require.Equal(t, time.Minute, c.now().Sub(c.start), "the monotonic clock")
	require.Equal(t, -time.Hour, c.now().Round(0).Sub(c.start.Round(0)), "the wall clock")
	c.monotonic, c.wall = 0, 0
	return c
}

func TestDataKeysEndByEitherClock(t *testing.T) {
	for name, test := range map[string]struct {
		monotonic, wall time.Duration
		isOver          bool
	}{
		"the clock was set back":                   {29 * time.Second, -time.Hour, false},
		"the clock was set back a minute ago":      {time.Minute, -time.Hour, true},
		"the machine was suspended":                {time.Second, time.Hour, true},
		"the machine was suspended for a moment":   {time.Second, 29 * time.Second, false},
		"the machine was suspended for a minute":   {0, time.Minute, true},
		"the clock was set forward":                {0, 24 * time.Hour, true},
		"set back while the machine was suspended": {time.Minute, -time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newEnvelopeRig(t, "a")
			clocks := newTwoClocks(t)
			r.backend().process.now = clocks.now
			ciphertext := r.encrypt("a", hello)
			disabled(r.direct(), r.keyID("a"))
			calls := r.kms.count(kmsapi.OpDecrypt)
			clocks.monotonic, clocks.wall = test.monotonic, test.wall
			_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
			if test.isOver {
				refused(t, err, 409)
				return
			}
			require.NoError(t, err)
			require.Equal(t, calls, r.kms.count(kmsapi.OpDecrypt))
		})
	}
}

func TestNodeWhoseClockIsSetBackHearsAllTheSame(t *testing.T) {
	n := newNodes(t, "a")
	clocks := newTwoClocks(t)
	other := n.others[0]
	other.backend().process.now = clocks.now
	other.opens("a", n.encrypt("a", hello))
	n.write("keys/a/rotate", nil)
	clocks.monotonic, clocks.wall = 2*time.Second, -time.Hour
	other.opens("a", n.encrypt("a", hello))
}
