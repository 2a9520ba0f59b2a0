package etcd_test

import (
	"context"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

// clocks are the clocks of a machine, which the test can set.
type clocks struct {
	start           time.Time
	monotonic, wall atomic.Int64
}

func (c *clocks) clock(o *etcd.Options) {
	o.Clock = etcd.Clock{
		Monotonic: func() time.Duration { return time.Since(c.start) + time.Duration(c.monotonic.Load()) },
		Wall:      func() time.Time { return time.Now().Round(0).Add(time.Duration(c.wall.Load())) },
	}
}

func TestALeaseEndsByWhicheverClockIsFurther(t *testing.T) {
	t.Parallel()
	client := member(t)
	for name, test := range map[string]struct {
		monotonic, wall time.Duration
		ends            bool
	}{
		"a machine that was suspended":             {0, time.Minute, true},
		"a process that was stopped":               {time.Minute, time.Minute, true},
		"a wall clock that was set back meanwhile": {time.Minute, -time.Hour, true},
		"a wall clock that was set back":           {0, -time.Hour, false},
		"a wall clock that was corrected a little": {0, 500 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			c := &clocks{start: time.Now()}
			// A minute is longer than the lease, and what is left of it after half a second is still long.
			node := join(t, client, c.clock, leaseOf(5*etcd.ShortestLease))
			term := lead(t, node, "a")
			require.True(t, term.Valid())
			require.Positive(t, node.Status().Lease)
			c.monotonic.Store(int64(test.monotonic))
			c.wall.Store(int64(test.wall))
			require.Equal(t, !test.ends, term.Valid(), "at once")
			select {
			case <-term.Done():
			case <-time.After(300 * time.Millisecond):
			}
			require.Eventually(t, func() bool {
				return term.Valid() || term.Err() != nil
			}, time.Minute, time.Millisecond, "either it has ended, or it was kept alive")
			if term.Valid() {
				require.NoError(t, put(t, term.Store(), "k", "v"))
			} else {
				require.True(t, test.ends)
				requireEnded(t, term, put(t, term.Store(), "k", "v"))
			}
			require.NoError(t, node.Close())
		})
	}
}

// linked returns a client of an etcd of one member, over a link.
func linked(t *testing.T, endpoint string) (*clientv3.Client, *link.Link) {
	t.Helper()
	u, err := url.Parse(endpoint)
	require.NoError(t, err)
	l, err := link.New("127.0.0.1:0", u.Host)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return dial(t, "http://"+l.Address()), l
}

// The answers of an active node count only as long as no other node is active. One side calls Valid continuously, and
// the other side reports when its term has begun.
func TestATermIsOverBeforeTheNextBegins(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	const lease = 2 * etcd.ShortestLease
	for name, fault := range map[string]link.Fault{
		"cut":                   {Cut: true},
		"requests are held":     {HoldRequests: true},
		"answers are held":      {HoldAnswers: true},
		"both are held":         {HoldRequests: true, HoldAnswers: true},
		"slow beyond the lease": {Delay: lease},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := func(o *etcd.Options) { o.Prefix = name + "/" }
			client, l := linked(t, server.Endpoints()[0])
			node := join(t, client, in, leaseOf(lease))
			first := lead(t, node, "a")
			require.NoError(t, put(t, first.Store(), "k", "v"))
			standby := join(t, dial(t, server.Endpoints()...), in)
			l.Set(fault)
			second := lead(t, standby, "b")
			require.False(t, first.Valid(), "two nodes are active")
			require.Equal(t, map[string]string{"k": "v"}, contents(t, second.Store().View))
			requireEnded(t, first, put(t, first.Store(), "k", "w"))
			require.Eventually(t, func() bool { return !node.Status().Connected }, time.Minute, 10*time.Millisecond)
			l.Set(link.Fault{})
			require.NoError(t, put(t, second.Store(), "k", "x"))
			require.Eventually(t, func() bool {
				leader, ok := node.Leader()
				return ok && leader.Name == "b" && node.Status().Current
			}, time.Minute, 10*time.Millisecond, "it follows again")
			require.Eventually(t, func() bool {
				return contents(t, node.Follow)["k"] == "x"
			}, time.Minute, 10*time.Millisecond)
		})
	}
}

func TestOpenWaitsForAnActiveNodeAsLongAsForADeadOne(t *testing.T) {
	t.Parallel()
	client := member(t)
	term := lead(t, join(t, client), "a")
	began := time.Now()
	const lease = 2 * etcd.ShortestLease
	_, err := etcd.Open(t.Context(), etcd.Options{Client: client, Prefix: prefix, Lease: lease}, self)
	require.ErrorIs(t, err, store.ErrLocked)
	require.ErrorContains(t, err, "127.0.0.1:1")
	waited := time.Since(began)
	require.Greater(t, waited, lease)
	require.Less(t, waited, 10*lease, "a lease, and what etcd needs to end it")
	require.NoError(t, put(t, term.Store(), "k", "v"), "the active node is none the worse")

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = etcd.Open(ctx, etcd.Options{Client: client, Prefix: prefix}, self)
	require.ErrorIs(t, err, context.Canceled)
}

func TestOpenSaysThatEtcdDoesNotAnswer(t *testing.T) {
	t.Parallel()
	client, l := linked(t, etcdtest.Start(t, etcdtest.Options{NoSync: true}).Endpoints()[0])
	l.Set(link.Fault{HoldRequests: true, HoldAnswers: true})
	_, err := etcd.Open(t.Context(), etcd.Options{Client: client, Prefix: prefix}, self)
	require.ErrorIs(t, err, store.ErrUnavailable)
}
