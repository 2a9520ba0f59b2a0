package history

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestRevoked(t *testing.T) {
	for name, tc := range map[string]struct {
		events []Event
		faults int
	}{
		"accepts a use that began before the answer": {
			[]Event{at(1, 4, disable(key1)), at(3, 9, encrypt(key1, "a"))}, 0,
		},
		"accepts a use that is refused": {
			[]Event{at(1, 2, disable(key1)), refused(3, 4, kmsapi.ErrRejectedDisabled, encrypt(key1, "a"))}, 0,
		},
		"accepts a use of another key": {[]Event{at(1, 2, disable(key1)), at(3, 4, encrypt(key2, "z"))}, 0},
		"accepts a use without an answer, and one of what a disabled key allows": {
			[]Event{at(1, 2, disable(key1)), lost(3, encrypt(key1, "a")), at(3, 4, describe(key1, kmsapi.Disabled, "a"))}, 0,
		},
		"accepts a use that ends after an enabling request began": {
			[]Event{at(1, 2, disable(key1)), at(5, 9, enable(key1)), at(3, 6, encrypt(key1, "a"))}, 0,
		},
		"accepts a use after a lost request to enable": {
			[]Event{lost(0, enable(key1)), at(1, 2, disable(key1)), at(3, 4, encrypt(key1, "a"))}, 0,
		},
		"accepts a use after a deletion was called off": {
			[]Event{at(1, 2, schedule(key1)), at(3, 4, cancel(key1)), at(5, 6, decrypt(key1, "a"))}, 0,
		},
		"finds an encryption after DisableKey": {
			[]Event{at(1, 2, disable(key1)), at(3, 4, encrypt(key1, "a"))}, 1,
		},
		"finds a decryption after ScheduleKeyDeletion": {
			[]Event{at(1, 2, schedule(key1)), at(3, 4, decrypt(key1, "a"))}, 1,
		},
		"finds a new version after DisableKey": {
			[]Event{at(1, 2, disable(key1)), at(3, 4, rotate(key1, "b"))}, 1,
		},
		"finds a use by an alias": {
			[]Event{at(1, 2, disable(key1)), at(3, 4, byAlias(key1, "a"))}, 1,
		},
		"finds a use although an earlier enabled it": {
			[]Event{at(0, 1, enable(key1)), at(1, 2, disable(key1)), at(3, 4, encrypt(key1, "a"))}, 1,
		},
		"finds a use although a later one enables it": {
			[]Event{at(1, 2, disable(key1)), at(3, 4, encrypt(key1, "a")), at(5, 6, enable(key1))}, 1,
		},
		"finds a use although enabling it was refused": {
			[]Event{
				at(1, 2, schedule(key1)), refused(3, 4, kmsapi.ErrStateModifiedFailed, enable(key1)),
				at(5, 6, encrypt(key1, "a")),
			}, 1,
		},
		"does not count a revocation without an answer": {
			[]Event{lost(1, disable(key1)), at(3, 4, encrypt(key1, "a"))}, 0,
		},
	} {
		t.Run(name, func(t *testing.T) { require.Len(t, Revoked(tc.events), tc.faults) })
	}
}

// letter is one that creates a CMK, with the outcomes of its deliveries.
func letter(deliveries ...Event) Letter {
	return Letter{Op: kmsapi.OpCreateKey, Description: "of " + key1, Deliveries: deliveries}
}

func TestOnce(t *testing.T) {
	again := refused(2, 3, kmsapi.ErrSignatureNonceUsed, create(key1, "a"))
	for name, tc := range map[string]struct {
		letter  Letter
		created int
		faults  int
	}{
		"accepts a letter that only the first node takes": {letter(at(1, 2, create(key1, "a")), again), 1, 0},
		"accepts a letter that has an unknown outcome":    {letter(lost(1, create(key1, "a")), again), 1, 0},
		"accepts a letter that created nothing":           {letter(lost(1, create(key1, "a"))), 0, 0},
		"finds a letter that two nodes take": {
			letter(at(1, 2, create(key1, "a")), at(1, 2, create(key2, "z"))), 1, 1,
		},
		"finds a letter that created two keys": {
			letter(lost(1, create(key1, "a")), at(8, 9, create(key1, "a"))), 2, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			faults := Once([]Letter{tc.letter}, map[string]int{"of " + key1: tc.created})
			require.Len(t, faults, tc.faults)
		})
	}
	encrypted := Letter{Op: kmsapi.OpEncrypt}
	encrypted.Deliveries = []Event{at(1, 2, encrypt(key1, "a")), at(3, 4, encrypt(key1, "a"))}
	require.Len(t, Once([]Letter{encrypted}, nil), 1)
}

func TestKept(t *testing.T) {
	events := []Event{at(1, 2, create(key1, "a")), lost(1, Event{Op: kmsapi.OpCreateKey, Description: "unsure"})}
	posted := Letter{Op: kmsapi.OpCreateKey, Description: "posted", Deliveries: []Event{at(1, 2, create("key-3", "p"))}}
	doubted := Letter{
		Op: kmsapi.OpCreateKey, Description: "doubted",
		Deliveries: []Event{lost(1, create("", "")), lost(2, create("", ""))},
	}
	refusedOnly := Letter{Op: kmsapi.OpCreateKey, Description: "refused", Deliveries: []Event{
		refused(1, 2, kmsapi.ErrIllegalTimestamp, create("", "")),
	}}
	all := func(more map[string]string) map[string]string {
		keys := map[string]string{key1: "of " + key1, "key-3": "posted"}
		for id, description := range more {
			keys[id] = description
		}
		return keys
	}
	for name, tc := range map[string]struct {
		listed Listed
		faults int
	}{
		"accepts what was acknowledged": {Listed{Keys: all(nil)}, 0},
		"accepts a key whose creation is unknown": {
			Listed{Keys: all(map[string]string{key2: "unsure"})}, 0,
		},
		"accepts a key of a letter in doubt": {
			Listed{Keys: all(map[string]string{key2: "doubted"})}, 0,
		},
		"accepts an alias of a key that is there": {
			Listed{Keys: all(nil), Aliases: map[string]string{alias1: key1}}, 0,
		},
		"finds an acknowledged key that is gone": {Listed{Keys: map[string]string{"key-3": "posted"}}, 1},
		"finds the key of a letter that is gone": {Listed{Keys: map[string]string{key1: "of " + key1}}, 1},
		"finds a key that nobody has created":    {Listed{Keys: all(map[string]string{key2: "?"})}, 1},
		"finds two keys of one creation": {
			Listed{Keys: all(map[string]string{key2: "unsure", "key-4": "unsure"})}, 1,
		},
		"finds two keys of a letter that was sent twice": {
			Listed{Keys: all(map[string]string{key2: "doubted", "key-4": "doubted"})}, 1,
		},
		"finds a key of a letter that was refused": {
			Listed{Keys: all(map[string]string{key2: "refused"})}, 1,
		},
		"finds an alias of a key that is not listed": {
			Listed{Keys: all(nil), Aliases: map[string]string{alias1: key2}}, 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			require.Len(t, Kept(events, []Letter{posted, doubted, refusedOnly}, Listed{}, tc.listed), tc.faults)
		})
	}
}

func TestKeptLooksAtEarlierHistoriesToo(t *testing.T) {
	before := Listed{Keys: map[string]string{key2: "earlier"}}
	events := []Event{at(1, 2, create(key1, "a"))}
	both := Listed{Keys: map[string]string{key1: "of " + key1, key2: "earlier"}}
	require.Empty(t, Kept(events, nil, before, both))
	delete(both.Keys, key2)
	require.Len(t, Kept(events, nil, before, both), 1)
}
