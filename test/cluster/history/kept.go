package history

import (
	"fmt"
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Listed are all CMKs and aliases that the service lists in the end.
type Listed struct {
	// Keys are descriptions of CMKs by their ids, and Aliases ids of CMKs by alias.
	Keys, Aliases map[string]string
}

// Descriptions says how many CMKs have each description.
func (l Listed) Descriptions() map[string]int {
	count := map[string]int{}
	for _, description := range l.Keys {
		count[description]++
	}
	return count
}

// Kept checks that all CMKs that were listed before the history, and all whose creation was acknowledged, are listed
// after it, that any other one comes from a creation whose outcome is unknown, at most one from each, and that no alias
// is listed whose CMK is not. [Linearizable] judges what became of each CMK, by requests at the end that read all of
// them.
func Kept(events []Event, letters []Letter, before, listed Listed) (faults []Fault) {
	born, unsure := creations(events, letters)
	for id := range before.Keys {
		born[id] = Event{Op: kmsapi.OpCreateKey, Key: id, Outcome: Done}
	}
	for id, e := range born {
		if _, ok := listed.Keys[id]; !ok {
			faults = append(faults, Fault{"key " + id + " was acknowledged, and is gone", []Event{e}})
		}
	}
	for _, id := range slices.Sorted(maps.Keys(listed.Keys)) {
		if _, ok := born[id]; ok {
			continue
		}
		description := listed.Keys[id]
		if unsure[description] == 0 {
			faults = append(faults, Fault{fmt.Sprintf("nobody has created the key %s, %q", id, description), nil})
		}
		unsure[description]--
	}
	for name, id := range listed.Aliases {
		if _, ok := listed.Keys[id]; !ok {
			faults = append(faults, Fault{fmt.Sprintf("alias %s names the key %s, which is not listed", name, id), nil})
		}
	}
	return faults
}

// creations returns the events that have created CMKs, by id, and how many creations of each description may have
// taken effect without an answer. A letter creates one CMK, however often it was sent.
func creations(events []Event, letters []Letter) (born map[string]Event, unsure map[string]int) {
	born, unsure = map[string]Event{}, map[string]int{}
	for _, e := range events {
		switch {
		case e.Op == kmsapi.OpCreateKey && e.Outcome == Done:
			born[e.Key] = e
		case e.Op == kmsapi.OpCreateKey && e.Outcome == Unknown:
			unsure[e.Description]++
		}
	}
	for _, l := range letters {
		if l.Op != kmsapi.OpCreateKey {
			continue
		}
		for _, e := range l.accepted() {
			born[e.Key] = e
		}
		if len(l.accepted()) == 0 && l.inDoubt() {
			unsure[l.Description]++
		}
	}
	return born, unsure
}
