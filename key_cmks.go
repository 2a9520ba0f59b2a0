package alicloudkms

import (
	"context"
	"sync"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// earlierStates are the states of the CMKs that a key had before, under their ids. unknown is the first reason why one
// is missing.
type earlierStates struct {
	states  map[string]kmsapi.KeyState
	unknown error
}

// statesOfEarlier asks KMS for the states of the CMKs that a key had before, each at most once every factsAge.
func (b *backend) statesOfEarlier(ctx context.Context, conn *connection, k target) earlierStates {
	cmks := k.entry.cmks()
	cmks = cmks[:len(cmks)-1]
	if len(cmks) == 0 {
		return earlierStates{}
	}
	var mu sync.Mutex // guards found
	found := earlierStates{states: map[string]kmsapi.KeyState{}}
	conn.inParallel(len(cmks), func(i int) {
		state, err := b.stateOfEarlier(ctx, conn, cmks[i])
		mu.Lock()
		defer mu.Unlock()
		if err == nil {
			found.states[cmks[i].KeyID] = state
		} else if found.unknown == nil {
			found.unknown = withTarget(err, target{k.name, &keyEntry{storedCMK: cmks[i]}})
		}
	})
	return found
}

// stateOfEarlier caches its answer under a name of its own, since it asks for less than a read of the newest CMK does.
func (b *backend) stateOfEarlier(ctx context.Context, conn *connection, cmk storedCMK) (kmsapi.KeyState, error) {
	ask := func() (cmkFacts, error) {
		answer, err := describeCMK(ctx, conn, cmk.cmk())
		if err != nil {
			return cmkFacts{}, err
		}
		return cmkFacts{metadata: answer.KeyMetadata}, nil
	}
	if b.uncached.Load() {
		facts, err := ask()
		return facts.metadata.KeyState, err
	}
	facts, err := conn.facts.Get(ctx, "state of "+cmk.cmk(), ask)
	return facts.metadata.KeyState, unshared(err)
}

// cmksShown are the CMKs of a key in answers, the oldest first. m is the metadata of the newest.
func (e *keyEntry) cmksShown(m kmsapi.KeyMetadata, earlier earlierStates) []map[string]any {
	var shown []map[string]any
	for _, cmk := range e.cmks() {
		state := earlier.states[cmk.KeyID]
		if cmk.KeyID == e.KeyID {
			state = m.KeyState
		}
		shown = append(shown, map[string]any{
			"key_id": cmk.KeyID, "key_state": string(state), "versions": e.numbersOf(cmk.KeyID),
		})
	}
	return shown
}

// numbersOf are the versions of a CMK.
func (e *keyEntry) numbersOf(cmk string) (numbers []int) {
	for n := e.versions.First; n <= e.versions.Newest(); n++ {
		if e.versions.Row(n).CMK == cmk {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// addEarlier adds the states of earlier CMKs to an answer. A state that is not known is only a warning.
func (b *backend) addEarlier(
	req *logical.Request, k target, resp *logical.Response, m kmsapi.KeyMetadata, earlier earlierStates,
) *logical.Response {
	resp.Data["cmks"] = k.entry.cmksShown(m, earlier)
	if earlier.unknown != nil {
		resp.AddWarning("The state of an earlier KMS key is not shown: " + b.coded(req, earlier.unknown).Error())
	}
	return resp
}
