package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A cmkAction moves a CMK to another state. It can be repeated.
type cmkAction struct {
	// done completes the sentence "These KMS keys are ...".
	done string
	send func(ctx context.Context, c *connection, cmk string) error
	// wasDone reports whether KMS has refused because the CMK is in that state already. It is nil if KMS never does.
	wasDone func(ctx context.Context, c *connection, cmk storedCMK, refused error) bool
	// remark is a warning about CMKs, of several, that were in that state before. It may be empty.
	remark string
	// isCautious says that the action stops at the first failure, because half of it done is worse than nothing.
	isCautious bool
	// isSilent says that its answer is empty.
	isSilent bool
}

// sending is the send of an action that is one operation and shows nothing of its answer.
func sending[A any](
	request func(cmk string) kmsapi.RequestFor[A],
) func(ctx context.Context, c *connection, cmk string) error {
	return func(ctx context.Context, c *connection, cmk string) error {
		_, err := call(ctx, c, request(cmk))
		return err
	}
}

// cmkStates is the outcome of an action on the CMKs of a key.
type cmkStates struct {
	name, newest string
	// done are the CMKs in the wanted state, the oldest first; before are those of them that were in it already.
	done, before []string
	// touched are the CMKs whose state may have changed without other nodes knowing.
	touched []string
	// aside are earlier CMKs that can't be brought into the state. err says why the first of the other CMKs was not.
	aside []failedCMK
	err   error
	// failed are the ids of the CMKs that failed, and of those that were then not tried.
	failed []string
	action *cmkAction
	// data holds the other fields of the answer.
	data map[string]any
}

type failedCMK struct {
	id  string
	err error
}

// run acts on all CMKs of a key, the oldest first.
func (a *cmkAction) run(ctx context.Context, conn *connection, k target) *cmkStates {
	return a.runOn(ctx, conn, k, k.entry.cmks()...)
}

// runOn acts on the given CMKs of a key.
func (a *cmkAction) runOn(ctx context.Context, conn *connection, k target, cmks ...storedCMK) *cmkStates {
	states := &cmkStates{name: k.name, newest: k.entry.KeyID, action: a}
	for i, cmk := range cmks {
		c := conn.of(cmk.Instance)
		err := withTarget(a.send(ctx, c, cmk.cmk()), target{k.name, &keyEntry{storedCMK: cmk}})
		wasDone := err != nil && a.wasDone != nil && a.wasDone(ctx, c, cmk, err)
		states.note(cmk.KeyID, err, wasDone)
		if states.err != nil && (a.isCautious || isEverywhere(err)) {
			states.failed = append(states.failed, ids(cmks[i+1:])...)
			break
		}
	}
	return states
}

// note records KMS's answer for a CMK.
func (s *cmkStates) note(cmk string, err error, wasDone bool) {
	if wasDone || !surelyNotDone(err) {
		s.touched = append(s.touched, cmk)
	}
	switch {
	case err == nil:
		s.done = append(s.done, cmk)
	case wasDone:
		s.done, s.before = append(s.done, cmk), append(s.before, cmk)
		if cmk == s.newest && s.err == nil && len(s.done) == len(s.before) {
			s.err = err // There was nothing left to do.
		}
	case cmk != s.newest && s.action.isOutOfPlay(err):
		s.aside = append(s.aside, failedCMK{cmk, err})
	default:
		if s.err == nil {
			s.err = err
		}
		s.failed = append(s.failed, cmk)
	}
}

// isOutOfPlay reports whether KMS can't change the state of a CMK: because it was deleted or, unless the action is
// cautious, because it is being deleted or has no key material.
func (a *cmkAction) isOutOfPlay(err error) bool {
	refused, ok := errors.AsType[*kmsapi.Error](err)
	return errors.Is(err, kmsapi.ErrKeyNotFound) || ok && refused.Kind() == kmsapi.KindState && !a.isCautious
}

// isEverywhere reports whether a call failed for a reason that applies to every CMK.
func isEverywhere(err error) bool {
	refused, ok := errors.AsType[*kmsapi.Error](err)
	return isAboutAll(err) && (!ok || refused.Kind() != kmsapi.KindTemporary)
}

// A stateHandler acts on the CMKs of a key.
type stateHandler func(context.Context, *logical.Request, *connection, target, *framework.FieldData) (*cmkStates, error)

// changeStates adapts a handler that changes the state of a key's CMKs. KMS is called first. If it may have changed
// anything, all names of the CMKs in this mount get a new generation, so that other nodes learn of it. Only then is the
// caller answered.
func (b *backend) changeStates(
	reserve func(context.Context, string) (release func(), err error), handle stateHandler,
) framework.OperationFunc {
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		conn, err := b.connection(ctx, req)
		if err != nil {
			return nil, err
		}
		var states *cmkStates
		_, err = reserving(reserve, ofStored(func(
			ctx context.Context, req *logical.Request, k target, d *framework.FieldData,
		) (_ *logical.Response, err error) {
			states, err = handle(ctx, req, conn, k, d)
			return nil, err
		}))(ctx, req, d)
		if err != nil {
			return nil, err
		}
		return states.answer(b, req, b.renewTouched(ctx, req, touchedCMKs{name: states.name, ids: states.touched}))
	}
}

// awaitKey is reserveKey for a request that must not fail because of another one that will end soon.
func (b *backend) awaitKey(ctx context.Context, name string) (release func(), err error) {
	patient, cancel := context.WithTimeout(ctx, b.process.patience)
	defer cancel()
	release, err = b.changing.Wait(patient, keyPrefix+name)
	if err != nil && ctx.Err() == nil {
		return b.reserveKey(name) // It says why it can't.
	}
	return release, err
}

// answer returns the response to the caller. unstored says why other nodes may not know of the change yet, and may be
// nil.
func (s *cmkStates) answer(b *backend, req *logical.Request, unstored error) (*logical.Response, error) {
	if s.err != nil {
		return nil, withProgress(s.err, s.progress(unstored))
	}
	if unstored != nil {
		return nil, refusal.Internal("%s", s.progress(unstored))
	}
	if s.action.isSilent {
		return nil, nil
	}
	resp := &logical.Response{Data: map[string]any{"key_ids": s.done}}
	maps.Copy(resp.Data, s.data)
	if s.action.remark != "" && len(s.before) > 0 {
		resp.AddWarning(s.action.remark + ": " + strings.Join(s.before, ", "))
	}
	for _, other := range s.aside {
		resp.AddWarning(fmt.Sprintf("The earlier KMS key %s stays as it is: %s", other.id, b.coded(req, other.err)))
	}
	return resp, nil
}

// progress says, if there are several CMKs, which of them failed and which are done.
func (s *cmkStates) progress(unstored error) string {
	var parts []string
	if len(s.done)+len(s.aside)+len(s.failed) > 1 || s.err == nil {
		if len(s.done) > 0 {
			parts = append(parts, fmt.Sprintf("These KMS keys are %s: %s.", s.action.done, strings.Join(s.done, ", ")))
		}
		if len(s.failed) > 0 {
			parts = append(parts, fmt.Sprintf("These may not be: %s; send the same request again to finish it.",
				strings.Join(s.failed, ", ")))
		}
		if len(s.aside) > 0 {
			parts = append(parts, fmt.Sprintf("These can't be: %s.", strings.Join(s.asideIDs(), ", ")))
		}
	}
	if unstored != nil {
		parts = append(parts, unstored.Error())
	}
	return refusal.Sentences(parts...)
}

func (s *cmkStates) asideIDs() (ids []string) {
	for _, other := range s.aside {
		ids = append(ids, other.id)
	}
	return ids
}
