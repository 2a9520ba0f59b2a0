package ops

import (
	"cmp"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// classRow is a class of operations with its rate limit.
type classRow struct {
	Class kmsapi.RateClass
	// Limit is in requests a second.
	Limit               string
	Requests, Throttled float64
}

func classesOf(r reading) (rows []classRow) {
	for _, limit := range r.figures.Limits {
		row := classRow{
			Class: limit.Class, Limit: "none", Requests: r.counts.byClass[limit.Class],
			Throttled: r.counts.throttled[limit.Class],
		}
		if limit.PerSecond >= 0 {
			row.Limit = count(float64(limit.PerSecond))
		}
		rows = append(rows, row)
	}
	return rows
}

// usageTable has the rate limits that are closest to being reached.
type usageTable struct {
	Rows []usageRow
	// Left is how many limits have no row.
	Left int
}

type usageRow struct {
	// Owner is an account or a dedicated gateway.
	Owner, Region string
	Class         kmsapi.RateClass
	PerSecond     string
	Limit         float64
	// Share is how much of the limit was used, as a percentage, and Bar the same as a number from 0 to 100.
	Share           string
	Bar             int
	Passed, Refused float64
}

func usageOf(all []Usage) (t usageTable) {
	share := func(u Usage) float64 { return u.PerSecond / float64(max(u.Limit, 1)) }
	slices.SortFunc(all, func(a, b Usage) int {
		return cmp.Or(cmp.Compare(share(b), share(a)), cmp.Compare(b.Refused, a.Refused), cmp.Compare(b.Passed, a.Passed),
			cmp.Compare(a.Account, b.Account), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Gateway, b.Gateway),
			cmp.Compare(a.Class, b.Class))
	})
	t.Left = max(len(all)-maxUsage, 0)
	for _, u := range all[:len(all)-t.Left] {
		t.Rows = append(t.Rows, usageRow{
			Owner: cmp.Or(shown(u.Account), "gateway "+shown(u.Gateway)), Region: shown(u.Region), Class: u.Class,
			PerSecond: average(u.PerSecond), Limit: float64(u.Limit), Share: percent(u.PerSecond, float64(u.Limit)),
			Bar: min(int(100*share(u)+0.5), 100), Passed: float64(u.Passed), Refused: float64(u.Refused),
		})
	}
	return t
}

// maxUsage is how many rate limits the page shows at most.
const maxUsage = 10
