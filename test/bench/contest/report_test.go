package contest

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

var someReport = Report{
	Command: "make bench", Date: "2026-11-26 01:00:00 UTC", Commit: "abc", Go: "go1.26", CPU: "a CPU", Cores: 2,
	OS: "Linux 6", Vault: "Vault v1", Rounds: 5, Duration: "2s",
	Contests: []Row{
		{
			Contest: "client", Measure: Time, Compare: Ratio, Target: "≤ 0.2×", Reached: "no",
			Ours: 8.4712, Peers: map[string]float64{"a": 50, "b": 40}, Peer: "b", Median: 0.21, Min: 0.2, Max: 0.25,
		},
		{
			Contest: "service", Measure: PerSecond, Compare: Ratio, Reached: "yes", Headline: "the service against A & B",
			Ours: 30, Peers: map[string]float64{"a": 10}, Peer: "a", Median: 3, Min: 2.5, Max: 3.5, Target: "≥ 2×",
		},
		{
			Contest: "engine", Measure: KMSCalls, Compare: Alone, Target: "≤ 1", Reached: "yes",
			Ours: 1, Median: 1, Min: 1, Max: 1,
		},
	},
	Unmeasured: []string{"service: it did not start"},
}

const someTable = "`make bench`, 2026-11-26 01:00:00 UTC, commit abc. " +
	"a CPU, 2 cores, Linux 6, go1.26; Vault v1. Medians of 5 rounds of 2s.\n" + `
| contest | measure | ours | peer | result (min to max) | to reach | reached |
|---|---|---|---|---|---|---|
| client | µs | 8.47 | b 40, a 50 | 0.21× (0.2× to 0.25×) | ≤ 0.2× | **no** |
| service | requests/s | 30 | a 10 | 3× (2.5× to 3.5×) | ≥ 2× | yes |
| engine | KMS calls a request | 1 |  | 1 (1 to 1) | ≤ 1 | yes |

Not measured: service: it did not start
`

func TestTableMarksWhatWasReachedAndWhatWasNot(t *testing.T) {
	require.Equal(t, someTable, someReport.Table())
}

func TestTableReplacesTheLastOne(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	const before, after = "# Performance\n\n", "\n\n## More\n"
	require.NoError(t, os.WriteFile(path, []byte(before+begin+"\nan old table\n"+end+after), 0o600))
	for range 2 {
		require.NoError(t, someReport.WriteTable(path))
		written, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, before+begin+"\n\n"+someTable+"\n"+end+after, string(written))
	}
}

func TestHeadlinesReplaceTheLastOnes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.md")
	require.NoError(t, os.WriteFile(path, []byte(beginHeadlines+"old"+endHeadlines+"\n"+begin+"old"+end+"\n"), 0o600))
	for range 2 {
		require.NoError(t, someReport.WriteTable(path))
		written, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(written), beginHeadlines+"\n\n| what was compared | times as fast | from run to run |\n"+
			"|---|---|---|\n| the service against A & B | **3×** | 2.5 to 3.5 |\n\n"+endHeadlines)
	}
}

// A browser shows no part of an SVG file that is not well-formed XML.
func TestThePlotIsXMLWithABarForEachHeadline(t *testing.T) {
	path := filepath.Join(t.TempDir(), "plot.svg")
	require.NoError(t, someReport.WritePlot(path))
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	bars := 0
	for decoder := xml.NewDecoder(file); ; {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		if element, ok := token.(xml.StartElement); ok && element.Name.Local == "rect" {
			bars++
		}
	}
	require.Equal(t, len(someReport.Headlines()), bars)
}

func TestDocumentWithoutMarkersIsLeftUnchanged(t *testing.T) {
	for _, document := range []string{"", begin, end, end + begin} {
		path := filepath.Join(t.TempDir(), "performance.md")
		require.NoError(t, os.WriteFile(path, []byte(document), 0o600))
		require.Error(t, someReport.WriteTable(path))
		left, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, document, string(left))
	}
}

func TestDocsHaveTheMarkers(t *testing.T) {
	document, err := os.ReadFile("../../../docs/performance.md")
	require.NoError(t, err)
	require.Contains(t, string(document), begin)
	require.Contains(t, string(document), end)
	require.Contains(t, string(document), beginHeadlines)
	require.Contains(t, string(document), endHeadlines)
}

func TestJSONHoldsTheWholeReport(t *testing.T) {
	path := filepath.Join(t.TempDir(), "performance.json")
	require.NoError(t, someReport.WriteJSON(path))
	encoded, err := os.ReadFile(path)
	require.NoError(t, err)
	var read Report
	require.NoError(t, json.Unmarshal(encoded, &read))
	require.Equal(t, someReport, read)
}
