package contest

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
)

// Report is the result of one run.
type Report struct {
	Command    string   `json:"command"`
	Date       string   `json:"date"`
	Commit     string   `json:"commit"`
	Go         string   `json:"go"`
	CPU        string   `json:"cpu"`
	Cores      int      `json:"cores"`
	OS         string   `json:"os"`
	Vault      string   `json:"vault"`
	Rounds     int      `json:"rounds"`
	Duration   string   `json:"duration"`
	Contests   []Row    `json:"contests"`
	Unmeasured []string `json:"unmeasured,omitempty"`
}

// WriteJSON writes r to a file.
func (r Report) WriteJSON(path string) error {
	encoded, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(encoded, '\n'), 0o644)
}

// Table is r in Markdown.
func (r Report) Table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "`%s`, %s, commit %s. %s, %d cores, %s, %s; %s. Medians of %d rounds of %s.\n\n",
		r.Command, r.Date, r.Commit, r.CPU, r.Cores, r.OS, r.Go, r.Vault, r.Rounds, r.Duration)
	b.WriteString("| contest | measure | ours | peer | result (min to max) | to reach | reached |\n")
	b.WriteString("|---|---|---|---|---|---|---|\n")
	for _, row := range r.Contests {
		b.WriteString(row.line())
	}
	for _, reason := range r.Unmeasured {
		fmt.Fprintf(&b, "\nNot measured: %s\n", reason)
	}
	return b.String()
}

func (r Row) line() string {
	f := Figure{Compare: r.Compare}
	result := fmt.Sprintf("%s (%s to %s)", f.format(r.Median), f.format(r.Min), f.format(r.Max))
	reached := r.Reached
	if reached == "no" {
		reached = "**no**"
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s | %s |\n",
		r.Contest, r.Measure, short(r.Ours), r.peers(), result, r.Target, reached)
}

// peers lists the peers with their medians, beginning with the one that ours was compared with.
func (r Row) peers() string {
	var peers []string
	for name, value := range r.Peers {
		peers = append(peers, fmt.Sprintf("%s %s", name, short(value)))
	}
	slices.SortFunc(peers, func(a, b string) int {
		if mine := strings.HasPrefix(a, r.Peer+" "); mine != strings.HasPrefix(b, r.Peer+" ") {
			if mine {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return strings.Join(peers, ", ")
}

// These lines enclose the table in a document, and the headlines.
const (
	begin          = "<!-- make bench writes what follows -->"
	end            = "<!-- make bench wrote what precedes -->"
	beginHeadlines = "<!-- make bench writes these headlines -->"
	endHeadlines   = "<!-- make bench wrote these headlines -->"
)

// WriteTable replaces the table in a document, and the list of headlines if the document has a place for it.
func (r Report) WriteTable(path string) error {
	read, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	document, found := between(string(read), begin, end, r.Table())
	if !found {
		return fmt.Errorf("%s has no place for the table: it needs the lines %q and %q", path, begin, end)
	}
	document, _ = between(document, beginHeadlines, endHeadlines, r.HeadlineTable())
	return os.WriteFile(path, []byte(document), 0o644)
}

// between puts content between two lines of a document, in place of what is there.
func between(document, begin, end, content string) (changed string, found bool) {
	before, rest, opened := strings.Cut(document, begin)
	_, after, closed := strings.Cut(rest, end)
	if !opened || !closed {
		return document, false
	}
	return before + begin + "\n\n" + content + "\n" + end + after, true
}
