package history

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// good are histories that a service may have.
var good = map[string][]Event{
	"requests that follow one another": {
		at(2, 3, encrypt(key1, "a")), at(4, 5, disable(key1)), at(6, 7, enable(key1)), at(8, 9, encrypt(key1, "a")),
	},
	"a use beside the request that disables the key": {
		at(2, 9, disable(key1)), at(3, 4, encrypt(key1, "a")),
		refused(5, 6, kmsapi.ErrRejectedDisabled, encrypt(key1, "a")),
	},
	"a lost request that has disabled the key": {
		lost(2, disable(key1)), refused(3, 4, kmsapi.ErrRejectedDisabled, encrypt(key1, "a")),
	},
	"a lost request that disables the key late": {
		lost(2, disable(key1)), at(3, 4, encrypt(key1, "a")), at(90, 91, encrypt(key1, "a")),
		refused(92, 93, kmsapi.ErrRejectedDisabled, encrypt(key1, "a")),
	},
	"a lost request that never took effect": {lost(2, schedule(key1)), at(3, 4, encrypt(key1, "a"))},
	"a lost request that was refused": {
		at(2, 3, schedule(key1)), lost(4, disable(key1)), at(5, 6, describe(key1, kmsapi.PendingDeletion, "a")),
	},
	"a lost version, which is named when it is seen": {
		lost(2, rotate(key1, "")), at(3, 4, encrypt(key1, "b")), at(5, 6, listVersions(key1, "b", "a")),
		at(7, 8, decrypt(key1, "a")),
	},
	"a deletion that is called off": {
		at(2, 3, disable(key1)), at(4, 5, schedule(key1)), at(6, 7, cancel(key1)), at(8, 9, encrypt(key1, "a")),
	},
	"an alias that moves": {
		at(2, 3, point1(kmsapi.OpCreateAlias, key1)), at(4, 5, byAlias(key1, "a")),
		at(6, 9, point1(kmsapi.OpUpdateAlias, key2)), at(6, 7, byAlias(key1, "a")), at(7, 8, byAlias(key2, "z")),
		at(10, 11, listAliases(key1)), at(10, 11, listAliases(key2, alias1)),
		at(12, 13, point1(kmsapi.OpDeleteAlias, "")), refused(14, 15, kmsapi.ErrAliasNotFound, byAlias(key1, "a")),
	},
}

// bad are histories that no service may have, whose last request is the first that no order explains.
var bad = map[string][]Event{
	"a use after the key was disabled":            {at(2, 3, disable(key1)), at(4, 5, encrypt(key1, "a"))},
	"a refusal of a key that nobody has disabled": {refused(2, 3, kmsapi.ErrRejectedDisabled, decrypt(key1, "a"))},
	"a refusal that is another one": {
		at(2, 3, disable(key1)), refused(4, 5, kmsapi.ErrRejectedPendingDeletion, encrypt(key1, "a")),
	},
	"an acknowledged request that is lost": {
		at(2, 3, disable(key1)), at(4, 5, describe(key1, kmsapi.Enabled, "a")),
	},
	"an effect that is seen and then gone": {
		lost(2, disable(key1)), refused(3, 4, kmsapi.ErrRejectedDisabled, encrypt(key1, "a")),
		at(5, 6, encrypt(key1, "a")),
	},
	"an acknowledged version that is lost": {at(2, 3, rotate(key1, "b")), at(4, 5, listVersions(key1, "a"))},
	"the version before the primary one":   {at(2, 3, rotate(key1, "b")), at(4, 5, encrypt(key1, "a"))},
	"a version that nobody has made":       {at(2, 3, listVersions(key1, "b", "a"))},
	"a lost version that was made twice": {
		lost(2, rotate(key1, "")), at(3, 4, listVersions(key1, "c", "b", "a")),
	},
	"a version that changes": {
		lost(2, rotate(key1, "")), at(3, 4, encrypt(key1, "b")), at(5, 6, encrypt(key1, "c")),
	},
	"an acknowledged alias that is lost": {
		at(2, 3, point1(kmsapi.OpCreateAlias, key1)), refused(4, 5, kmsapi.ErrAliasNotFound, byAlias(key1, "a")),
	},
	"an alias that goes back": {
		at(2, 3, point1(kmsapi.OpCreateAlias, key1)), at(4, 5, point1(kmsapi.OpUpdateAlias, key2)),
		at(6, 7, byAlias(key1, "a")),
	},
	"an alias that exists twice": {
		at(2, 3, point1(kmsapi.OpCreateAlias, key1)), at(4, 5, point1(kmsapi.OpCreateAlias, key2)),
	},
	"an alias that both keys list": {
		at(2, 3, point1(kmsapi.OpCreateAlias, key1)), at(4, 5, listAliases(key1, alias1)),
		at(6, 7, listAliases(key2, alias1)),
	},
	"a key that is gone":         {refused(2, 3, kmsapi.ErrKeyNotFound, describe(key1, "", ""))},
	"another plaintext":          {at(2, 3, wrong(decrypt(key1, "a")))},
	"a nonce that was used once": {refused(2, 3, kmsapi.ErrSignatureNonceUsed, enable(key1))},
}

// begin is how each history begins.
var begin = []Event{at(0, 1, create(key1, "a")), at(0, 1, create(key2, "z"))}

func TestLinearizable(t *testing.T) {
	for name, events := range good {
		t.Run("accepts "+name, func(t *testing.T) {
			require.Empty(t, Linearizable(append(begin[:2:2], events...), time.Minute))
		})
	}
	for name, events := range bad {
		t.Run("finds "+name, func(t *testing.T) {
			all := append(begin[:2:2], events...)
			require.Empty(t, Linearizable(all[:len(all)-1], time.Minute), "only the last request is wrong")
			require.Len(t, Linearizable(all, time.Minute), 1)
		})
	}
}

func TestAWorldIsJudgedOnItsOwn(t *testing.T) {
	other := append([]Event{at(0, 1, create(key1, "a"))}, bad["a use after the key was disabled"]...)
	for i := range other {
		other[i].World = 1
	}
	faults := Linearizable(append(begin[:2:2], other...), time.Minute)
	require.Len(t, faults, 1)
	require.Contains(t, faults[0].String(), "world 1")
	require.Contains(t, faults[0].String(), "DisableKey key-1")
}

func TestAWorldThatIsNotDecidedIsAFault(t *testing.T) {
	events := begin[:2:2]
	for i := range 40 {
		events = append(events, lost(2, disable(key1)), lost(2, enable(key1)), at(3+i, 200, rotate(key1, "")))
	}
	faults := Linearizable(append(events, at(300, 301, listVersions(key1, "x"))), 20*time.Millisecond)
	require.Len(t, faults, 1)
	require.Contains(t, faults[0].What, "not decided")
}
