package etcd_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

const prefix = "kms/"

// join makes a node with a patientLease that is closed at the end of the test.
func join(t testing.TB, client *clientv3.Client, change ...func(*etcd.Options)) *etcd.Node {
	t.Helper()
	o := etcd.Options{Client: client, Prefix: prefix, Lease: patientLease}
	for _, c := range change {
		c(&o)
	}
	n := etcd.Join(o)
	t.Cleanup(func() { require.NoError(t, n.Close()) })
	return n
}

// lead begins a term.
func lead(t testing.TB, n *etcd.Node, name string) cluster.Term {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	term, err := n.Lead(ctx, cluster.Peer{Name: name, Address: "127.0.0.1:1"})
	require.NoError(t, err)
	return term
}

func put(t testing.TB, s store.Store, key, value string) error {
	t.Helper()
	return s.Update(t.Context(), func(w store.Writer) error { return w.Put(key, []byte(value)) })
}

type view func(ctx context.Context, fn func(store.Reader) error) error

// contents reads everything.
func contents(t testing.TB, v view) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, v(t.Context(), func(r store.Reader) error {
		return r.Scan("", "", func(key string, value []byte) (bool, error) {
			all[key] = string(value)
			return true, nil
		})
	}))
	return all
}

// stored returns what the next term finds, once the previous one is over.
func stored(t testing.TB, client *clientv3.Client) map[string]string {
	t.Helper()
	s, err := etcd.Open(t.Context(), etcd.Options{Client: client, Prefix: prefix, Lease: patientLease}, self)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	return contents(t, s.View)
}

// the returns the fates of the first transactions, one each; later ones arrive.
func the(first ...fate) func(int) fate {
	return func(n int) fate {
		if n < len(first) {
			return first[n]
		}
		return arrives
	}
}

func TestACommitWithoutAnAnswerIsDecided(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	client, network := faulty(t, server.Endpoints()...)
	term := lead(t, join(t, client), "a")
	want := map[string]string{}
	for name, fates := range map[string][]fate{
		"the answer is lost":                            {answerLost},
		"the request is lost":                           {requestLost},
		"the request is late":                           {late},
		"the deciding answer is lost too":               {answerLost, answerLost},
		"both requests are lost":                        {requestLost, requestLost},
		"the deciding answer to a lost request is lost": {requestLost, answerLost},
		"both requests are late":                        {late, late},
		"it is refused, and yet applied":                {refusedAndApplied, answerLost},
		"its decision is refused, and yet applied":      {requestLost, refusedAndApplied},
		"both are refused, and yet applied":             {answerLost, refusedAndApplied},
		"it is lost twice":                              {requestLost, arrives, requestLost},
		"the answer to the second attempt is lost":      {late, arrives, answerLost},
	} {
		t.Run(name, func(t *testing.T) {
			network.set(the(fates...))
			want[name] = "v"
			require.NoError(t, put(t, term.Store(), name, "v"))
			network.deliver()
			require.NoError(t, put(t, term.Store(), name, "w"))
			want[name] = "w"
			require.Equal(t, want, contents(t, term.Store().View))
		})
	}
	require.NoError(t, term.Store().Close())
	require.Equal(t, want, stored(t, client))
}

// A late transaction must not take effect once the update was answered.
func TestALateCommitHasNoEffect(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	client, network := faulty(t, server.Endpoints()...)
	term := lead(t, join(t, client), "a")
	network.set(the(late, arrives, late, arrives, late, arrives))
	require.ErrorIs(t, put(t, term.Store(), "k", "refused"), store.ErrUnavailable)
	require.NoError(t, term.Store().Err())
	require.True(t, term.Valid())
	network.deliver()
	require.Empty(t, contents(t, term.Store().View))
	require.NoError(t, put(t, term.Store(), "other", ""), "the next one is written")
	network.deliver()
	require.NoError(t, term.Store().Close())
	require.Equal(t, map[string]string{"other": ""}, stored(t, client))
}

func TestARefusedCommitIsNotWrittenAndTheNextIs(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	client, network := faulty(t, server.Endpoints()...)
	term := lead(t, join(t, client), "a")
	network.set(the(refused, requestLost, arrives))
	require.ErrorIs(t, put(t, term.Store(), "k", "v"), store.ErrUnavailable)
	require.Empty(t, contents(t, term.Store().View))
	require.NoError(t, put(t, term.Store(), "other", ""))
	require.NoError(t, term.Store().Close())
	require.Equal(t, map[string]string{"other": ""}, stored(t, client))
}

func TestTheTermEndsIfTheOutcomeCantBeFoundOut(t *testing.T) {
	t.Parallel()
	for name, first := range map[string]fate{"it happened": answerLost, "it did not": requestLost} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
			client, network := faulty(t, server.Endpoints()...)
			// The outcome is asked for until a lease has passed.
			term := lead(t, join(t, client, leaseOf(2*etcd.ShortestLease)), "a")
			network.set(func(n int) fate {
				if n == 0 {
					return first
				}
				return requestLost
			})
			requireEnded(t, term, put(t, term.Store(), "k", "v"))
			network.set(nil)
			want := map[string]string{}
			if first == answerLost {
				want["k"] = "v"
			}
			require.Equal(t, want, stored(t, client))
		})
	}
}

// requireEnded requires that err says that the term has ended, and that it has.
func requireEnded(t testing.TB, term cluster.Term, err error) {
	t.Helper()
	require.ErrorIs(t, err, cluster.ErrTermEnded)
	require.ErrorIs(t, err, store.ErrReadOnly)
	require.False(t, term.Valid())
	<-term.Done()
	require.ErrorIs(t, term.Err(), cluster.ErrTermEnded)
	require.ErrorIs(t, term.Store().Err(), store.ErrReadOnly)
	require.ErrorIs(t, put(t, term.Store(), "later", ""), cluster.ErrTermEnded)
}

func TestAForeignWriterIsNoticed(t *testing.T) {
	t.Parallel()
	client := member(t)
	term := lead(t, join(t, client), "a")
	_, err := client.Put(t.Context(), prefix+"mark", "not mine")
	require.NoError(t, err)
	requireEnded(t, term, put(t, term.Store(), "k", "v"))
	require.Empty(t, stored(t, client))
}

// A late transaction of an earlier term finds the mark unchanged until the next term has begun to write.
func TestAFormerTermWritesNothing(t *testing.T) {
	t.Parallel()
	client, network := faulty(t, etcdtest.Start(t, etcdtest.Options{NoSync: true}).Endpoints()...)
	term := lead(t, join(t, client), "a")
	held := make(chan struct{})
	network.set(func(n int) fate {
		if n == 0 {
			return late
		}
		if n == 1 {
			close(held)
		}
		return requestLost
	})
	written := make(chan error, 1)
	go func() { written <- put(t, term.Store(), "k", "v") }()
	<-held
	_, err := client.Delete(t.Context(), prefix+"leader")
	require.NoError(t, err)
	network.deliver()
	requireEnded(t, term, <-written)
	network.set(nil)
	require.Empty(t, stored(t, client))
}

func TestTheTermEndsWithItsLeaderKey(t *testing.T) {
	t.Parallel()
	client := member(t)
	term := lead(t, join(t, client), "a")
	_, err := client.Delete(t.Context(), prefix+"leader")
	require.NoError(t, err)
	select {
	case <-term.Done():
	case <-time.After(time.Minute):
		t.Fatal("it goes on")
	}
	requireEnded(t, term, put(t, term.Store(), "k", "v"))
}

// A request is on its way when its link is cut, and the answer never arrives.
func TestACommitSurvivesALinkThatIsCutAfterTheRequest(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	client, l := linked(t, server.Endpoints()[0])
	direct := dial(t, server.Endpoints()...)
	term := lead(t, join(t, client), "a")
	l.Set(link.Fault{HoldAnswers: true})
	written := make(chan error, 1)
	go func() { written <- put(t, term.Store(), "k", "v") }()
	require.Eventually(t, func() bool {
		there, err := direct.Get(t.Context(), prefix+"data/k")
		return err == nil && len(there.Kvs) == 1
	}, time.Minute, time.Millisecond, "it has arrived")
	require.Empty(t, contents(t, term.Store().View), "but that is not known yet")
	l.Set(link.Fault{Cut: true})
	l.Set(link.Fault{})
	require.NoError(t, <-written)
	require.True(t, term.Valid())
	require.NoError(t, term.Store().Close())
	require.Equal(t, map[string]string{"k": "v"}, stored(t, direct))
}
