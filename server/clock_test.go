package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// reopen stops or crashes the service, and starts it with the clock moved by the given time.
func (l *lab) reopen(crash bool, by time.Duration) error {
	l.t.Helper()
	if crash {
		l.commit = func(func() error) error { return errDisk } // The stop can't write anything.
		_ = l.service.Close()
		l.commit = nil
	} else {
		l.close()
	}
	l.now = l.now.Add(by)
	return l.tryOpen()
}

func TestAClockThatIsSetBackBetweenTwoRunsLetsNoReplayIn(t *testing.T) {
	for name, crash := range map[string]bool{"after a stop": false, "after a crash": true} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, nil)
			l.now = l.now.Add(10 * time.Minute)
			require.NoError(t, l.service.Sweep(t.Context()))
			l.now = l.now.Add(50 * time.Second)
			create := l.signed("CreateKey").Form()
			require.Equal(t, http.StatusOK, l.post(create).status)
			require.NoError(t, l.reopen(crash, -5*time.Minute))
			require.Contains(t, l.log.String(), "the clock is behind that of the last run")

			l.post(create).refused(t, kmsapi.ErrIllegalTimestamp)
			l.do("ListKeys").refused(t, kmsapi.ErrIllegalTimestamp)
			ahead := l.now.Add(5*time.Minute + 2*time.Second)
			if crash {
				ahead = ahead.Add(2 * time.Minute)
			}
			l.nonces++
			back := l.now
			l.now = ahead
			signed := l.signed("ListKeys").Form()
			l.now = back
			require.Equal(t, http.StatusOK, l.post(signed).status, "a client whose clock is right is served at once")

			require.NoError(t, l.reopen(crash, time.Second))
			l.post(create).refused(t, kmsapi.ErrIllegalTimestamp)
			l.now = l.now.Add(8 * time.Minute)
			require.Equal(t, 1, l.must("ListKeys").TotalCount, "and everyone is once the clock has caught up")
		})
	}
}

func TestAClockThatIsSetBackWhileTheServiceRunsLetsNoReplayIn(t *testing.T) {
	l := newLab(t, nil)
	l.now = l.now.Add(10 * time.Minute)
	create := l.signed("CreateKey").Form()
	require.Equal(t, http.StatusOK, l.post(create).status)
	l.now = l.now.Add(-5 * time.Minute)
	l.post(create).refused(t, kmsapi.ErrSignatureNonceUsed)
	require.NoError(t, l.reopen(false, 0))
	l.post(create).refused(t, kmsapi.ErrIllegalTimestamp)
}

func TestAServiceDoesNotStartWithAClockFarBehind(t *testing.T) {
	l := newLab(t, nil)
	wrong := l.now
	l.now = l.now.Add(24 * time.Hour)
	right := l.now
	create := l.signed("CreateKey").Form()
	require.Equal(t, http.StatusOK, l.post(create).status)
	err := l.reopen(false, -24*time.Hour)
	require.ErrorContains(t, err, wrong.Format(time.RFC3339))
	require.ErrorContains(t, err, right.Format(time.RFC3339))
	require.ErrorContains(t, err, "-accept-clock")
	audited := len(l.auditLines())

	l.adjust = func(o server.Options) server.Options { o.AcceptClock = true; return o }
	require.NoError(t, l.tryOpen())
	require.Contains(t, l.log.String(), "the clock is accepted")
	lines := l.auditLines()
	require.Len(t, lines, audited+1)
	require.Equal(t, "AcceptClock", lines[audited]["operation"])
	l.now = l.now.Add(time.Second)
	require.Equal(t, 1, l.must("ListKeys").TotalCount)

	l.adjust = nil
	l.restart()
	require.Equal(t, 1, l.must("ListKeys").TotalCount, "once is enough")
}

func TestAcceptClockDoesNothingWhenTheClockIsRight(t *testing.T) {
	l := newLab(t, nil)
	l.adjust = func(o server.Options) server.Options { o.AcceptClock = true; return o }
	l.restart()
	require.NotContains(t, l.log.String(), "clock")
	require.Empty(t, l.auditLines())
}
