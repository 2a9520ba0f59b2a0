package ops

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
)

// maxCounts is how many rows a table of counts has at most.
const maxCounts = 12

// countTable has numbers by name, the highest first.
type countTable struct {
	Rows []countRow
	// Left is how many names have no row, and Rest the sum of their numbers.
	Left int
	Rest float64
}

type countRow struct {
	Name   string
	Number float64
}

func countsOf(numbers map[string]float64) (t countTable) {
	names := slices.SortedFunc(maps.Keys(numbers), func(a, b string) int {
		return cmp.Or(cmp.Compare(numbers[b], numbers[a]), strings.Compare(a, b))
	})
	for i, name := range names {
		if i < maxCounts {
			t.Rows = append(t.Rows, countRow{words(shown(name)), numbers[name]})
		} else {
			t.Left++
			t.Rest += numbers[name]
		}
	}
	return t
}

// certificateTable has the certificates in use, in the order of expiry.
type certificateTable struct {
	Rows []certificateRow
	Left int
}

type certificateRow struct {
	// What says which certificate it is, such as "of gateway shared".
	What string
	// TLS is false for a gateway that speaks plain HTTP.
	TLS bool
	// Left is how much longer it is valid, such as "364 days".
	Left      string
	Expires   moment
	Bad, Soon bool
}

func certificatesOf(all []Certificate, now time.Time) (t certificateTable) {
	const never = 1 << 62
	order := func(c Certificate) int64 {
		if c.Expires.IsZero() {
			return never
		}
		return c.Expires.Unix()
	}
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b Certificate) int { return cmp.Compare(order(a), order(b)) })
	t.Left = max(len(all)-maxRows, 0)
	for _, c := range all[:len(all)-t.Left] {
		row := certificateRow{
			What: c.words(), TLS: !c.Expires.IsZero(), Left: "expired",
			Expires: momentOf(c.Expires, now, ""),
			Bad:     c.expired(now), Soon: c.expiresSoon(now),
		}
		if !row.Bad {
			row.Left = span(c.Expires.Sub(now))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}
