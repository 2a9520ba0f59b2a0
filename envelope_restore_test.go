package alicloudkms

import (
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// restores resets the stored entry of a key to an earlier one, like the restore of a snapshot, after which Vault
// restarts its plugins.
func (r *rig) restores(name, stored string) {
	r.t.Helper()
	r.putKey(name, stored)
	r.become(func(*logical.StaticSystemView) {})
}

// A restored key is older than its own ciphertexts. It may make data keys with numbers that were already used: since
// each ciphertext carries its own data key, all of them open.
func TestRestoredKeyOpensBothDataKeysOfOneVersion(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	snapshot, before := r.storedKey("a"), r.encrypt("a", hello)
	r.write("keys/a/rotate", nil)
	lost := r.encrypt("a", hello)
	r.restores("a", snapshot)
	r.write("keys/a/rotate", nil)
	again := r.encrypt("a", hello)

	one, two := messageOfText(t, lost), messageOfText(t, again)
	require.Equal(t, one.ID, two.ID)
	require.Equal(t, one.Version, two.Version)
	require.NotEqual(t, one.Wrapped, two.Wrapped)
	for range 2 { // Once more when warm.
		r.opens("a", lost, again, before, lost)
	}
	_, results := r.batch("decrypt/a", []any{
		object("ciphertext", again), object("ciphertext", lost), object("ciphertext", again), object("ciphertext", before),
	})
	for _, result := range results {
		require.Equal(t, hello, result["plaintext"])
	}
	rewrapped := r.write("rewrap/a", body{"ciphertext": lost}).Data["ciphertext"].(string)
	require.Equal(t, two.Wrapped, messageOfText(t, rewrapped).Wrapped, "what encrypts is the row's")
}

func TestVersionAboveTheNewestIsRefusedUntilTheKeyHasIt(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	snapshot := r.storedKey("a")
	r.write("keys/a/rotate", nil)
	r.write("keys/a/rotate", nil)
	third := r.encrypt("a", hello)
	r.restores("a", snapshot)
	clock := r.withClock()
	r.encrypt("a", hello)

	calls := r.kms.count(kmsapi.OpDecrypt)
	refuses := func(newest string, reads int) {
		t.Helper()
		for _, path := range []string{"decrypt/a", "rewrap/a"} {
			r.storage.reset("", 0)
			_, err := r.tryWrite(path, body{"ciphertext": third})
			refused(t, err, 403, "made with version 3 of the key, whose newest version here is "+newest,
				"older snapshot", "rotate the key until it has that version")
			require.Equal(t, reads, r.storage.total(), "reads of storage for %s", path)
			reads = 0 // The entry was read less than a second ago.
		}
	}
	refuses("1", 0)
	clock.time = clock.time.Add(staleAfter)
	refuses("1", 1)
	require.Equal(t, calls, r.kms.count(kmsapi.OpDecrypt), "KMS is not asked")

	r.write("keys/a/rotate", nil)
	r.encrypt("a", hello)
	clock.time = clock.time.Add(time.Minute)
	refuses("2", 1)
	r.write("keys/a/rotate", nil)
	r.opens("a", third, r.encrypt("a", hello))
}

// On a node that hears late, one read of storage finds the version that another node has made.
func TestNodeThatHearsLateReadsStorageBeforeItRefusesAVersion(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	clock := r.withClock()
	second := r.standby(clock)
	second.opens("a", r.encrypt("a", hello))
	r.write("keys/a/rotate", nil)
	newest := r.encrypt("a", hello)
	clock.time = clock.time.Add(staleAfter)
	r.storage.reset("put", -1) // The second node may not write.
	second.opens("a", newest, newest)
	require.Equal(t, 1, r.storage.total())
}
