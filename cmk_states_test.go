package alicloudkms

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A verb is a request that changes the state of a key.
type verb struct {
	op   logical.Operation
	path string
	// arrange brings enabled CMKs into a state that the verb changes.
	arrange func(*directKMS, ...string)
	sends   kmsapi.Operation
	state   kmsapi.KeyState
}

func (v verb) do(r *rig) (*logical.Response, error) { return r.try(v.op, v.path, nil) }

func scheduled(k *directKMS, cmks ...string) {
	for _, cmk := range cmks {
		k.do(&kmsapi.ScheduleKeyDeletionRequest{KeyId: cmk, PendingWindowInDays: 30})
	}
}

func disabled(k *directKMS, cmks ...string) {
	for _, cmk := range cmks {
		k.do(&kmsapi.DisableKeyRequest{KeyId: cmk})
	}
}

func asTheyAre(*directKMS, ...string) {}

var verbs = map[string]verb{
	"disable": {logical.UpdateOperation, "keys/a/disable", asTheyAre, kmsapi.OpDisableKey, kmsapi.Disabled},
	"enable":  {logical.UpdateOperation, "keys/a/enable", disabled, kmsapi.OpEnableKey, kmsapi.Enabled},
	"cancel_deletion": {
		logical.UpdateOperation, "keys/a/cancel_deletion", scheduled, kmsapi.OpCancelKeyDeletion, kmsapi.Enabled,
	},
	"delete": {logical.DeleteOperation, "keys/a", asTheyAre, kmsapi.OpScheduleKeyDeletion, kmsapi.PendingDeletion},
}

// newStatesRig makes a key a with three CMKs, the second of which also has the name b, and an unrelated key. All may be
// deleted.
func newStatesRig(t *testing.T) (r *rig, cmks []string) {
	t.Helper()
	r, _ = newVersionsRig(t)
	cmks = ids(r.entry("a").cmks())
	r.write("keys/b/register", body{"key_id": cmks[1]})
	r.write("keys/unrelated", nil)
	for _, name := range []string{"a", "b"} {
		r.write("keys/"+name+"/config", body{"deletion_allowed": true})
	}
	return r, cmks
}

// generations returns the generations of the keys a, b and unrelated.
func (r *rig) generations() []string {
	r.t.Helper()
	return []string{r.entry("a").Generation, r.entry("b").Generation, r.entry("unrelated").Generation}
}

// failsFor makes the calls of an operation for one CMK fail with err, before or after KMS acts.
func failsFor(op kmsapi.Operation, cmk string, err error) func(context.Context, kmsapi.Request) error {
	return func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == op && keyOf(q, nil) == cmk {
			return err
		}
		return nil
	}
}

func all(state kmsapi.KeyState, n int) []kmsapi.KeyState {
	return slices.Repeat([]kmsapi.KeyState{state}, n)
}

func TestStateOfAKeyIsThatOfAllItsKMSKeys(t *testing.T) {
	for name, v := range verbs {
		t.Run(name, func(t *testing.T) {
			r, cmks := newStatesRig(t)
			v.arrange(r.direct(), cmks...)
			before := r.generations()
			resp, err := v.do(r)
			require.NoError(t, err)
			require.Equal(t, cmks, resp.Data["key_ids"])
			require.Empty(t, resp.Warnings)
			require.Equal(t, all(v.state, 3), r.direct().states(cmks...))
			after := r.generations()
			require.NotEqual(t, before[0], after[0])
			require.NotEqual(t, before[1], after[1], "b shares an earlier KMS key")
			require.Empty(t, after[2])
			_, err = v.do(r)
			if v.sends == kmsapi.OpDisableKey || v.sends == kmsapi.OpEnableKey {
				require.NoError(t, err)
			} else {
				refused(t, err, 409, "Rejected.StateModifiedFailed")
			}
			require.NotEqual(t, after[0], r.generations()[0], "a repeat also stores what a failure has left")
		})
	}
}

func TestRepeatFinishesWhatAFailureBetweenTwoKMSKeysHasLeft(t *testing.T) {
	type failure struct {
		before, after error
		code          int
		// done are the CMKs that are done then. deleted is for delete, if it differs.
		done, deleted []int
	}
	denied, fault, slow := kmsapi.ErrNoPermission, kmsapi.ErrInternalFailure, kmsapi.ErrThrottling
	for what, f := range map[string]failure{
		"RAM denies it for one":   {before: answered(denied), code: 403, done: []int{0, 2}, deleted: []int{0}},
		"KMS has a fault with it": {before: answered(fault), code: 502, done: []int{0, 2}, deleted: []int{0}},
		"KMS can't be reached":    {before: lost(kmsapi.OpDescribeKey), code: 502, done: []int{0}, deleted: []int{0}},
		"KMS throttles":           {before: answered(slow), code: 429, done: []int{0}, deleted: []int{0}},
		"an answer is lost":       {after: lost(kmsapi.OpDescribeKey), code: 502, done: []int{0, 1}, deleted: []int{0, 1}},
	} {
		for name, v := range verbs {
			t.Run(name+", "+what, func(t *testing.T) {
				r, cmks := newStatesRig(t)
				v.arrange(r.direct(), cmks...)
				before := r.generations()
				if f.before != nil {
					r.kms.before = failsFor(v.sends, cmks[1], f.before)
				} else {
					r.kms.after = failsFor(v.sends, cmks[1], f.after)
				}
				_, err := v.do(r)
				refused(t, err, f.code, ": "+cmks[0], "not be: "+cmks[1], "send the same request again")
				done := f.done
				if name == "delete" {
					done = f.deleted
				}
				for i, state := range r.direct().states(cmks...) {
					require.Equal(t, slices.Contains(done, i), state == v.state, "%d is %s", i, state)
				}
				require.NotEqual(t, before[0], r.generations()[0])
				mayBe := f.after != nil || f.code == 502
				require.Equal(t, mayBe, before[1] != r.generations()[1], "b has the second KMS key")

				r.kms.before, r.kms.after = nil, nil
				resp, err := v.do(r)
				require.NoError(t, err)
				require.Equal(t, cmks, resp.Data["key_ids"])
				require.Equal(t, all(v.state, 3), r.direct().states(cmks...))
			})
		}
	}
}

func TestWhatKMSHasSurelyNotDoneIsNotStored(t *testing.T) {
	for name, v := range verbs {
		t.Run(name, func(t *testing.T) {
			r, cmks := newStatesRig(t)
			v.arrange(r.direct(), cmks...)
			r.fails(v.sends, answered(kmsapi.ErrNoPermission))
			r.storage.reset("", 0)
			_, err := v.do(r)
			refused(t, err, 403, "not be: "+cmks[0])
			require.Zero(t, r.storage.calls["put"])
		})
	}
}

func TestChangeOfStateThatCannotBeStoredSaysSo(t *testing.T) {
	for name, v := range verbs {
		t.Run(name, func(t *testing.T) {
			r, cmks := newStatesRig(t)
			v.arrange(r.direct(), cmks...)
			r.storage.reset("put", 2) // The write of b, which is not the key that is changed.
			_, err := v.do(r)
			refused(t, err, 500, cmks[0], "storing that for the other nodes of Vault failed", "send the same request again")
			require.NotContains(t, err.Error(), "..")
			require.Equal(t, all(v.state, 3), r.direct().states(cmks...))
			require.NotEmpty(t, r.entry("a").Generation)
			require.Empty(t, r.entry("b").Generation)
			r.storage.reset("", 0)
			_, _ = v.do(r)
			require.NotEmpty(t, r.entry("b").Generation)
		})
	}
}

// An entry that can't be read may have been written by a later version of the plugin.
func TestUnreadableEntryKeepsNoOtherKeyFromBeingDisabled(t *testing.T) {
	r, cmks := newStatesRig(t)
	r.damage("aa")
	_, err := r.tryWrite("keys/a/disable", nil)
	refused(t, err, 500, `"aa"`, "These KMS keys are disabled: "+strings.Join(cmks, ", "))
	require.Equal(t, all(kmsapi.Disabled, 3), r.direct().states(cmks...))
	require.NotEmpty(t, r.entry("a").Generation)
	require.NotEmpty(t, r.entry("b").Generation)
}

func TestEarlierKMSKeyThatCannotChangeIsAWarning(t *testing.T) {
	for name, state := range map[string]string{
		"disable": "PendingDeletion", "enable": "PendingDeletion",
	} {
		t.Run(name, func(t *testing.T) {
			v := verbs[name]
			r, cmks := newStatesRig(t)
			v.arrange(r.direct(), cmks...)
			scheduled(r.direct(), cmks[0])
			resp, err := v.do(r)
			require.NoError(t, err)
			require.Equal(t, cmks[1:], resp.Data["key_ids"])
			require.Contains(t, resp.Warnings[0], cmks[0])
			require.Contains(t, resp.Warnings[0], "vault read kms/keys/a")
			require.Equal(t, state, string(r.direct().describe(cmks[0]).KeyState))
			require.Equal(t, all(v.state, 2), r.direct().states(cmks[1:]...))

			scheduled(r.direct(), cmks[2])
			_, err = v.do(r)
			refused(t, err, 409, "not be: "+cmks[2], "can't be: "+cmks[0])
		})
	}
}

func TestKMSKeyThatIsGoneKeepsNoOtherFromBeingChanged(t *testing.T) {
	for name, v := range verbs {
		t.Run(name, func(t *testing.T) {
			r, cmks := newStatesRig(t)
			v.arrange(r.direct(), cmks...)
			r.kms.before = failsFor(v.sends, cmks[0], answered(kmsapi.ErrKeyNotFound))
			resp, err := v.do(r)
			require.NoError(t, err)
			require.Equal(t, cmks[1:], resp.Data["key_ids"])
			require.Contains(t, resp.Warnings[0], cmks[0])
		})
	}
}

// An entry of format 0 has no versions yet, and gets none from a change of state, which must not wait for KMS to list
// them.
func TestEntryOfBeforeIsDisabledWithoutMoreCalls(t *testing.T) {
	r := newKeyRig(t, "a")
	r.oldKey("a")
	calls := r.kms.total()
	r.write("keys/a/disable", nil)
	require.Equal(t, calls+1, r.kms.total())
	require.NotEmpty(t, r.entry("a").Generation)
	require.Zero(t, r.entry("a").format)
	r.write("keys/a/enable", nil)
	r.write("keys/a/config", nil)
	require.Equal(t, formatVersions, r.entry("a").format)
}
