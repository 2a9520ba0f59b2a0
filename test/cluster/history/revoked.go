package history

import (
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Revoked checks that nothing succeeds with a CMK once an acknowledged request has disabled it, or scheduled its
// deletion, as long as nothing has begun that could have enabled it again.
func Revoked(events []Event) (faults []Fault) {
	byKey := map[string][]Event{}
	for _, e := range events {
		if key := e.about(); key != "" {
			byKey[key] = append(byKey[key], e)
		}
	}
	for key, of := range byKey {
		for _, revocation := range of {
			if revokes(revocation) {
				faults = append(faults, usedAfter(key, revocation, of)...)
			}
		}
	}
	return faults
}

func revokes(e Event) bool {
	return e.Outcome == Done && (e.Op == kmsapi.OpDisableKey || e.Op == kmsapi.OpScheduleKeyDeletion)
}

// mayRestore reports whether a request may have enabled a CMK.
func mayRestore(e Event) bool {
	return e.Outcome != Refused && (e.Op == kmsapi.OpEnableKey || e.Op == kmsapi.OpCancelKeyDeletion)
}

// uses reports whether a request succeeds only with an enabled CMK.
func uses(e Event) bool {
	return e.Outcome == Done && e.Op.Refusal(kmsapi.Disabled) != nil && e.Op.Refusal(kmsapi.PendingDeletion) != nil
}

// usedAfter finds the uses of a CMK that began after its revocation was answered.
func usedAfter(key string, revocation Event, of []Event) (faults []Fault) {
	for _, use := range of {
		if !uses(use) || use.Call <= revocation.Return || restoredBetween(revocation, use, of) {
			continue
		}
		faults = append(faults, Fault{
			fmt.Sprintf("%s succeeded with key %s after %s was acknowledged", use.Op, key, revocation.Op),
			[]Event{revocation, use},
		})
	}
	return faults
}

// restoredBetween reports whether something may have enabled a CMK after its revocation took effect, and before a use
// did.
func restoredBetween(revocation, use Event, of []Event) bool {
	for _, e := range of {
		if mayRestore(e) && e.Return > revocation.Call && e.Call < use.Return {
			return true
		}
	}
	return false
}
