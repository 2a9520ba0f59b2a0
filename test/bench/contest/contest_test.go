package contest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// given is a side that returns one value after another, and records its runs in turns.
func given(name string, turns *[]string, values ...float64) Side {
	return Side{Name: name, Run: func(context.Context, time.Duration) (Sample, error) {
		*turns = append(*turns, name)
		value := values[0]
		values = values[1:]
		return Sample{PerSecond: value}, nil
	}}
}

func opened(sides ...Side) func(context.Context) ([]Side, func() error, error) {
	return func(context.Context) ([]Side, func() error, error) { return sides, nil, nil }
}

func TestSidesTakeTurnsSoThatDriftAffectsAllAlike(t *testing.T) {
	var turns []string
	c := Contest{
		Open:    opened(given("ours", &turns, 0, 20, 30, 80), given("peer", &turns, 0, 10, 10, 20)),
		Figures: []Figure{{Measure: PerSecond, Compare: Ratio, Target: AtLeast(3)}},
	}
	rows, err := c.Run(t.Context(), Plan{Rounds: 3, Duration: time.Second})
	require.NoError(t, err)
	warmUp := []string{"ours", "peer"}
	require.Equal(t, append(warmUp, "ours", "peer", "peer", "ours", "ours", "peer"), turns)
	require.Equal(t, []Row{{
		Measure: PerSecond, Compare: Ratio, Target: "≥ 3×", Reached: "yes",
		Ours: 30, Peers: map[string]float64{"peer": 10}, Peer: "peer", Median: 3, Min: 2, Max: 4,
	}}, rows)
}

func TestAFinerContestHasMoreAndShorterRounds(t *testing.T) {
	var lasted []time.Duration
	side := Side{Run: func(_ context.Context, d time.Duration) (Sample, error) {
		lasted = append(lasted, d)
		return Sample{}, nil
	}}
	_, err := Contest{Open: opened(side), Finer: 4}.Run(t.Context(), Plan{Rounds: 2, Duration: 8 * time.Second})
	require.NoError(t, err)
	require.Len(t, lasted, 1+8)
	require.Equal(t, 2*time.Second, lasted[1])
}

func TestAContestMayHaveItsOwnNumberOfRounds(t *testing.T) {
	runs := 0
	side := Side{Run: func(context.Context, time.Duration) (Sample, error) { runs++; return Sample{}, nil }}
	_, err := Contest{Open: opened(side), Rounds: 7}.Run(t.Context(), Plan{Rounds: 2})
	require.NoError(t, err)
	require.Equal(t, 1+7, runs)
}

func TestATargetMayBeForEveryRound(t *testing.T) {
	rounds := [][]Sample{{{Away: 1}}, {{Away: 2}}, {{Away: 9}}}
	for _, tc := range []struct {
		target  Target
		every   bool
		reached string
	}{
		{AtMost(5), false, "yes"},
		{AtMost(5), true, "no"},
		{AtMost(9), true, "yes"},
		{AtLeast(2), false, "yes"},
		{AtLeast(2), true, "no"},
	} {
		row := Figure{Measure: Away, Compare: Alone, Target: tc.target, Every: tc.every}.row("", []Side{{}}, rounds)
		require.Equal(t, tc.reached, row.Reached, "%s, every round: %t", row.Target, tc.every)
		require.Equal(t, 2.0, row.Median)
	}
}

func TestEachRoundIsComparedWithItsBestPeer(t *testing.T) {
	sides := []Side{{Name: "ours"}, {Name: "slow"}, {Name: "fast"}}
	rounds := [][]Sample{
		{{Time: 10, PerSecond: 10}, {Time: 100, PerSecond: 1}, {Time: 50, PerSecond: 2}},
		{{Time: 10, PerSecond: 10}, {Time: 40, PerSecond: 4}, {Time: 50, PerSecond: 2}},
		{{Time: 10, PerSecond: 10}, {Time: 100, PerSecond: 1}, {Time: 20, PerSecond: 5}},
	}
	got := func(r Row) []any { return []any{r.Peer, r.Median, r.Min, r.Max, r.Reached} }
	time := Figure{Measure: Time, Compare: Ratio, Target: AtMost(0.2)}.row("", sides, rounds)
	require.Equal(t, []any{"fast", 0.25, 0.2, 0.5, "no"}, got(time))
	rate := Figure{Measure: PerSecond, Compare: Ratio, Target: AtLeast(2.5)}.row("", sides, rounds)
	require.Equal(t, []any{"fast", 2.5, 2.0, 5.0, "yes"}, got(rate))
}

func TestAFigureAgainstOnePeerKnowsNoOther(t *testing.T) {
	sides := []Side{{Name: "ours"}, {Name: "slow"}, {Name: "fast"}}
	rounds := [][]Sample{{{PerSecond: 10}, {PerSecond: 5}, {PerSecond: 20}}}
	row := Figure{Measure: PerSecond, Compare: Ratio, Target: AtLeast(1.5), Against: "slow"}.row("", sides, rounds)
	require.Equal(t, Row{
		Measure: PerSecond, Compare: Ratio, Target: "≥ 1.5×", Reached: "yes",
		Ours: 10, Peers: map[string]float64{"slow": 5}, Peer: "slow", Median: 2, Min: 2, Max: 2,
	}, row)
	row = Figure{Measure: PerSecond, Compare: Ratio, Against: "fast"}.row("", sides, rounds)
	require.Equal(t, 0.5, row.Median)
}

func TestFiguresCompareAsConfigured(t *testing.T) {
	sides, rounds := []Side{{Name: "ours"}, {Name: "peer"}}, [][]Sample{{{P50: 0.75}, {P50: 0.5}}}
	for compare, want := range map[Compare]float64{Ratio: 1.5, Difference: 0.25, Alone: 0.75} {
		require.Equal(t, want, Figure{Measure: P50, Compare: compare}.row("", sides, rounds).Median, compare)
	}
}

func TestMeasureThatOnlyOursHasIsReportedWithoutPeers(t *testing.T) {
	sides, rounds := []Side{{Name: "ours"}, {Name: "peer"}}, [][]Sample{{{KMSCalls: 1}, {}}}
	row := Figure{Measure: KMSCalls, Compare: Alone, Target: AtMost(1)}.row("", sides, rounds)
	require.Equal(t, Row{
		Measure: KMSCalls, Compare: Alone, Target: "≤ 1", Ours: 1, Median: 1, Min: 1, Max: 1, Reached: "yes",
	}, row)
}

func TestFigureWithoutATargetIsNeitherReachedNorMissed(t *testing.T) {
	row := Figure{Measure: P50, Compare: Alone}.row("", []Side{{}}, [][]Sample{{{P50: 1}}})
	require.Equal(t, "stated", row.Target)
	require.Empty(t, row.Reached)
}

func TestMedians(t *testing.T) {
	require.Equal(t, 2.0, median([]float64{9, 1, 2}))
	require.Equal(t, 1.5, median([]float64{2, 9, 1, 1}))
	require.Equal(t, 7.0, median([]float64{7}))
}

func TestNumbersHaveThreeSignificantDigits(t *testing.T) {
	for value, want := range map[float64]string{
		0: "0", 0.0123456: "0.0123", 1.5: "1.5", 12345: "12300", 1e9: "1000000000", 0.996: "0.996",
	} {
		require.Equal(t, want, short(value))
	}
}

func TestSideThatFailsEndsTheContestAndIsClosed(t *testing.T) {
	broken := errors.New("broken")
	for name, side := range map[string]Side{
		"in its run": {Name: "ours", Run: func(context.Context, time.Duration) (Sample, error) {
			return nil, broken
		}},
		"in preparation": {Name: "ours", Prepare: func(context.Context, time.Duration) error { return broken }},
	} {
		t.Run(name, func(t *testing.T) {
			closed := false
			c := Contest{Name: "a contest", Open: func(context.Context) ([]Side, func() error, error) {
				return []Side{side}, func() error { closed = true; return nil }, nil
			}}
			rows, err := c.Run(t.Context(), Plan{Rounds: 1})
			require.ErrorIs(t, err, broken)
			require.ErrorContains(t, err, "a contest: ours")
			require.Empty(t, rows)
			require.True(t, closed)
		})
	}
}

func TestNothingRunsAfterTheCallerCancels(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var turns []string
	_, err := Contest{Open: opened(given("ours", &turns, 1))}.Run(ctx, Plan{Rounds: 1})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, turns)
}
