package main

import (
	"io"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOnlyACompleteRunIsWrittenIntoTheDocs(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		docs bool
	}{
		"all":             {nil, true},
		"more rounds":     {[]string{"-rounds=7"}, true},
		"too few rounds":  {[]string{"-rounds=4"}, false},
		"some contests":   {[]string{"-only=client"}, false},
		"fewer keys":      {[]string{"-keys=1000"}, false},
		"some, on demand": {[]string{"-only=client", "-json=here.json", "-table=here.md"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			set, err := parse(append(tc.args, "-root=/source"), io.Discard)
			require.NoError(t, err)
			require.Equal(t, tc.docs, set.json == filepath.Join("/source", "docs", "performance.json"))
			require.Equal(t, tc.docs, set.plot == filepath.Join("/source", "docs", "images", "performance.svg"))
			require.Equal(t, tc.docs, set.table == filepath.Join("/source", "docs", "performance.md"))
		})
	}
}

func TestInvalidFlagsAreRefused(t *testing.T) {
	for _, arg := range []string{
		"-rounds=0", "-duration=0s", "-duration=-1s", "-only=(", "client", "-unknown", "-keys=0", "-keys=15",
	} {
		_, err := parse([]string{arg}, io.Discard)
		require.Error(t, err, arg)
	}
}

func TestCommandIsReportedAsTyped(t *testing.T) {
	require.Equal(t, "make bench", commandLine([]string{"-root=/source", "-vault=/bin/vault"}))
	args := []string{"-root=/source folder", "-vault=v", "-only", "a|b", "-rounds", "7"}
	require.Equal(t, `make bench BENCH_FLAGS="-only 'a|b' -rounds 7"`, commandLine(args))
}

func TestMetricOfABenchmarkIsFound(t *testing.T) {
	b := goBenchmark{name: "BenchmarkUpdate", metric: "updates/s"}
	rate, err := b.read("goos: linux\n" +
		"BenchmarkUpdate/c=64-2   \t  1234\t  801.5 ns/op\t 28800 updates/s\t 5 B/op\nPASS\n")
	require.NoError(t, err)
	require.InDelta(t, 28800, rate, 0)
	rate, err = b.read("BenchmarkUpdate/c=1 \t 10\t 1.2e+06 ns/op\t 1.5e+03 updates/s\n")
	require.NoError(t, err)
	require.InDelta(t, 1500, rate, 0)
	_, err = b.read("PASS\n")
	require.Error(t, err)
}

// The flag -only and the rows of earlier runs refer to contests by name.
func TestContestNamesAreUnique(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range (&stage{}).contests() {
		require.False(t, seen[c.Name], c.Name)
		seen[c.Name] = true
		require.NotEmpty(t, c.Figures, c.Name)
	}
	require.NotEmpty(t, seen)
	for _, h := range headlines {
		require.True(t, seen[h.contest], h.contest)
	}
}
