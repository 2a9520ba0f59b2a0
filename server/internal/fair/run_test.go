package fair

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestACallerWhoGoesAwayLeavesItsWorkInItsSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(1, 100)
		discarded := make(chan string, 1)
		run := func(ctx context.Context) (string, error) {
			if err := s.Enter(ctx, "a"); err != nil {
				return "", err
			}
			return Run(ctx, s, func() (string, error) {
				time.Sleep(time.Minute)
				return "key", nil
			}, func(made string) { discarded <- made })
		}
		start := time.Now()
		ctx, hangUp := context.WithTimeout(t.Context(), time.Second)
		defer hangUp()
		made, err := run(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.Empty(t, made)
		require.Equal(t, time.Second, time.Since(start), "it does not wait for the work")
		require.Empty(t, discarded, "which goes on")

		made, err = run(t.Context())
		require.NoError(t, err)
		require.Equal(t, "key", made)
		require.Equal(t, 2*time.Minute, time.Since(start), "the next had to wait until the slot was free")
		require.Equal(t, "key", <-discarded)
		require.NoError(t, s.Enter(t.Context(), "a"), "and the slot is free again")
	})
}

func TestAPanicOfTheWorkFreesTheSlot(t *testing.T) {
	s := NewSlots(1, 100)
	require.NoError(t, s.Enter(t.Context(), "a"))
	_, err := Run(t.Context(), s, func() (int, error) { panic("no entropy") }, func(int) { t.Error("discarded") })
	require.ErrorContains(t, err, "no entropy")
	require.ErrorContains(t, err, "run_test.go")
	require.NoError(t, s.Enter(t.Context(), "a"))
}
