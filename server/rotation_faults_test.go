package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// dueKeys are CMKs that are due for rotation, by id, each with a ciphertext of its first version.
type dueKeys map[string]string

// newDueLab opens a service in which three CMKs are due for rotation.
func newDueLab(t *testing.T) (*lab, dueKeys) {
	l := newLab(t, nil)
	l.adjust = func(o server.Options) server.Options {
		o.AcceptClock = true
		return o
	}
	keys := dueKeys{}
	for range 3 {
		id := l.createKey("EnableAutomaticRotation", "true", "RotationInterval", "30d")
		keys[id] = l.must("Encrypt", "KeyId", id, "Plaintext", "eA==").CiphertextBlob
	}
	l.now = l.now.Add(31 * day)
	return l, keys
}

// rotated requires that every CMK has its first version and at most one more, and returns how many have two.
func (keys dueKeys) rotated(l *lab) (n int) {
	l.t.Helper()
	for id, blob := range keys {
		versions := l.listed(id)
		require.Contains(l.t, []int{1, 2}, len(versions))
		n += len(versions) - 1
		require.Equal(l.t, versions[0], l.metadata(id).PrimaryKeyVersion)
		require.Equal(l.t, versions[0], l.must("Encrypt", "KeyId", id, "Plaintext", "eA==").KeyVersionId)
		require.Equal(l.t, "eA==", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
	}
	return n
}

// sweepUntil sweeps until the service dies in the n-th commit, before or after that is durable. It reports whether
// there was an n-th commit.
func (l *lab) sweepUntil(n int, commit func(func() error) error) (died bool) {
	l.t.Helper()
	made := 0
	l.commit = func(good func() error) error {
		if made++; made == n {
			died = true
			return commit(good)
		}
		return good()
	}
	err := l.service.Sweep(l.t.Context())
	require.Equal(l.t, died, err != nil, "%v", err)
	l.commit = nil
	return died
}

// TestARotationIsMadeOnceWhereverASweepDies lets the service die in each commit of a sweep, and restarts it at once,
// after weeks, and with the clock set back to before the rotation was due.
func TestARotationIsMadeOnceWhereverASweepDies(t *testing.T) {
	for _, fault := range faults {
		for name, later := range map[string]time.Duration{"at once": 0, "weeks later": 20 * day, "earlier": -20 * day} {
			t.Run("in a commit that fails "+fault.name+", restarted "+name, func(t *testing.T) {
				between := map[int]bool{}
				for n, died := 1, true; died; n++ {
					l, keys := newDueLab(t)
					died = l.sweepUntil(n, fault.commit)
					l.now = l.now.Add(later)
					l.restart()
					before := keys.rotated(l)
					between[before] = true
					l.sweep()
					if later < 0 {
						require.Equal(t, before, keys.rotated(l), "nothing is due")
						l.now = l.now.Add(-later)
						l.sweep()
					}
					l.sweep()
					require.Equal(t, len(keys), keys.rotated(l))
					l.requireGood()
				}
				require.Equal(t, "map[0:true 1:true 2:true 3:true]", fmt.Sprint(between), "it died after each of them")
			})
		}
	}
}
