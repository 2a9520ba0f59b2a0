package ops

import (
	"cmp"
	"slices"
	"time"
)

// eventTable has the next events.
type eventTable struct {
	Rows []eventRow
	// Kinds says that the rows have different values of What.
	Kinds bool
	// More says that there are later events.
	More bool
}

type eventRow struct {
	At                         moment
	What, Key, Account, Region string
	Overdue                    bool
}

// overdue is the page's word for an event that should already have happened.
const overdue = "overdue"

var lossNames = map[string]string{"deletion": "key deleted", "material": "material expires"}

// lossesOf returns the deletions of keys and secrets and the expiries of material, in the order of time.
func lossesOf(r Records, now time.Time) eventTable {
	all := slices.Concat(r.Losses, r.SecretDeletions)
	slices.SortStableFunc(all, func(a, b Event) int { return a.At.Compare(b.At) })
	t := eventsOf(all, now, func(e Event) string {
		if e.KeyID == "" {
			return "secret deleted"
		}
		return cmp.Or(lossNames[e.Loss], "unknown")
	})
	t.Kinds = true
	return t
}

func rotationsOf(r Records, now time.Time) eventTable {
	return eventsOf(r.Rotations, now, func(Event) string { return "" })
}

func eventsOf(events []Event, now time.Time, what func(Event) string) (t eventTable) {
	for i, e := range events {
		if i == maxEvents {
			t.More = true
			break
		}
		t.Rows = append(t.Rows, eventRow{
			At: momentOf(e.At, now, overdue), What: what(e), Key: shown(e.KeyID), Account: shown(e.Account),
			Region: shown(e.Region), Overdue: !e.At.After(now),
		})
	}
	return t
}
