package cluster

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A probe writes through all nodes all the time, each attempt on its own, to see when the service answers.
type probe struct {
	*rig
	key string

	mu sync.Mutex
	// answered are the attempts that succeeded, by when they began.
	answered []attempt
}

type attempt struct{ began, ended time.Time }

// newProbe creates the CMK that it writes to.
func newProbe(r *rig) *probe {
	r.t.Helper()
	p := &probe{rig: r}
	r.soon(func() error {
		made, err := r.site.Client(0).CreateKey(r.t.Context(), &kmsapi.CreateKeyRequest{Description: "probe"})
		if err == nil {
			p.key = made.KeyMetadata.KeyId
		}
		return err
	})
	return p
}

// run writes until ctx ends.
func (p *probe) run(ctx context.Context) {
	var all sync.WaitGroup
	for node := range p.nodes {
		all.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				p.attempt(ctx, node, n)
				time.Sleep(10 * time.Millisecond)
			}
		})
	}
	all.Wait()
}

// attempt writes once. It gives up soon, so that a node that hangs is asked again.
func (p *probe) attempt(ctx context.Context, node, n int) {
	ctx, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err := p.site.Client(node).UpdateKeyDescription(ctx, &kmsapi.UpdateKeyDescriptionRequest{
		KeyId: p.key, Description: fmt.Sprintf("probe %d by node %d", n, node),
	})
	if err == nil {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.answered = append(p.answered, attempt{began, time.Now()})
	}
}

// firstAfter is when the first write that began after a moment was answered, and false if none was yet.
func (p *probe) firstAfter(moment time.Time) (time.Time, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var first time.Time
	for _, a := range p.answered {
		if a.began.After(moment) && (first.IsZero() || a.ended.Before(first)) {
			first = a.ended
		}
	}
	p.answered = nil
	return first, !first.IsZero()
}

// await is how long it takes after a moment until a write is answered.
func (p *probe) await(t *testing.T, moment time.Time) time.Duration {
	t.Helper()
	for end := time.Now().Add(recovery); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if first, ok := p.firstAfter(moment); ok {
			return first.Sub(moment)
		}
	}
	require.FailNow(t, "the service does not come back")
	return 0
}

// spread is the median, the 99th percentile and the longest of sorted times, for people.
func spread(times []time.Duration) string {
	at := func(percent int) time.Duration {
		return times[(len(times)-1)*percent/100].Round(time.Millisecond)
	}
	return fmt.Sprintf("p50 %s, p99 %s, max %s of %d", at(50), at(99), at(100), len(times))
}
