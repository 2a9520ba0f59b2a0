package history

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A Fault is what a checker has found wrong.
type Fault struct {
	// What says what is wrong, and Events are those that show it.
	What   string
	Events []Event
}

// String has all events, one a line.
func (f Fault) String() string {
	s := f.What
	for _, e := range f.Events {
		s += "\n" + e.String()
	}
	return s
}

// Linearizable checks the events of each world on its own. limit is the time for one world; a world that is not decided
// in it is a fault too, since nothing is known of it.
func Linearizable(events []Event, limit time.Duration) (faults []Fault) {
	worlds := byWorld(events)
	for _, number := range slices.Sorted(maps.Keys(worlds)) {
		of := worlds[number]
		model := worldOf(of).model()
		switch porcupine.CheckOperationsTimeout(model, operations(of), limit) {
		case porcupine.Illegal:
			faults = append(faults, Fault{fmt.Sprintf("no order of the requests explains world %d", number), of})
		case porcupine.Unknown:
			faults = append(faults, Fault{fmt.Sprintf("world %d was not decided within %s", number, limit), of})
		}
	}
	return faults
}

func byWorld(events []Event) map[int][]Event {
	worlds := map[int][]Event{}
	for _, e := range events {
		worlds[e.World] = append(worlds[e.World], e)
	}
	return worlds
}

// worldOf is the world of some events: the CMKs that they have created, and all aliases that they name.
func worldOf(events []Event) World {
	keys, aliases := map[string]bool{}, map[string]bool{}
	for _, e := range events {
		if e.Op == kmsapi.OpCreateKey && e.Outcome == Done {
			keys[e.Key] = true
		}
		if e.Alias != "" {
			aliases[e.Alias] = true
		}
	}
	return World{Keys: slices.Sorted(maps.Keys(keys)), Aliases: slices.Sorted(maps.Keys(aliases))}
}

// operations are events as porcupine takes them, without those that tell nothing.
func operations(events []Event) (all []porcupine.Operation) {
	for _, e := range events {
		if e.Outcome == Unknown && (!e.Changes() || e.Op == kmsapi.OpCreateKey) {
			continue
		}
		all = append(all, porcupine.Operation{
			ClientId: e.Caller, Input: e, Call: int64(e.Call), Output: e.Outcome, Return: int64(e.Return),
		})
	}
	return all
}

// model is a world for porcupine.
func (w World) model() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{} },
		Step: func(before, input, _ any) (bool, any) {
			after, ok := step(w, before.(state), input.(Event))
			return ok, after
		},
		DescribeOperation: func(input, _ any) string { return input.(Event).String() },
		DescribeState:     func(s any) string { return fmt.Sprintf("%+v", s) },
	}
}
