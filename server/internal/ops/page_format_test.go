package ops

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpans(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Second: "0 s", 59 * time.Second: "59 s", 61 * time.Second: "1 min", 90 * time.Minute: "1 h 30 min",
		24 * time.Hour: "1 day", 25 * time.Hour: "1 day 1 h", 7*day - time.Second: "6 days 23 h", 7 * day: "7 days",
		10*day + time.Hour: "10 days", 12345 * day: "12,345 days",
	} {
		require.Equal(t, want, span(d))
	}
}

func TestMoments(t *testing.T) {
	at := now.Add(3 * time.Hour)
	require.Equal(t, moment{"in 3 h 0 min", "2026-11-22 12:00 UTC", "2026-11-22T12:00:00Z"}, momentOf(at, now, overdue))
	require.Equal(t, "overdue 2 h 0 min", momentOf(at, at.Add(2*time.Hour), overdue).Away)
	require.Equal(t, "overdue 0 s", momentOf(at, at, overdue).Away)
	elsewhere := at.In(time.FixedZone("", 8*3600))
	require.Equal(t, momentOf(at, now, ""), momentOf(elsewhere, now, ""))
}

func TestNumbers(t *testing.T) {
	for n, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567"} {
		require.Equal(t, want, count(n))
	}
	for n, want := range map[int64]string{
		0: "0 B", 999: "999 B", 65536: "65.5 kB", 212_300_000: "212 MB", 1_500_000_000: "1.5 GB", 1 << 62: "4611686 TB",
	} {
		require.Equal(t, want, bytesOf(n))
	}
	for n, want := range map[float64]string{0: "0", 0.01: "< 0.1", 0.2: "0.2", 99.94: "99.9", 1234: "1,234"} {
		require.Equal(t, want, average(n))
	}
	for part, want := range map[float64]string{0: "0 %", 0.5: "< 0.1 %", 11: "1.1 %", 500: "50 %", 1000: "100 %"} {
		require.Equal(t, want, percent(part, 1000))
	}
	require.Equal(t, "0 %", percent(0, 0))
}

func TestNamesAreShownWithoutWhatCannotBeSeen(t *testing.T) {
	require.Equal(t, "a�b�", shown("a\u202eb\x00"))
	require.Equal(t, "�", shown("\xff"))
	require.Len(t, []rune(shown(string(make([]rune, 1000)))), maxName)
	require.Equal(t, "密钥 1", shown("密钥 1"))
}
