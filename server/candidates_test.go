package server_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

func TestANodeThatMayNotStandDoesNotTakeOver(t *testing.T) {
	for _, tc := range []struct {
		name    string
		ahead   time.Duration
		prepare func(t *testing.T, tr *trial) func(*server.Config)
		refusal string
	}{
		{
			name:    "another root key",
			prepare: func(t *testing.T, _ *trial) func(*server.Config) { return otherRootKey(t) },
			refusal: "root key",
		},
		{
			name: "a layout of a later program",
			prepare: func(t *testing.T, tr *trial) func(*server.Config) {
				require.NoError(t, tr.cluster.store.Update(t.Context(), func(w store.Writer) error {
					return w.Put("meta/schema", []byte("99"))
				}))
				return func(*server.Config) {}
			},
			refusal: `its layout has version "99"`,
		},
		{name: "a clock far behind the last run's", ahead: -time.Hour, refusal: "set the clock"},
		{name: "what its peers find", refusal: errDisk.Error()},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := newTrial(t)
			one := tr.start("one")
			one.awaitActive()
			one.createKey()
			change := func(*server.Config) {}
			if tc.prepare != nil {
				change = tc.prepare(t, tr)
			}
			two := tr.startAhead("two", tc.ahead, change, withOps(t))
			if tc.refusal == errDisk.Error() {
				refuse(two)
			}
			tr.awaitInTime("two may not stand", func() bool { return strings.Contains(two.log.String(), "may not become") })
			one.close()
			tr.awaitInTime("two was checked once more", func() bool { return two.NodeHealth().ActiveNode == "" })
			health := two.NodeHealth()
			require.False(t, health.Active)
			require.ErrorContains(t, health.Err, "may not become the active one")
			require.ErrorContains(t, health.Err, tc.refusal)
			status, _ := observe(t, two.OpsAddress(), http.MethodGet, "/healthz?standbyok=true")
			require.Equal(t, http.StatusServiceUnavailable, status)
			_, metrics := observe(t, two.OpsAddress(), http.MethodGet, "/metrics")
			require.Contains(t, metrics, "alicloudkms_cluster_candidate 0\n")
			require.Contains(t, two.log.String(), "this node may not become the active one")
		})
	}
}

func otherRootKey(t *testing.T) func(*server.Config) {
	other, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	return func(c *server.Config) { c.RootKey = other.Config.RootKey }
}

func TestANodeStandsOnceNothingIsAgainstItAnyLonger(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	two := tr.start("two")
	refuse(two)
	tr.awaitInTime("two may not stand", func() bool { return two.NodeHealth().Err != nil })
	one.close()
	two.link().refusal.Store(nil)
	tr.awaitInTime("two is the active one", func() bool { return two.NodeHealth().Active })
}

func TestAProbeFromAnotherMachineTellsANodesRole(t *testing.T) {
	tr := newTrial(t)
	probes := func(c *server.Config) { c.Ops.HealthAddress = "127.0.0.1:0" }
	one := tr.start("one", withOps(t), probes)
	one.awaitServing()
	two := tr.start("two", withOps(t), probes)
	tr.awaitInTime("two may stand", func() bool { return two.NodeHealth().Refusal == nil })
	probe := func(n *trialNode, query string) string {
		status, word := observe(t, n.HealthAddress(), http.MethodGet, "/healthz"+query)
		return fmt.Sprint(status, " ", word)
	}
	require.Equal(t, "200 active\n", probe(one, ""))
	require.Equal(t, "429 standby\n", probe(two, ""))
	require.Equal(t, "200 standby\n", probe(two, "?standbyok=true"))
	refuse(two)
	tr.awaitInTime("two can't serve", func() bool { return probe(two, "?standbyok=true") == "503 unavailable\n" })
}

// healthz is the body of /healthz on a node of a cluster.
type healthz struct {
	Node       string `json:"node"`
	Role       string `json:"role"`
	ActiveNode string `json:"active_node"`
	Error      string
	Mark       string
	Revision   int64
	Current    bool
	Lease      float64 `json:"lease_seconds"`
	StoreBytes int64   `json:"store_bytes"`
	Offset     float64 `json:"clock_offset_seconds"`
	ClockOff   bool    `json:"clock_off"`
	Candidate  bool
	Refusal    string
	Warnings   []string
	Stale      string `json:"config_stale_since"`
}

func (n *trialNode) observeHealth(query string) (status int, body healthz) {
	n.trial.t.Helper()
	status, text := observe(n.trial.t, n.OpsAddress(), http.MethodGet, "/healthz"+query)
	require.NoError(n.trial.t, json.Unmarshal([]byte(text), &body), text)
	return status, body
}

func TestHealthSaysWhatANodeIs(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one", withOps(t))
	one.awaitActive()
	one.createKey()
	two := tr.start("two", withOps(t))
	tr.awaitInTime("two may stand", func() bool { return two.NodeHealth().Refusal == nil })
	two.link().offset.Store(int64(-300 * time.Millisecond))

	status, body := one.observeHealth("")
	require.Equal(t, http.StatusOK, status)
	revision := tr.cluster.revision
	require.Equal(t, healthz{
		Node: "one", Role: "active", ActiveNode: "one", Mark: body.Mark, Revision: revision, Current: true, Lease: 5,
		StoreBytes: 4711, Candidate: true,
	}, body)
	require.NotEmpty(t, body.Mark)

	status, body = two.observeHealth("")
	require.Equal(t, http.StatusTooManyRequests, status)
	require.Equal(t, healthz{
		Node: "two", Role: "standby", ActiveNode: "one", Mark: body.Mark, Revision: revision, Current: true,
		StoreBytes: 4711, Offset: -0.3, Candidate: true,
	}, body)
	status, _ = two.observeHealth("?standbyok=true")
	require.Equal(t, http.StatusOK, status)
	status, _ = two.observeHealth("?standbyok=yes")
	require.Equal(t, http.StatusTooManyRequests, status)

	_, metrics := observe(t, one.OpsAddress(), http.MethodGet, "/metrics")
	for _, line := range []string{
		"cluster_active 1", "cluster_candidate 1", "cluster_terms_total 1", "cluster_lease_seconds 5",
		"cluster_store_bytes 4711", "cluster_store_alarm 0", "cluster_store_current 1", "cluster_store_connected 1",
	} {
		require.Contains(t, metrics, "\nalicloudkms_"+line+"\n")
	}
	require.Contains(t, metrics, "\nalicloudkms_store_size_bytes 4711\n")
	_, page := observe(t, two.OpsAddress(), http.MethodGet, "/")
	require.Contains(t, page, "is answered by the active node")
	require.Contains(t, page, "4.7 kB")
	_, metrics = observe(t, two.OpsAddress(), http.MethodGet, "/metrics")
	require.Contains(t, metrics, "\nalicloudkms_cluster_clock_offset_seconds -0.3\n")
	require.Contains(t, metrics, "\nalicloudkms_cluster_active 0\n")

	two.away.Store(true)
	status, body = two.observeHealth("?standbyok=true")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body.Error, "has not answered within a lease")
}

func TestAnActiveNodeWhoseClockIsOffServesAndSaysSo(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one", withOps(t))
	one.awaitActive()
	off := fmt.Errorf("%w: by a minute", peers.ErrClock)
	one.link().off.Store(&off)
	status, body := one.observeHealth("")
	require.Equal(t, http.StatusOK, status, "it is the one that serves")
	require.True(t, body.ClockOff)
	require.Len(t, body.Warnings, 1)
	require.Equal(t, "its clock is off: by a minute; no other node can take over until that changes", body.Warnings[0])
	_, metrics := observe(t, one.OpsAddress(), http.MethodGet, "/metrics")
	require.Contains(t, metrics, "\nalicloudkms_cluster_clock_off 1\n")

	two := tr.start("two", withOps(t))
	two.link().refusal.Store(&off)
	tr.awaitInTime("two may not stand", func() bool { return two.NodeHealth().Refusal != nil })
	tr.awaitInTime("and why", func() bool { return errors.Is(two.NodeHealth().Refusal, peers.ErrClock) })
	status, body = two.observeHealth("?standbyok=true")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.True(t, body.ClockOff)
	require.Contains(t, body.Refusal, "its clock is off")
	require.Empty(t, body.Warnings)
}

func TestAStandbyThatCanNotForwardIsNotHealthy(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	two := tr.start("two", withOps(t))
	tr.awaitInTime("two may stand", func() bool { return two.NodeHealth().Refusal == nil })
	disk := error(errDisk)
	two.link().cut.Store(&disk)
	status, body := two.observeHealth("?standbyok=true")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "the active node can't be reached: "+errDisk.Error(), body.Error)
	two.link().cut.Store(nil)
	status, _ = two.observeHealth("?standbyok=true")
	require.Equal(t, http.StatusOK, status)

	// Another node with the name of this one, or this one before a restart.
	leader := tr.term()
	tr.cluster.mu.Lock()
	leader.self.Name = two.name
	tr.cluster.mu.Unlock()
	status, body = two.observeHealth("?standbyok=true")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body.Error, "at one.example.com:8444, has the name of this node")
	two.do("ListKeys").refused(t, kmsapi.ErrServiceUnavailable)

	tr.cluster.mu.Lock()
	leader.self = cluster.Peer{Name: "alicloudkms restore"}
	tr.cluster.mu.Unlock()
	_, body = two.observeHealth("")
	require.Contains(t, body.Error, "the store is held by alicloudkms restore")

	tr.cluster.mu.Lock()
	leader.self = cluster.Peer{} // The leader key was not written by a node.
	tr.cluster.mu.Unlock()
	status, body = two.observeHealth("?standbyok=true")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body.Error, "the leader key in the store was not written by one")
	require.Contains(t, two.do("ListKeys").Message, "No node of the cluster is the active one")
}

// A load balancer, or anything else that reaches the listener, may send any query.
func TestHealthAnswersWhateverTheQuery(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one", withOps(t))
	one.awaitActive()
	two := tr.start("two", withOps(t))
	tr.awaitInTime("two may stand", func() bool { return two.NodeHealth().Refusal == nil })
	for query, want := range map[string]int{
		"?standbyok": http.StatusTooManyRequests, "?standbyok=TRUE": http.StatusTooManyRequests,
		"?standbyok=false&standbyok=true": http.StatusTooManyRequests, "?standbyok=true&x=%zz": http.StatusOK,
		"?standbyok=true;x": http.StatusTooManyRequests, "?%73tandbyok=%74rue": http.StatusOK,
		"?x=" + strings.Repeat("&", 50_000): http.StatusTooManyRequests, "?activecode=200": http.StatusTooManyRequests,
	} {
		status, body := two.observeHealth(query)
		require.Equal(t, want, status, "%.40q", query)
		require.Equal(t, "standby", body.Role)
	}
}

func TestHealthSaysThatNoNodeIsActive(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	two := tr.start("two", withOps(t))
	tr.awaitInTime("two may stand", func() bool { return two.NodeHealth().Refusal == nil })
	tr.cluster.noTerms.Store(true)
	one.close()
	status, body := two.observeHealth("?standbyok=true")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Equal(t, "standby", body.Role)
	require.Equal(t, "no node of the cluster is the active one", body.Error)
	tr.cluster.full.Store(true)
	_, body = two.observeHealth("")
	require.Equal(t, "no node of the cluster is the active one, and none can be while the store has the alarm NOSPACE",
		body.Error)
}

func TestAnActiveNodeWarnsThatNoOtherCanTakeOverWhileTheStoreIsFull(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one", withOps(t))
	one.awaitActive()
	tr.cluster.full.Store(true)
	status, body := one.observeHealth("")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, []string{"the store has raised the alarm NOSPACE; no other node can take over until that changes"},
		body.Warnings)
}

func TestAHealthyServiceOnAMachineOfItsOwnIsDescribedAsBefore(t *testing.T) {
	s := newSite(t)
	require.Equal(t, "ok\n", s.healthz())
	_, metrics := observe(t, s.server.OpsAddress(), http.MethodGet, "/metrics")
	require.NotContains(t, metrics, "alicloudkms_cluster_")
}

func TestEveryNodeTakesAReload(t *testing.T) {
	tr := newTrial(t)
	one, two := tr.start("one"), (*trialNode)(nil)
	one.awaitActive()
	two = tr.start("two")
	one.createKey()
	for _, n := range []*trialNode{two, one} {
		n.config.Quotas = &server.Quotas{Keys: 1}
		two.createKey()
		before := n.described().Config
		_, err := n.Reload(n.config)
		require.NoError(t, err)
		require.NotEqual(t, before, n.described().Config, "the others compare it with theirs")
	}
	require.Equal(t, one.described(), two.described())
	two.do("CreateKey").refused(t, kmsapi.ErrLimitExceeded)
	one.close()
	two.awaitServing()
	two.do("CreateKey").refused(t, kmsapi.ErrLimitExceeded)
}
