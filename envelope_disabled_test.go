package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// noAnswer is the error of a call that KMS may have run, but whose answer was lost.
var noAnswer = &client.TransportError{Operation: kmsapi.OpDecrypt, Endpoint: "kms", Err: errors.New("connection reset")}

// load sends requests to every node at the same time, and returns how many of each succeeded. The clock stands still.
func (n *nodes) load(key, ciphertext string) (succeeded [3]int) {
	var counts [3]atomic.Int64
	var all sync.WaitGroup
	for i, node := range n.all() {
		for range 2 {
			all.Go(func() {
				for path, data := range map[string]body{
					"encrypt/": {"plaintext": hello}, "decrypt/": {"ciphertext": ciphertext},
					"rewrap/": {"batch_input": []any{object("ciphertext", ciphertext), object("ciphertext", ciphertext)}},
				} {
					if resp, err := node.tryWrite(path+key, data); err == nil && resp.Data[logical.HTTPStatusCode] == nil {
						counts[i].Add(1)
					}
				}
			})
		}
	}
	all.Wait()
	for i := range counts {
		succeeded[i] = int(counts[i].Load())
	}
	return succeeded
}

// allSucceed is what load returns if nothing fails.
const allSucceed = 6

// refusesSoon waits until the node refuses to encrypt. The clock stands still.
func (r *rig) refusesSoon(key string) {
	r.t.Helper()
	require.Eventually(r.t, func() bool {
		_, err := r.tryWrite("encrypt/"+key, body{"plaintext": hello})
		return err != nil
	}, time.Minute, time.Millisecond)
}

// renewsInVain uses a data key when its renewal is due, which KMS refuses. The refusal arrives only once it was used.
func (r *rig) renewsInVain(key string) {
	r.t.Helper()
	_, goOn := r.holdsDecrypt(false)
	r.encrypt(key, hello)
	goOn()
	r.refusesSoon(key)
	r.kms.before = nil
}

func TestKMSKeyThatIsDisabledUnderLoadIsFeltOnEveryNodeInTime(t *testing.T) {
	for name, test := range map[string]struct {
		// renewals is how calls for data keys fail from then on; nil means that KMS refuses.
		renewals error
		// last is when each node may last succeed. The nodes called KMS at 0, 10 and 20 seconds, and KMS refuses from
		// 25 on.
		last [3]int
	}{
		"a refusal ends the use at once":      {nil, [3]int{30, 40, 50}},
		"a throttled renewal does not end it": {answered(kmsapi.ErrThrottling), [3]int{59, 69, 79}},
		"a lost answer does not end it":       {noAnswer, [3]int{59, 69, 79}},
		"a failure of KMS does not end it":    {answered(kmsapi.ErrInternalFailure), [3]int{59, 69, 79}},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNodes(t, "a")
			ciphertext := n.encrypt("a", hello)
			var last [3]int
			for second := range 100 {
				if second%10 == 0 && second <= 20 {
					n.all()[second/10].opens("a", ciphertext)
				}
				if second == 25 {
					disabled(n.direct(), n.keyID("a"))
					if test.renewals != nil {
						n.fails(kmsapi.OpDecrypt, test.renewals)
					}
				}
				if i := slices.Index(test.last[:], second); i >= 0 && test.renewals == nil {
					n.all()[i].renewsInVain("a")
					last[i] = second
				}
				if second > 20 {
					for i, succeeded := range n.load("a", ciphertext) {
						require.Contains(t, []int{0, allSucceed}, succeeded)
						if succeeded > 0 {
							last[i] = second
						}
					}
				}
				n.clock.later(time.Second)
			}
			require.Equal(t, test.last, last)
		})
	}
}

func TestKMSThatIsAwayStopsEnvelopeModeWhenItsTimeIsOver(t *testing.T) {
	n := newNodes(t, "a")
	ciphertext := n.encrypt("a", hello)
	for _, node := range n.all() {
		node.opens("a", ciphertext)
	}
	n.kms.before = func(context.Context, kmsapi.Request) error { return noAnswer }
	n.clock.later(59 * time.Second)
	require.Equal(t, [3]int{allSucceed, allSucceed, allSucceed}, n.load("a", ciphertext))
	for range 3 {
		n.clock.later(time.Second)
		require.Zero(t, n.load("a", ciphertext), "there is no grace")
	}
	for _, node := range n.all() {
		_, err := node.tryWrite("encrypt/a", body{"plaintext": hello})
		refused(t, err, 502)
	}
	n.kms.before = nil
	require.Equal(t, [3]int{allSucceed, allSucceed, allSucceed}, n.load("a", ciphertext))
}

func TestWithoutACacheOfDataKeysEachRequestAsksKMS(t *testing.T) {
	n := newNodes(t, "a")
	n.write("config", body{"cache_ttl": 0})
	var items []any
	for range 3 {
		for range 20 {
			items = append(items, object("ciphertext", n.encrypt("a", hello)))
		}
		n.write("keys/a/rotate", nil)
	}
	for _, node := range n.all() {
		node.hears(configPath)
		asks := func(calls int, path string, data body) {
			t.Helper()
			before := n.kms.count(kmsapi.OpDecrypt)
			node.write(path, data)
			require.Equal(t, calls, n.kms.count(kmsapi.OpDecrypt)-before)
		}
		asks(1, "encrypt/a", body{"plaintext": hello})
		asks(1, "encrypt/a", body{"plaintext": hello})
		asks(1, "decrypt/a", items[0].(body))
		asks(3, "decrypt/a", body{"batch_input": items})
		asks(4, "rewrap/a", body{"batch_input": items})
	}
	disabled(n.direct(), n.keyID("a"))
	for _, node := range n.all() {
		_, err := node.tryWrite("encrypt/a", body{"plaintext": hello})
		refused(t, err, 409)
		before := n.kms.count(kmsapi.OpDecrypt)
		_, results := node.batch("decrypt/a", items)
		for _, result := range results {
			require.Contains(t, result["error"], "Rejected.Disabled")
		}
		require.Equal(t, 3, n.kms.count(kmsapi.OpDecrypt)-before, "a refusal is an answer too")
	}
}

func TestKeyThatIsDisabledThroughTheEngineIsGoneAtOnce(t *testing.T) {
	for name, verb := range verbs {
		t.Run(name, func(t *testing.T) {
			n := newNodes(t, "a")
			n.write("keys/a/config", body{"deletion_allowed": true})
			ciphertext := n.encrypt("a", hello)
			for _, node := range n.all() {
				node.opens("a", ciphertext)
			}
			verb.arrange(n.direct(), n.keyID("a"))
			_, err := verb.do(n.rig)
			require.NoError(t, err)
			calls := n.kms.count(kmsapi.OpDecrypt)
			_, err = n.tryWrite("encrypt/a", body{"plaintext": hello})
			require.Equal(t, verb.state == kmsapi.Enabled, err == nil)
			require.Greater(t, n.kms.count(kmsapi.OpDecrypt), calls, "KMS is asked again")
			if verb.state == kmsapi.Enabled {
				return
			}
			n.others[0].opens("a", ciphertext)
			n.others[0].hears(keyPrefix + "a")
			_, err = n.others[0].tryWrite("decrypt/a", body{"ciphertext": ciphertext})
			refused(t, err, 409)
			n.clock.later(29 * time.Second)
			n.others[1].opens("a", ciphertext)
			n.clock.later(31 * time.Second)
			_, err = n.others[1].tryWrite("decrypt/a", body{"ciphertext": ciphertext})
			refused(t, err, 409)
		})
	}
}

func TestKMSThatTakesLongerThanDataKeysAreUsedIsAskedOnceARequest(t *testing.T) {
	n := newNodes(t, "a")
	n.write("config", body{"cache_ttl": 1})
	n.kms.before = func(_ context.Context, q kmsapi.Request) error {
		n.clock.later(2 * time.Second)
		return nil
	}
	ciphertext := n.encrypt("a", hello)
	before := n.kms.count(kmsapi.OpDecrypt)
	n.opens("a", ciphertext, ciphertext)
	require.Equal(t, 2, n.kms.count(kmsapi.OpDecrypt)-before)
}

func TestDeletedMaterialEndsEnvelopeModeAtOnce(t *testing.T) {
	n := newNodes(t)
	n.write("keys/a/import", n.wrapped(ourMaterial))
	n.write("keys/a/config", body{"encryption": "envelope"})
	ciphertext := n.encrypt("a", hello)
	n.others[0].opens("a", ciphertext)
	generation := n.entry("a").Generation
	require.Nil(t, n.remove("keys/a/material", nil))
	_, err := n.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
	refused(t, err, 409)
	require.NotEqual(t, generation, n.entry("a").Generation, "so that other nodes hear of it")
	n.others[0].opens("a", ciphertext)
	n.others[0].hears(keyPrefix + "a")
	_, err = n.others[0].tryWrite("decrypt/a", body{"ciphertext": ciphertext})
	refused(t, err, 409)
	n.write("keys/a/import", n.wrapped(ourMaterial))
	n.others[0].opens("a", ciphertext)
}

func TestDisabledKeyIsGoneHereWhateverBecomesOfItsEntries(t *testing.T) {
	for _, failing := range []string{"get", "put", "list"} {
		for call := 1; call <= 4; call++ {
			t.Run(fmt.Sprintf("%s %d", failing, call), func(t *testing.T) {
				n := newNodes(t, "a")
				n.share("b", "a")
				for _, name := range []string{"a", "b"} {
					n.encrypt(name, hello)
				}
				n.storage.reset(failing, call)
				_, err := n.tryWrite("keys/a/disable", nil)
				n.storage.reset("", 0)
				if n.direct().describe(n.keyID("a")).KeyState == kmsapi.Enabled {
					require.Error(t, err)
					return
				}
				if err != nil {
					refused(t, err, 500, "for up to cache_ttl", "send the same request again")
				}
				for _, name := range []string{"a", "b"} {
					_, err := n.tryWrite("encrypt/"+name, body{"plaintext": hello})
					refused(t, err, 409)
				}
			})
		}
	}
}
