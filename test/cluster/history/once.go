package history

import (
	"fmt"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A Letter is a signed request that was sent several times, byte for byte the same.
type Letter struct {
	// Op is CreateKey, whose effect can be counted in the end, or one whose answer alone shows that it was accepted.
	Op kmsapi.Operation
	// Description is the description of the CMK that it creates. No other CMK has it.
	Description string
	Deliveries  []Event
}

// accepted are the deliveries that were answered with success.
func (l Letter) accepted() (all []Event) {
	for _, e := range l.Deliveries {
		if e.Outcome == Done {
			all = append(all, e)
		}
	}
	return all
}

// inDoubt reports whether the outcome of a delivery is unknown.
func (l Letter) inDoubt() bool {
	return slices.ContainsFunc(l.Deliveries, func(e Event) bool { return e.Outcome == Unknown })
}

// Once checks that no letter was accepted twice. created counts the CMKs that exist in the end, by description; nil
// leaves them out.
func Once(letters []Letter, created map[string]int) (faults []Fault) {
	for _, l := range letters {
		if accepted := l.accepted(); len(accepted) > 1 {
			faults = append(faults, Fault{"a signed request was accepted more than once", accepted})
		}
		if n := created[l.Description]; l.Op == kmsapi.OpCreateKey && n > 1 {
			faults = append(faults, Fault{
				fmt.Sprintf("a signed request created %d keys with the description %s", n, l.Description), l.Deliveries,
			})
		}
	}
	return faults
}
