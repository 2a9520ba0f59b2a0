package peers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTheClockOfANodeThatIsGoneCountsUntilItsTimeIsPast(t *testing.T) {
	const moment = 10 * time.Millisecond
	for name, tc := range map[string]struct {
		ahead, after time.Duration
	}{
		"ahead":        {10 * time.Second, 11 * time.Second},
		"behind":       {-10 * time.Second, time.Second},
		"a minute off": {time.Minute, time.Minute + time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			active, activeWatch := s.watched("a", nil)
			standby, w := s.watched("b", nil)
			activeWatch.set(tc.ahead)
			require.NoError(t, standby.Compare(t.Context(), active.peer))
			w.pass(time.Hour)
			require.ErrorIs(t, standby.Candidate(), ErrClock, "while it may be the active one")
			standby.compared.nobody(true)
			w.pass(tc.after - moment)
			standby.compared.nobody(true)
			require.ErrorIs(t, standby.Candidate(), ErrClock)
			w.pass(2 * moment)
			require.NoError(t, standby.Candidate())

			w.set(-time.Hour)
			require.ErrorIs(t, standby.Candidate(), ErrClock, "it is this node's that is off now")
			w.set(time.Hour)
			require.NoError(t, standby.Candidate())
			standby.compared.nobody(false)
			require.ErrorIs(t, standby.Candidate(), ErrClock)
		})
	}
}

func TestAClockThatIsFarOffIsNotOutlived(t *testing.T) {
	s := newSite(t)
	active, activeWatch := s.watched("a", nil)
	standby, w := s.watched("b", nil)
	activeWatch.set(-mostOutlived - time.Second)
	require.NoError(t, standby.Compare(t.Context(), active.peer))
	standby.compared.nobody(true)
	w.pass(time.Hour)
	require.ErrorIs(t, standby.Candidate(), ErrClock)

	activeWatch.set(mostOutlived + time.Second + time.Hour)
	require.NoError(t, standby.Compare(t.Context(), active.peer))
	require.NoError(t, standby.Candidate())
	w.set(10 * time.Second)
	w.pass(time.Hour)
	require.ErrorIs(t, standby.Candidate(), ErrClock, "its own clock was set since")
}
