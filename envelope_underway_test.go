package alicloudkms

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// strays returns n ciphertexts with this header, except for wrapped data keys that nobody has made.
func strays(n int, h envelope.Header) (ciphertexts []string) {
	_, made, _ := versions.Split(forged(h))
	message, _ := base64.StdEncoding.DecodeString(made)
	wrapped := message[bytes.Index(message, h.Wrapped):][:len(h.Wrapped)]
	for range n {
		_, _ = rand.Read(wrapped)
		ciphertexts = append(ciphertexts, versions.JoinBytes(int(h.Version), message))
	}
	return ciphertexts
}

// A pausedBatch is a batch of the key called a in which some items are in progress or done, others wait for KMS, and
// the rest follow.
type pausedBatch struct {
	t *testing.T
	// rest is the index of the first item of the rest.
	rest    int
	results chan *logical.Response
	goOn    func()
}

// pausedBatch begins a batch, and holds at KMS as many items as the engine works on at a time.
func (r *rig) pausedBatch(path, ciphertext string) *pausedBatch {
	r.t.Helper()
	items, held := []any{object("ciphertext", ciphertext)}, map[string]bool{}
	for _, stray := range strays(defaultBatchParallel, r.headerOf("a")) {
		items = append(items, object("ciphertext", stray))
		held[base64.StdEncoding.EncodeToString(messageOfText(r.t, stray).Wrapped)] = true
	}
	p := &pausedBatch{t: r.t, rest: len(items), results: make(chan *logical.Response, 1)}
	for range 100 {
		items = append(items, object("ciphertext", ciphertext))
	}
	asked, wait := make(chan struct{}, len(items)), make(chan struct{})
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if asks, ok := q.(*kmsapi.DecryptRequest); ok && held[asks.CiphertextBlob] {
			asked <- struct{}{}
			<-wait
		}
		return nil
	}
	go func() {
		resp, err := r.tryWrite(path, body{"batch_input": items})
		if err != nil {
			r.t.Error(err)
		}
		p.results <- resp
	}()
	for range maxStrays {
		<-asked
	}
	p.goOn = func() { close(wait) }
	return p
}

// ends lets the batch go on, and returns how many of the rest succeeded.
func (p *pausedBatch) ends() (succeeded int) {
	p.t.Helper()
	p.goOn()
	results := resultsOf(p.t, <-p.results)
	for _, result := range results[p.rest:] {
		if result["error"] == nil {
			succeeded++
		}
	}
	return succeeded
}

func TestNothingOfABatchUnderWayLeavesOnceTheKeyIsDisabled(t *testing.T) {
	for _, ttl := range []int{60, 0} {
		for name, verb := range verbs {
			if verb.state == kmsapi.Enabled {
				continue
			}
			for _, path := range []string{"decrypt/a", "rewrap/a"} {
				t.Run(fmt.Sprintf("%s during %s with cache_ttl=%d", name, path, ttl), func(t *testing.T) {
					n := newNodes(t, "a")
					n.write("config", body{"cache_ttl": ttl})
					n.write("keys/a/config", body{"deletion_allowed": true})
					batch := n.pausedBatch(path, n.encrypt("a", hello))
					_, err := verb.do(n.rig)
					require.NoError(t, err)
					require.Zero(t, batch.ends())
				})
			}
		}
	}
}

func TestBatchUnderWayEndsWithItsDataKey(t *testing.T) {
	n := newNodes(t, "a")
	ciphertext := n.encrypt("a", hello)
	n.clock.later(20 * time.Second) // It is too early for a renewal.
	batch := n.pausedBatch("decrypt/a", ciphertext)
	disabled(n.direct(), n.keyID("a"))
	n.clock.later(40 * time.Second)
	require.Zero(t, batch.ends(), "the time of the data key is over, and KMS says no")

	n.direct().do(&kmsapi.EnableKeyRequest{KeyId: n.keyID("a")})
	batch = n.pausedBatch("decrypt/a", ciphertext)
	before := n.kms.count(kmsapi.OpDecrypt)
	n.clock.later(time.Hour)
	require.Equal(t, 100, batch.ends())
	require.LessOrEqual(t, n.kms.count(kmsapi.OpDecrypt)-before, 1+defaultBatchParallel, "KMS is asked again, once")
}

func TestBatchUnderWayGoesOnWithAKeyThatChanges(t *testing.T) {
	for _, ttl := range []int{60, 0} {
		for path, data := range map[string]body{
			"keys/a/rotate": nil, "keys/a/config": {"encryption": "direct"}, "keys/a/deregister": nil,
			"config": {"max_retries": 1},
		} {
			t.Run(fmt.Sprintf("%s with cache_ttl=%d", path, ttl), func(t *testing.T) {
				n := newNodes(t, "a")
				n.write("config", body{"cache_ttl": ttl})
				batch := n.pausedBatch("decrypt/a", n.encrypt("a", hello))
				n.write(path, data)
				require.Equal(t, 100, batch.ends())
			})
		}
	}
}
