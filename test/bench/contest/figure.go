package contest

import (
	"fmt"
	"slices"
	"strconv"
)

// Compare says how our measure and a peer's become one number.
type Compare string

// How a [Figure] compares.
const (
	Ratio      Compare = "ratio"
	Difference Compare = "difference"
	// Alone ignores the peer.
	Alone Compare = "alone"
)

// A Figure is one number that a contest yields.
type Figure struct {
	Measure Measure
	Compare Compare
	Target  Target
	// Against names the only peer that counts. If it is empty, each round counts its best one.
	Against string
	// Every says that each round should reach the target, and not only their median.
	Every bool
	// Headline says what was compared with what, for a reader of little else. It is empty for most figures; otherwise
	// the figure is a ratio, and higher is better.
	Headline string
}

// Target is what a figure should reach: at least AtLeast, or at most AtMost. If both are nil, the figure is only
// reported.
type Target struct{ AtLeast, AtMost *float64 }

// AtLeast is a lower limit as a target.
func AtLeast(limit float64) Target { return Target{AtLeast: &limit} }

// AtMost is an upper limit as a target.
func AtMost(limit float64) Target { return Target{AtMost: &limit} }

// Row is the result of one figure.
type Row struct {
	Contest string  `json:"contest"`
	Measure Measure `json:"measure"`
	Compare Compare `json:"compare"`
	Target  string  `json:"target"`
	// Ours and Peers are medians of the measures, for orientation. Peer is the best peer of most rounds.
	Ours  float64            `json:"ours"`
	Peers map[string]float64 `json:"peers,omitempty"`
	Peer  string             `json:"peer,omitempty"`
	// Median, Min and Max are over the rounds, each compared with its best peer.
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	// Reached is "yes" or "no", or "" if there is no target.
	Reached string `json:"reached"`
	// Headline is the headline of the figure.
	Headline string `json:"headline,omitempty"`
}

func (f Figure) row(contest string, sides []Side, rounds [][]Sample) Row {
	sides, rounds = f.opposed(sides, rounds)
	row := Row{
		Contest: contest, Measure: f.Measure, Compare: f.Compare, Target: f.Target.describe(f), Headline: f.Headline,
	}
	var values []float64
	best := map[string]int{}
	for _, samples := range rounds {
		peer := f.best(samples)
		best[sides[peer].Name]++
		values = append(values, f.compare(samples[0][f.Measure], samples[peer][f.Measure]))
	}
	row.Ours = median(column(rounds, 0, f.Measure))
	for i, side := range sides[1:] {
		if _, measured := rounds[0][i+1][f.Measure]; !measured {
			continue // Only ours has this measure.
		}
		if row.Peers == nil {
			row.Peers = map[string]float64{}
		}
		row.Peers[side.Name] = median(column(rounds, i+1, f.Measure))
		if best[side.Name] > best[row.Peer] {
			row.Peer = side.Name
		}
	}
	row.Median, row.Min, row.Max = median(values), slices.Min(values), slices.Max(values)
	row.Reached = f.Target.reached(f.judged(row))
	return row
}

// opposed returns ours and the one peer that f is against, or all if it names none.
func (f Figure) opposed(sides []Side, rounds [][]Sample) ([]Side, [][]Sample) {
	i := slices.IndexFunc(sides, func(s Side) bool { return s.Name == f.Against })
	if f.Against == "" || i < 1 {
		return sides, rounds
	}
	var two [][]Sample
	for _, samples := range rounds {
		two = append(two, []Sample{samples[0], samples[i]})
	}
	return []Side{sides[0], sides[i]}, two
}

// best is the index of the best peer, or that of ours if there is none.
func (f Figure) best(samples []Sample) int {
	best := min(1, len(samples)-1)
	for i := 2; i < len(samples); i++ {
		if f.beats(samples[i][f.Measure], samples[best][f.Measure]) {
			best = i
		}
	}
	return best
}

func (f Figure) beats(a, b float64) bool {
	if f.Target.AtMost != nil {
		return a < b
	}
	return a > b
}

func (f Figure) compare(ours, peer float64) float64 {
	switch f.Compare {
	case Ratio:
		return ours / peer
	case Difference:
		return ours - peer
	default:
		return ours
	}
}

// judged is the value that should reach the target.
func (f Figure) judged(r Row) float64 {
	switch {
	case f.Every && f.Target.AtMost != nil:
		return r.Max
	case f.Every:
		return r.Min
	default:
		return r.Median
	}
}

func (t Target) reached(value float64) string {
	met := false
	switch {
	case t.AtLeast != nil:
		met = value >= *t.AtLeast
	case t.AtMost != nil:
		met = value <= *t.AtMost
	default:
		return ""
	}
	if met {
		return "yes"
	}
	return "no"
}

func (t Target) describe(f Figure) string {
	switch {
	case t.AtLeast != nil:
		return "≥ " + f.format(*t.AtLeast)
	case t.AtMost != nil:
		return "≤ " + f.format(*t.AtMost)
	default:
		return "stated"
	}
}

// format prints a compared value.
func (f Figure) format(value float64) string {
	if f.Compare == Ratio {
		return short(value) + "×"
	}
	return short(value)
}

// short prints three significant digits, and no exponent.
func short(value float64) string {
	rounded := fmt.Sprintf("%.3g", value)
	exact, err := strconv.ParseFloat(rounded, 64)
	if err != nil {
		return rounded
	}
	return strconv.FormatFloat(exact, 'f', -1, 64)
}

func column(rounds [][]Sample, side int, m Measure) []float64 {
	var values []float64
	for _, samples := range rounds {
		values = append(values, samples[side][m])
	}
	return values
}

// median is the middle value, or the mean of the two in the middle.
func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	if n%2 == 1 {
		return sorted[n/2]
	}
	return (sorted[n/2-1] + sorted[n/2]) / 2
}
