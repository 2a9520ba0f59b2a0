package client_test

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// noon is the time on the client's clock in these tests.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func atNoon(cfg *client.Config) {
	cfg.Clock = func() time.Time { return noon }
	cfg.MaxRetries = -1
}

// clockOff refuses with code, as a server whose clock shows now.
func clockOff(code kmsapi.Code, now time.Time) step {
	return header("Date", now.Format(http.TimeFormat), refuse(http.StatusBadRequest, code))
}

func timestamps(s *script) []string {
	var all []string
	for _, r := range s.seen() {
		all = append(all, r.form.Get("Timestamp"))
	}
	return all
}

func TestSkewIsLearnedFromTheRefusalAndKept(t *testing.T) {
	for _, code := range []kmsapi.Code{"IllegalTimestamp", "InvalidTimeStamp.Expired", "RequestTimeTooSkewed"} {
		for name, call := range operations {
			t.Run(string(code)+" to "+name, func(t *testing.T) {
				server := newScript(t, clockOff(code, noon.Add(time.Hour)), done)
				c := server.dial(t, atNoon)
				require.NoError(t, call(context.Background(), c), "this does not count as a retry")
				require.NoError(t, call(context.Background(), c))
				want := []string{"2026-11-22T12:00:00Z", "2026-11-22T13:00:00Z", "2026-11-22T13:00:00Z"}
				require.Equal(t, want, timestamps(server))
			})
		}
	}
}

func TestSkewIsLearnedAgainWhenAClockChanges(t *testing.T) {
	off, right := clockOff("IllegalTimestamp", noon.Add(-time.Hour)), clockOff("IllegalTimestamp", noon)
	server := newScript(t, off, done, right, done)
	c := server.dial(t, atNoon)
	require.NoError(t, encrypt(context.Background(), c))
	require.NoError(t, encrypt(context.Background(), c))
	require.Equal(t, []string{
		"2026-11-22T12:00:00Z", "2026-11-22T11:00:00Z", "2026-11-22T11:00:00Z", "2026-11-22T12:00:00Z",
	}, timestamps(server))
}

func TestTimestampRefusalThatTheDateDoesNotExplainIsReturned(t *testing.T) {
	for _, tc := range []struct {
		name     string
		refusal  step
		requests int
	}{
		{"the server's clock shows the same", clockOff("IllegalTimestamp", noon), 2},
		{"the server's clock is two seconds off", clockOff("IllegalTimestamp", noon.Add(2*time.Second)), 2},
		{"the Date is malformed", header("Date", "today", refuse(http.StatusBadRequest, "IllegalTimestamp")), 1},
		{"the new timestamp is refused too", clockOff("IllegalTimestamp", noon.Add(time.Hour)), 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := newScript(t, tc.refusal)
			require.ErrorIs(t, encrypt(context.Background(), server.dial(t, atNoon)), kmsapi.ErrIllegalTimestamp)
			require.Len(t, server.seen(), tc.requests)
		})
	}
}

func TestSmallSkewIsCorrectedForTheRefusedRequestOnly(t *testing.T) {
	server := newScript(t, clockOff("IllegalTimestamp", noon.Add(2*time.Second)), done)
	c := server.dial(t, atNoon)
	require.NoError(t, createKey(context.Background(), c))
	require.NoError(t, encrypt(context.Background(), c))
	want := []string{"2026-11-22T12:00:00Z", "2026-11-22T12:00:02Z", "2026-11-22T12:00:00Z"}
	require.Equal(t, want, timestamps(server))
}

func TestDateOfAnyOtherRefusalIsIgnored(t *testing.T) {
	server := newScript(t, clockOff("Forbidden.KeyNotFound", noon.Add(time.Hour)), done)
	c := server.dial(t, atNoon)
	require.ErrorIs(t, encrypt(context.Background(), c), kmsapi.ErrKeyNotFound)
	require.NoError(t, encrypt(context.Background(), c))
	require.Equal(t, []string{"2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z"}, timestamps(server))
}

// Each call is refused once, even if another call has learned the skew by then.
func TestSkewIsLearnedByManyCallsAtOnce(t *testing.T) {
	const calls = 16
	var together sync.WaitGroup
	together.Add(calls)
	off := clockOff("IllegalTimestamp", noon.Add(time.Hour))
	steps := make([]step, 0, calls+1)
	for range calls {
		steps = append(steps, func(w http.ResponseWriter, r *http.Request) {
			together.Done()
			together.Wait()
			off(w, r)
		})
	}
	server := newScript(t, append(steps, done)...)
	c := server.dial(t, atNoon)
	errs := make(chan error, calls)
	for range calls {
		go func() { errs <- encrypt(context.Background(), c) }()
	}
	for range calls {
		require.NoError(t, <-errs)
	}
	require.Len(t, server.seen(), 2*calls)
}
