package server_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// newWeeklyLab opens a service in which callers can make a new version of a key once a week.
func newWeeklyLab(t *testing.T) *lab {
	return newLab(t, func(c *server.Config) { c.Rotation = &server.Rotation{MinVersionInterval: "7d"} })
}

func TestAVersionWaitsForTheIntervalAfterTheLastOne(t *testing.T) {
	l := newWeeklyLab(t)
	id := l.createKey()
	last := l.metadata(id).LastRotationDate
	l.now = l.now.Add(7*day - time.Second)
	refused := l.do("CreateKeyVersion", "KeyId", id)
	refused.refused(t, kmsapi.ErrLimitExceeded)
	require.Contains(t, refused.Message,
		"A key may have a new version every 7d, and this one has its next from 2026-11-29T09:00:00Z on.")
	require.Equal(t, last, l.metadata(id).LastRotationDate)

	l.now = time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC) // A week after LastRotationDate, which is cut to seconds.
	made := l.must("CreateKeyVersion", "KeyId", id)
	require.Equal(t, "2026-11-29T09:00:00Z", made.KeyVersion.CreationDate)
	l.do("CreateKeyVersion", "KeyId", id).refused(t, kmsapi.ErrLimitExceeded)
	l.must("CreateKeyVersion", "KeyId", l.createOld(t))
}

// createOld makes a key and moves the clock by a week.
func (l *lab) createOld(t *testing.T) string {
	t.Helper()
	id := l.createKey()
	l.now = l.now.Add(7 * day)
	return id
}

func TestAutomaticRotationDoesNotWaitForTheIntervalOfVersions(t *testing.T) {
	l := newLab(t, func(c *server.Config) {
		c.Rotation = &server.Rotation{MinVersionInterval: "30d", MinInterval: "1h"}
	})
	id := l.createKey("EnableAutomaticRotation", "true", "RotationInterval", "1h")
	l.now = l.now.Add(time.Hour)
	l.sweep()
	require.Len(t, l.listed(id), 2)
	l.now = l.now.Add(2 * time.Hour)
	l.must("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", "true", "RotationInterval", "1h")
	require.Len(t, l.listed(id), 3)
	l.now = l.now.Add(30*day - time.Hour)
	l.do("CreateKeyVersion", "KeyId", id).refused(t, kmsapi.ErrLimitExceeded)
}

func TestAClockThatIsSetBackMakesNoVersionSooner(t *testing.T) {
	l := newWeeklyLab(t)
	id := l.createKey()
	right := l.now
	l.now = right.Add(-20 * day)
	l.do("CreateKeyVersion", "KeyId", id).refused(t, kmsapi.ErrLimitExceeded)
	l.now = right.Add(7 * day)
	l.must("CreateKeyVersion", "KeyId", id)
}

func TestAVersionThatIsRefusedHasNoKeyPairMade(t *testing.T) {
	made := 0
	l := newWeeklyLab(t)
	l.adjust = func(o server.Options) server.Options {
		o.KeyPairs = func(string) []byte {
			made++
			return nil
		}
		return o
	}
	l.restart()
	id := l.createKey("KeySpec", kmsapi.KeySpecP256)
	require.Equal(t, 1, made)
	l.do("CreateKeyVersion", "KeyId", id).refused(t, kmsapi.ErrLimitExceeded)
	require.Equal(t, 1, made)
	l.now = l.now.Add(7 * day)
	l.must("CreateKeyVersion", "KeyId", id)
	require.Equal(t, 2, made)
}
