package house

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A phase is a phase of make test, with what it prints.
type phase struct{ name, printed string }

// proofs is what the check looks for besides phases.
const proofs = `    --- PASS: TestMainJob/vault (1.00s)
ok  	m/test/sdk	1s
ok  	m/test/clients	1s
ok  	m/test/kubernetes	1s
ok  	m/test/page	1s
ok  	m/test/monitoring	1s
ok  	m/test/cluster	1s
ok  	m/scripts/release	1s
ℹ pass 9
ℹ skipped 0
`

// goodRun returns the phases of scripts/test.sh as they print when nothing is wrong.
func goodRun(t *testing.T) (all []phase) {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(top, "scripts", "test.sh"))
	require.NoError(t, err)
	for _, found := range regexp.MustCompile(`(?m)^run_phase (\w+) `).FindAllStringSubmatch(string(script), -1) {
		printed := "\nDONE 12 tests, 1 skipped in 3.4s\n"
		if isWithoutGoTests(found[1]) {
			printed = "fine\n"
		}
		all = append(all, phase{found[1], printed})
	}
	require.Greater(t, len(all), 10)
	all[len(all)-1].printed += proofs
	return all
}

func isWithoutGoTests(phase string) bool {
	return slices.Contains([]string{"lint", "prepare", "node"}, phase)
}

// ciChecks runs .ci/check.sh on the log of a run.
func ciChecks(t *testing.T, run []phase) (printed string, err error) {
	t.Helper()
	var log strings.Builder
	for _, p := range run {
		fmt.Fprintf(&log, "\nphase %s: some command\n%sphase %[1]s: passed in 7 s\n", p.name, p.printed)
	}
	file := filepath.Join(t.TempDir(), "log")
	require.NoError(t, os.WriteFile(file, []byte(log.String()), 0o600))
	out, err := exec.Command(filepath.Join(top, ".ci", "check.sh"), file).CombinedOutput()
	return string(out), err
}

func TestCIAcceptsARunInWhichEachPhaseHasPassed(t *testing.T) {
	out, err := ciChecks(t, goodRun(t))
	require.NoError(t, err, out)
}

func TestCIRefusesARunWithoutOneOfItsPhases(t *testing.T) {
	for i, missing := range goodRun(t) {
		out, err := ciChecks(t, slices.Delete(goodRun(t), i, i+1))
		require.Error(t, err, missing.name)
		require.Contains(t, out, "no line says that phase "+missing.name+" has passed")
	}
}

func TestCIRefusesAPhaseThatHasRunNoTest(t *testing.T) {
	for i, empty := range goodRun(t) {
		if isWithoutGoTests(empty.name) {
			continue
		}
		run := goodRun(t)
		run[i].printed = strings.Replace(empty.printed, "DONE 12 tests, 1 skipped", "DONE 0 tests", 1)
		out, err := ciChecks(t, run)
		require.Error(t, err, empty.name)
		require.Contains(t, out, "how many tests phase "+empty.name+" has run")
	}
}

func TestCIRefusesASkippedTestThatIsNotOnItsList(t *testing.T) {
	const listed = "=== SKIP: envelope TestTheProcessThatIsDumped (0.00s)\n"
	for name, tc := range map[string]struct {
		printed string
		want    string // Empty if the run is good.
	}{
		"one that is on the list":          {listed, ""},
		"one that is not":                  {listed + "=== SKIP: server TestOther (0.00s)\n", "TestOther"},
		"one whose name begins like it":    {"=== SKIP: envelope TestTheProcessThatIsDumpedTwice (0.00s)\n", "DumpedTwice"},
		"a part of one that is":            {"=== SKIP: . TestTheProcessThatIsDumped/a_part (0.00s)\n", "a_part"},
		"one of a module below this one":   {"=== SKIP: . TestOther (1.25s)\n", "TestOther"},
		"a part of a test, by go test -v":  {"    --- SKIP: TestOther/vault (0.00s)\n", "TestOther/vault"},
		"one on the list that failed once": {"--- SKIP: TestTheProcessThatIsDumped (0.00s)\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			run := goodRun(t)
			run[2].printed = tc.printed + run[2].printed
			out, err := ciChecks(t, run)
			require.Equal(t, tc.want != "", err != nil, out)
			require.Contains(t, out, tc.want)
		})
	}
}

func TestEachTestThatCIAllowsToBeSkippedExists(t *testing.T) {
	list, err := os.ReadFile(filepath.Join(top, ".ci", "skips"))
	require.NoError(t, err)
	entries := regexp.MustCompile(`(?m)^(Test\w+)(?:/\S+)? \S.*\.$`).FindAllStringSubmatch(string(list), -1)
	require.Len(t, entries, strings.Count(string(list), "\nTest"), "each has a reason")
	var all strings.Builder
	for _, s := range sources(t, ".go") {
		all.WriteString(s.content)
	}
	for _, entry := range entries {
		require.Contains(t, all.String(), "\nfunc "+entry[1]+"(", entry[1])
	}
}

// TestATestThatIsSkippedIsNamed runs a test that is skipped with -short by the command of make test.
func TestATestThatIsSkippedIsNamed(t *testing.T) {
	command := exec.Command("scripts/gotest.sh", "-C", "internal", "-short", "-run", "^TestAccumulated", "./xaes")
	command.Dir = top
	out, err := command.CombinedOutput()
	require.NoError(t, err, string(out))
	require.Regexp(t, `(?m)^ok\s+\S+/internal/xaes\s`, string(out))
	require.Regexp(t, `(?m)^=== SKIP: \S+ TestAccumulatedVectors/1,000,000_messages \([0-9.]+s\)$`, string(out))
	require.Regexp(t, `(?m)^DONE 3 tests, 1 skipped in `, string(out))
}
