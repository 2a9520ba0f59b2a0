package keyring

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Overview is a summary of the records of all scopes for operators, as of one time.
type Overview struct {
	// Keys is the number of CMKs in each group that has any.
	Keys map[Group]int
	// Secrets is the number of secrets in each scope that has any, including those whose deletion is scheduled.
	Secrets map[Scope]int
	// Losses are the next deletions of CMKs and expiries of imported material, SecretDeletions the next deletions of
	// secrets, and Rotations the next automatic rotations, each in the order of time. Overdue events are included until
	// a sweep has handled them.
	Losses, SecretDeletions, Rotations []Event
}

// Event is something that will happen to a CMK or a secret without a request.
type Event struct {
	Scope
	// ID is the id of the CMK or the name of the secret.
	ID string
	At time.Time
	// Loss is set only in Overview.Losses.
	Loss Loss
}

// Loss is what an [Event] takes from a CMK.
type Loss string

// The losses.
const (
	// LossOfKey is the deletion of a CMK.
	LossOfKey Loss = "deletion"
	// LossOfMaterial is the expiry of imported material.
	LossOfMaterial Loss = "material"
	// LossUnknown is the loss of a CMK whose record can't be read or does not match the date.
	LossUnknown Loss = "unknown"
)

// Overview summarizes all records at now. It reads and returns at most atMost events of each kind. It does not walk
// over CMKs or secrets: every change maintains their numbers. With an error, it returns what could be read.
func (k *Keyring) Overview(ctx context.Context, now time.Time, atMost int) (o Overview, err error) {
	err = k.store.View(ctx, func(r store.Reader) error {
		var errs [5]error
		o.Keys, errs[0] = countByState(r, now)
		o.Secrets, errs[1] = countSecrets(r, now)
		o.Losses, errs[2] = nextEvents(r, duePrefix, atMost)
		o.SecretDeletions, errs[3] = nextEvents(r, secretDuePrefix, atMost)
		o.Rotations, errs[4] = nextEvents(r, rotationPrefix, atMost)
		for i, event := range o.Losses {
			o.Losses[i].Loss = lossAt(r, event)
		}
		return errors.Join(errs[:]...)
	})
	return o, err
}

// lossAt is what a CMK loses by an event.
func lossAt(r store.Reader, event Event) Loss {
	cmk, err := Reader{store: r, scope: event.Scope}.stored(event.ID)
	switch {
	case err != nil || !cmk.Lifecycle.Due().Equal(event.At):
		return LossUnknown
	case cmk.Lifecycle.State == kmsapi.PendingDeletion && cmk.Lifecycle.DeleteDate.Equal(event.At):
		return LossOfKey
	default:
		return LossOfMaterial
	}
}

// nextEvents returns the first events in the records below prefix, which are ordered by time.
func nextEvents(r store.Reader, prefix string, atMost int) (events []Event, err error) {
	if atMost < 1 {
		return nil, nil
	}
	err = r.Scan(prefix, "", func(path string, _ []byte) (bool, error) {
		text, due, err := parseDue(path)
		if err != nil {
			return false, err
		}
		at, err := time.Parse(dueTime, text)
		if err != nil {
			return false, fmt.Errorf("record %s: %w", path, err)
		}
		events = append(events, Event{Scope: due.scope, ID: due.keyID, At: at})
		return len(events) < atMost, nil
	})
	return events, err
}
