package gate

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAMeterKnowsTheRateOfTheLastMinute(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name    string
		seconds []int // of requests
		at      int
		want    float64
	}{
		{"nothing yet", nil, 30, 0},
		{"in the same minute", []int{1, 2, 3}, 30, 3.0 / 60},
		{"half of the minute before is over", []int{1, 2, 3, 4}, 90, 2.0 / 60},
		{"of both minutes", []int{1, 2, 61}, 90, 2.0 / 60},
		{"all is long ago", []int{1, 2, 3}, 600, 0},
		{"a minute was left out", []int{1, 2, 130}, 130, 1.0 / 60},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var m meter
			for _, second := range tc.seconds {
				m.count(start.Add(time.Duration(second)*time.Second), true)
			}
			m.count(start.Add(time.Duration(tc.at)*time.Second), false)
			require.InDelta(t, tc.want, m.perSecond(start.Add(time.Duration(tc.at)*time.Second)), 1e-9)
			require.Equal(t, []uint64{uint64(len(tc.seconds)), 1}, []uint64{m.passed, m.refused})
		})
	}
}
