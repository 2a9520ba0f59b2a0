package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var errAway = errors.New("away")

// awayFor returns a function that succeeds, except for a time of d that begins after a while.
func awayFor(d time.Duration) func(context.Context) error {
	const after = 100 * time.Millisecond
	began := time.Now()
	return func(context.Context) error {
		if passed := time.Since(began); passed < after || passed > after+d {
			return nil
		}
		return errAway
	}
}

func TestTheLongestSilenceIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := make(chan error, 1)
		time.AfterFunc(2*time.Second, func() { ended <- nil })
		away, err := longestSilence(t.Context(), awayFor(time.Second), ended)
		require.NoError(t, err)
		require.InDelta(t, 1, away.Seconds(), 0.02)
		require.Empty(t, ended, "it goes on until the node has ended")
	})
}

func TestASilenceThatDoesNotEndIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, err := longestSilence(t.Context(), awayFor(time.Hour), nil)
		require.ErrorIs(t, err, errAway)
	})
}

func TestANodeThatDoesNotEndIsAnError(t *testing.T) {
	broken := errors.New("broken")
	ended := make(chan error, 1)
	ended <- broken
	_, err := longestSilence(t.Context(), awayFor(0), ended)
	require.ErrorIs(t, err, broken)
}
