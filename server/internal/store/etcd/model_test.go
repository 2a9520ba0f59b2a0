package etcd_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

// modelTime is how long the model runs.
const modelTime = 4 * time.Second

// model knows what the store may contain: exactly one state during a term, and one of two after a term has ended with
// an update whose outcome is unknown.
type model struct {
	t        *testing.T
	rng      *rand.Rand
	direct   *clientv3.Client
	nodes    []*etcd.Node
	networks []*network
	may      []map[string]string
	// happened counts events, for failure messages and to check that runs differ.
	happened map[string]int
	// kill says that the next step of a large update ends the term.
	kill bool
}

// TestTermsAndFaultsLoseNothingAndAddNothing lets several nodes take over from each other, on a network that fails at
// random. It must find every acknowledged update, and none that was refused.
func TestTermsAndFaultsLoseNothingAndAddNothing(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Log("seed", seed)
	server := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	m := &model{
		t: t, rng: rand.New(rand.NewPCG(seed, 0)), direct: dial(t, server.Endpoints()...),
		may: []map[string]string{{}}, happened: map[string]int{},
	}
	for range 3 {
		client, network := faulty(t, server.Endpoints()...)
		m.networks = append(m.networks, network)
		m.nodes = append(m.nodes, join(t, client, func(o *etcd.Options) { o.Step = m.step }))
	}
	for began := time.Now(); time.Since(began) < modelTime; {
		m.term(m.rng.IntN(len(m.nodes)))
	}
	for _, network := range m.networks {
		network.set(nil)
		network.deliver()
	}
	// No update follows whose outcome might be unknown.
	require.NoError(t, m.begin(0).Store().Close())
	for _, n := range m.nodes {
		require.Eventually(t, func() bool {
			now := map[string]string(nil)
			err := n.Follow(t.Context(), func(r store.Reader) error {
				now = map[string]string{}
				return r.Scan("", "", func(key string, value []byte) (bool, error) {
					now[key] = string(value)
					return true, nil
				})
			})
			return err == nil && maps.Equal(now, m.may[0])
		}, time.Minute, 10*time.Millisecond, "the standbys have the same")
	}
	t.Log(m.happened)
}

func (m *model) step(string) {
	if m.kill {
		m.kill = false
		panic("killed")
	}
}

// begin begins a term of a node without faults, and requires that it finds what the store may contain.
func (m *model) begin(i int) cluster.Term {
	m.networks[i].set(nil)
	term := lead(m.t, m.nodes[i], fmt.Sprint(i))
	found := contents(m.t, term.Store().View)
	at := slices.IndexFunc(m.may, func(state map[string]string) bool { return maps.Equal(state, found) })
	require.GreaterOrEqual(m.t, at, 0, "the store has %d records; it may have %d", len(found), len(m.may[0]))
	m.may = []map[string]string{found}
	return term
}

// term runs one term of a node: some updates, with faults, and an end.
func (m *model) term(i int) {
	term := m.begin(i)
	m.networks[i].set(m.faults(m.rng.IntN(3)))
	for range m.rng.IntN(12) {
		if m.update(term); term.Err() != nil {
			break
		}
		if m.rng.IntN(3) == 0 {
			m.networks[m.rng.IntN(len(m.networks))].deliver()
		}
	}
	m.end(term)
	<-term.Done()
}

// faults returns the fates on a network of some badness, 0 to 2. It is called by one goroutine at a time.
func (m *model) faults(badness int) func(int) fate {
	rng := rand.New(rand.NewPCG(m.rng.Uint64(), 0))
	return func(int) fate {
		if rng.IntN(10) >= 3*badness {
			return arrives
		}
		return []fate{requestLost, answerLost, answerLost, late, refused, refusedAndApplied}[rng.IntN(6)]
	}
}

// update runs one update, which may be too large for a transaction.
func (m *model) update(term cluster.Term) {
	after, writes := maps.Clone(m.may[0]), map[string]*string{}
	n := 1 + m.rng.IntN(4)
	if m.rng.IntN(4) == 0 {
		n = 130 + m.rng.IntN(200)
		m.kill = m.rng.IntN(2) == 0
	}
	for range n {
		key, value := fmt.Sprint(m.rng.IntN(400)), strings.Repeat(fmt.Sprint(m.rng.IntN(10)), m.rng.IntN(9000))
		if m.rng.IntN(3) == 0 {
			writes[key] = nil
			delete(after, key)
		} else {
			writes[key] = &value
			after[key] = value
		}
	}
	m.judge(after, term.Store().Update(m.t.Context(), func(w store.Writer) error { return write(w, writes) }))
	m.kill = false // It may have failed before any step. A step outside of an update would end the test.
}

func write(w store.Writer, writes map[string]*string) (err error) {
	for key, value := range writes {
		if value == nil {
			err = errors.Join(err, w.Delete(key))
		} else {
			err = errors.Join(err, w.Put(key, []byte(*value)))
		}
	}
	return err
}

// judge updates the model by the outcome of an update.
func (m *model) judge(after map[string]string, err error) {
	switch {
	case err == nil:
		m.happened["acknowledged"]++
		m.may = []map[string]string{after}
	case errors.Is(err, store.ErrUnavailable):
		m.happened["refused"]++
	default:
		m.happened["unknown"]++
		require.ErrorIs(m.t, err, cluster.ErrTermEnded)
		m.may = append(m.may, after)
	}
}

// end ends a term in one of the ways in which terms end.
func (m *model) end(term cluster.Term) {
	switch m.rng.IntN(3) {
	case 0:
		// This is like the end of a lease; an update may be sent before the node notices.
		_, err := m.direct.Delete(m.t.Context(), prefix+"leader")
		require.NoError(m.t, err)
		if term.Err() == nil {
			m.update(term)
		}
	case 1:
		after := maps.Clone(m.may[0])
		after["last"] = fmt.Sprint(m.rng.Uint64())
		if term.Err() == nil {
			m.judge(after, term.Resign(m.t.Context(), func(w store.Writer) error {
				return w.Put("last", []byte(after["last"]))
			}))
		}
	}
	_ = term.Store().Close()
}
