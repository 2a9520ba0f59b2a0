package server_test

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestAStepDownUnderLoadLosesNothingThatWasAcknowledged(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	two := tr.start("two")
	var wg sync.WaitGroup
	var ended atomic.Bool
	created, refused := make(chan string, 100_000), atomic.Int64{}
	for n := range 8 {
		at := []*trialNode{one, two}[n%2]
		wg.Go(func() {
			for !ended.Load() {
				got := at.do("CreateKey")
				switch {
				case got.status == http.StatusOK:
					created <- got.KeyMetadata.KeyId
				case got.status == http.StatusServiceUnavailable, got.Code == kmsapi.ErrIllegalTimestamp.Code:
					refused.Add(1)
				default:
					t.Errorf("%d: %s", got.status, got.body)
				}
			}
		})
	}
	tr.await("there are keys", func() bool {
		tr.stepped()
		return len(created) > 100
	})
	one.shutdown()
	two.awaitServing()
	before := len(created)
	tr.await("there are more keys", func() bool {
		tr.stepped()
		return len(created) > before+10
	})
	ended.Store(true)
	wg.Wait()
	close(created)
	for id := range created {
		require.Equal(t, http.StatusOK, two.do("DescribeKey", "KeyId", id).status)
	}
	require.Positive(t, refused.Load(), "some requests came in between")
}

func TestAStepDownWaitsForRequestsInHandButNotForever(t *testing.T) {
	for _, tc := range []struct {
		name   string
		ends   bool
		within time.Duration
		status int
	}{
		{"one that ends in time is answered", true, time.Hour, http.StatusOK},
		{"one that does not is refused, whenever it ends", false, 0, http.StatusServiceUnavailable},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := newTrial(t)
			tr.stepDown = tc.within
			one := tr.start("one")
			one.awaitActive()
			id := one.createKey()
			reading, goOn := make(chan struct{}), make(chan struct{})
			var held atomic.Bool
			hold := func() {
				if !held.Swap(true) {
					close(reading)
					<-goOn
				}
			}
			tr.cluster.inView.Store(&hold)
			answered := make(chan answer, 1)
			go func() { answered <- one.do("DescribeKey", "KeyId", id) }()
			<-reading
			down := make(chan struct{})
			go func() {
				one.shutdown()
				close(down)
			}()
			if tc.ends {
				tr.await("no request is taken", func() bool {
					tr.stepped()
					return one.do("ListKeys").status != http.StatusOK
				})
				require.True(t, one.NodeHealth().Active, "it waits")
				close(goOn)
				<-down
			} else {
				<-down
				close(goOn)
			}
			require.Equal(t, tc.status, (<-answered).status)
		})
	}
}

func TestATermThatEndsByItselfIsFollowedByAnother(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	id := one.createKey()
	for range 3 {
		term := tr.term()
		term.end(errDisk)
		tr.await("the next term has begun", func() bool {
			next := tr.term()
			return next != nil && next != term && one.NodeHealth().Active
		})
		tr.clock.advance(trialSkew + time.Second)
		require.Equal(t, 1, one.must("ListKeys").TotalCount)
	}
	one.must("DescribeKey", "KeyId", id)
	require.Contains(t, one.log.String(), "no longer the active one")
}

func TestANodeThatWasClosedLeavesNoTermBehind(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	one.close()
	require.Nil(t, tr.term())
	two := tr.start("two")
	two.awaitActive()
}
