package alicloudkms

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// known returns the generation of a key that a node knows.
func (r *rig) known(name string) string {
	r.t.Helper()
	entry, err := r.backend().cachedKey(r.t.Context(), r.request(logical.ReadOperation, "", nil), name)
	require.NoError(r.t, err)
	return entry.Generation
}

// Three backends share one storage, and two of them may not write it. They hear of a change late, twice or never.
func TestOtherNodesLearnOfAChangeOfState(t *testing.T) {
	for name, v := range verbs {
		t.Run(name, func(t *testing.T) {
			r, cmks := newStatesRig(t)
			clock := r.withClock()
			second, third := r.standby(clock), r.standby(clock)
			v.arrange(r.direct(), cmks...)
			before := map[*rig]string{second: second.known("b"), third: third.known("b")}
			for _, standby := range []*rig{second, third} {
				_, err := v.do(standby)
				require.Equal(t, logical.ErrReadOnly, err, "Vault sends it to the node that may")
			}
			require.Zero(t, r.kms.count(v.sends))
			_, err := v.do(r)
			require.NoError(t, err)
			require.NotEqual(t, before[second], r.known("b"), "where the answer is given, it is known at once")
			require.Equal(t, before[second], second.known("b"), "it has not heard yet")
			for range 2 {
				second.hears(keyPrefix + "b")
				second.hears(keyPrefix + "a")
				require.Equal(t, r.known("b"), second.known("b"))
				require.Equal(t, r.known("a"), second.known("a"))
			}
			require.Equal(t, before[third], third.known("b"), "it never hears")
			for _, node := range []*rig{r, second, third} {
				_, err := node.tryWrite("encrypt/a", body{"plaintext": hello})
				require.Equal(t, v.state == kmsapi.Enabled, err == nil, "KMS decides, on every node")
			}
		})
	}
}

func TestChangesOfStateOfNamesThatShareAKMSKeyDoNotWaitForEachOther(t *testing.T) {
	r, cmks := newStatesRig(t)
	var group sync.WaitGroup
	for range 5 {
		for _, name := range []string{"a", "b"} {
			group.Go(func() {
				_, err := r.tryWrite("keys/"+name+"/disable", nil)
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	group.Wait()
	require.Equal(t, all(kmsapi.Disabled, 3), r.direct().states(cmks...))
}

func TestDisableWaitsForAnotherRequestThatChangesTheKey(t *testing.T) {
	r, cmks := newStatesRig(t)
	begun, goOn := make(chan struct{}), make(chan struct{})
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpCreateKey {
			close(begun)
			<-goOn
		}
		return nil
	}
	var group sync.WaitGroup
	group.Go(func() {
		_, err := r.tryWrite("keys/a/rotate", body{"new_cmk": true})
		if err != nil {
			t.Error(err)
		}
	})
	<-begun
	r.backend().process.patience = 10 * time.Millisecond
	_, err := r.tryWrite("keys/a/disable", nil)
	refused(t, err, 409, `key "a" is being created or changed`)
	require.Zero(t, r.kms.count(kmsapi.OpDisableKey))
	_, err = r.tryWrite("keys/b/disable", nil)
	refused(t, err, 500, "disabled: "+cmks[1], `key "a" is being created or changed`, "send the same request again")

	r.backend().process.patience = time.Minute
	impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err = r.tryIn(impatient, logical.UpdateOperation, "keys/a/disable", nil)
	refused(t, err, 504)
	group.Go(func() {
		_, err := r.tryWrite("keys/a/disable", nil)
		if err != nil {
			t.Error(err)
		}
	})
	close(goOn)
	group.Wait()
	require.Equal(t, all(kmsapi.Disabled, 4), r.direct().states(ids(r.entry("a").cmks())...))
	require.NotContains(t, cmks, r.keyID("a"))
}
