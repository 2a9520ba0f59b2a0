package etcd_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
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

func TestAnOrderlyEndHandsOver(t *testing.T) {
	t.Parallel()
	for name, fates := range map[string][]fate{
		"on a good network":                             nil,
		"the answer is lost":                            {answerLost},
		"the request is lost":                           {requestLost},
		"the request is late":                           {late},
		"the deciding answer to a lost request is lost": {requestLost, answerLost},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
			client, network := faulty(t, server.Endpoints()...)
			term := lead(t, join(t, client), "a")
			require.NoError(t, put(t, term.Store(), "k", "v"))
			standby := join(t, dial(t, server.Endpoints()...))
			next := make(chan cluster.Term, 1)
			go func() { next <- lead(t, standby, "b") }()
			network.set(the(fates...))
			hooked := false
			require.NoError(t, term.Resign(t.Context(), func(w store.Writer) error {
				w.OnCommit(func() { hooked = true })
				return w.Put("last", []byte("word"))
			}))
			require.True(t, hooked)
			require.False(t, term.Valid())
			<-term.Done()
			require.NoError(t, term.Err())
			require.ErrorIs(t, put(t, term.Store(), "k", "late"), cluster.ErrTermEnded)
			require.ErrorIs(t, term.Store().Err(), store.ErrReadOnly)
			second := <-next
			network.deliver()
			require.Equal(t, map[string]string{"k": "v", "last": "word"}, contents(t, second.Store().View))
		})
	}
}

func TestLastWritesMayBeLargeOrMissingOrFail(t *testing.T) {
	t.Parallel()
	client := member(t)
	_, after := beforeAndAfter()
	term := lead(t, join(t, client), "a")
	require.NoError(t, term.Resign(t.Context(), func(w store.Writer) error {
		for key, value := range after {
			if err := w.Put(key, []byte(value)); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Equal(t, after, stored(t, client))

	term = lead(t, join(t, client), "a")
	require.NoError(t, term.Resign(t.Context(), nil), "there need be none")

	term = lead(t, join(t, client), "a")
	require.Panics(t, func() { _ = term.Resign(t.Context(), func(store.Writer) error { panic("oops") }) })
	require.Error(t, term.Err())

	ended, end := context.WithCancel(t.Context())
	end()
	term = lead(t, join(t, client), "a")
	require.ErrorIs(t, term.Resign(ended, nil), context.Canceled)
	require.ErrorIs(t, term.Err(), cluster.ErrTermEnded)

	oops := errors.New("oops")
	term = lead(t, join(t, client), "a")
	require.ErrorIs(t, term.Resign(t.Context(), func(w store.Writer) error {
		return errors.Join(w.Put("k", nil), oops)
	}), oops)
	require.False(t, term.Valid())
	require.ErrorIs(t, term.Err(), oops)
	require.Equal(t, after, stored(t, client))
}

func TestOneNodeAfterTheOther(t *testing.T) {
	t.Parallel()
	client := member(t)
	nodes := []*etcd.Node{join(t, client), join(t, client), join(t, client)}
	terms := make(chan cluster.Term)
	for i, n := range nodes {
		go func() {
			for t.Context().Err() == nil {
				term, err := n.Lead(t.Context(), cluster.Peer{Name: fmt.Sprint(i)})
				if err != nil {
					return
				}
				terms <- term
				<-term.Done()
			}
		}()
	}
	want := map[string]string{}
	for i := range 9 {
		var term cluster.Term
		select {
		case term = <-terms:
		case <-time.After(time.Minute):
			t.Fatal("no node is active")
		}
		require.Equal(t, want, contents(t, term.Store().View))
		key := fmt.Sprint(i)
		want[key] = "v"
		require.NoError(t, put(t, term.Store(), key, "v"))
		require.NoError(t, term.Resign(t.Context(), func(store.Writer) error { return nil }))
	}
}

func TestAStandbyFollows(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	active := join(t, dial(t, server.Endpoints()...))
	term := lead(t, active, "a")
	client, l := linked(t, server.Endpoints()[0])
	standby := join(t, client, leaseOf(etcd.ShortestLease)) // After a lease without answers, its copy may be old.
	follows := func(want map[string]string) {
		t.Helper()
		require.Eventually(t, func() bool {
			return standby.Status().Mark == active.Status().Mark && standby.Status().Current
		}, time.Minute, 5*time.Millisecond)
		require.Equal(t, want, contents(t, standby.Follow))
		require.Equal(t, active.Status().Revision, standby.Status().Revision)
	}
	want := map[string]string{}
	follows(want)
	leader, ok := standby.Leader()
	require.True(t, ok)
	require.Equal(t, cluster.Peer{Name: "a", Address: "127.0.0.1:1"}, leader)

	want["k"] = "v"
	require.NoError(t, put(t, term.Store(), "k", "v"))
	follows(want)
	_, want = beforeAndAfter()
	require.NoError(t, rewrite(t, term.Store(), want))
	follows(want)

	l.Set(link.Fault{HoldAnswers: true})
	require.Eventually(t, func() bool { return !standby.Status().Current }, time.Minute, 10*time.Millisecond)
	want["k"] = "w"
	require.NoError(t, put(t, term.Store(), "k", "never seen"))
	require.NoError(t, put(t, term.Store(), "k", "w"))
	compact(t, dial(t, server.Endpoints()...))
	l.Set(link.Fault{Cut: true})
	l.Set(link.Fault{})
	follows(want)
	require.Eventually(t, func() bool { return standby.Status().Bytes > 0 }, time.Minute, 10*time.Millisecond)
}

// compact drops all revisions except the current one.
func compact(t *testing.T, client *clientv3.Client) {
	now, err := client.Get(t.Context(), prefix+"mark")
	require.NoError(t, err)
	_, err = client.Compact(t.Context(), now.Header.Revision, clientv3.WithCompactPhysical())
	require.NoError(t, err)
}

func TestAReplacedStoreHasANewID(t *testing.T) {
	t.Parallel()
	client := member(t)
	standby := join(t, client)
	ids := map[string]bool{}
	for _, renew := range []bool{false, false, true} {
		n := join(t, client, func(o *etcd.Options) { o.Renew = renew })
		term := lead(t, n, "a")
		require.NotEmpty(t, n.StoreID())
		ids[n.StoreID()] = true
		require.NoError(t, term.Store().Close())
		require.Eventually(t, func() bool { return standby.StoreID() == n.StoreID() }, time.Minute, time.Millisecond)
	}
	require.Len(t, ids, 2)
}

func TestANodeThatIsClosed(t *testing.T) {
	t.Parallel()
	client := member(t)
	n := join(t, client)
	term := lead(t, n, "a")
	waiting := make(chan error, 1)
	go func() { _, err := n.Lead(t.Context(), self); waiting <- err }()
	require.NoError(t, n.Close())
	require.NoError(t, n.Close())
	require.ErrorIs(t, <-waiting, store.ErrClosed)
	require.ErrorIs(t, term.Err(), cluster.ErrTermEnded)
	require.ErrorIs(t, put(t, term.Store(), "k", "v"), store.ErrClosed)
	require.ErrorIs(t, n.Follow(t.Context(), func(store.Reader) error { return nil }), store.ErrClosed)
	_, err := n.Lead(t.Context(), self)
	require.ErrorIs(t, err, store.ErrClosed)
}

func TestAStagedUpdateThatIsNotWholeIsDamage(t *testing.T) {
	t.Parallel()
	client := member(t)
	for name, damage := range map[string]func(t *testing.T){
		"a part is missing": func(t *testing.T) {
			_, err := client.Put(t.Context(), prefix+"mark", "staged x 1")
			require.NoError(t, err)
		},
		"a part is cut off": func(t *testing.T) {
			_, err := client.Put(t.Context(), prefix+"staged/x/00000000", "\x05k")
			require.NoError(t, err)
			_, err = client.Put(t.Context(), prefix+"mark", "staged x 1")
			require.NoError(t, err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			damage(t)
			n := join(t, client)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			_, err := n.Lead(ctx, self)
			require.ErrorIs(t, err, store.ErrDamaged)
			require.ErrorIs(t, n.Follow(t.Context(), func(store.Reader) error { return nil }), store.ErrDamaged)
			_, err = client.Delete(t.Context(), prefix, clientv3.WithPrefix())
			require.NoError(t, err)
			require.Eventually(t, func() bool {
				return n.Follow(t.Context(), func(store.Reader) error { return nil }) == nil
			}, time.Minute, 10*time.Millisecond, "it recovers by itself")
			lead(t, n, "a")
			require.NoError(t, n.Close())
		})
	}
}

// The transaction that fills etcd's quota is applied, and yet reported as refused.
func TestAFullEtcdRefusesWritesAndNothingElse(t *testing.T) {
	t.Parallel()
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true, QuotaBytes: 8 << 20})
	client := dial(t, server.Endpoints()...)
	n := join(t, client)
	term := lead(t, n, "a")
	want := map[string]string{}
	for i, refusals := 0, 0; refusals < 3; i++ {
		key, value := fmt.Sprint(i%3), fmt.Sprint(i, strings.Repeat("x", 900_000))
		if err := put(t, term.Store(), key, value); err == nil {
			want[key] = value
			continue
		} else {
			require.ErrorIs(t, err, store.ErrUnavailable)
		}
		refusals++
		require.True(t, term.Valid())
		require.Equal(t, want, contents(t, term.Store().View), "reads go on")
	}
	require.ErrorIs(t, rewrite(t, term.Store(), map[string]string{"small": ""}), store.ErrUnavailable)
	require.Eventually(t, func() bool { return n.Status().Alarm == "NOSPACE" }, time.Minute, 50*time.Millisecond)

	// An operator makes room.
	compact(t, client)
	_, err := client.Defragment(t.Context(), server.Endpoints()[0])
	require.NoError(t, err)
	_, err = client.AlarmDisarm(t.Context(), &clientv3.AlarmMember{})
	require.NoError(t, err)
	want = map[string]string{"small": ""}
	written := func() bool { return rewrite(t, term.Store(), want) == nil }
	require.Eventually(t, written, time.Minute, 50*time.Millisecond)
	require.NoError(t, term.Store().Close())
	require.Equal(t, want, stored(t, client))
}
