package ops

import (
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Node is the state of a node of a cluster at one time.
type Node struct {
	// Name is the node's name, and ActiveNode the name of the active node, or "" if none is known.
	Name, ActiveNode string
	// Active reports whether this is the active node.
	Active bool
	// Refusal is why this node may not become active; nil if it may.
	Refusal error
	// Connected reports whether the store has answered within a lease, and Current whether this node's copy of the
	// store has the last commit.
	Connected, Current bool
	// Mark and Revision identify the last commit that this node has seen.
	Mark     string
	Revision int64
	// Lease is what is left of the lease, if this is the active node.
	Lease time.Duration
	// StoreBytes is the size of the store, and StoreAlarm its alarm, or "".
	StoreBytes int64
	StoreAlarm string
	// ClockOffset is how far this node's clock is ahead of the peer's clock that differs most from it.
	ClockOffset time.Duration
	// ClockErr says that this node's clock is off: a standby's compared to the active node's, and the active node's
	// compared to those of most standbys. It is nil otherwise.
	ClockErr error
	// Err is why this node does not serve requests or may not be active, and nil otherwise.
	Err error
}

// warnings returns what is wrong with a node that still serves. An active node's clock that is off is only a warning:
// with 503, a load balancer would take out the one node that serves, while the standbys, which compare themselves with
// it, already answer 503. Clocks are compared for the next takeover, which is impossible while they differ. A store
// that takes no writes is a warning too.
func (n Node) warnings() (all []string) {
	const noTakeover = "; no other node can take over until that changes"
	if n.Active && n.ClockErr != nil {
		all = append(all, n.ClockErr.Error()+noTakeover)
	}
	if n.Active && n.StoreAlarm != "" {
		all = append(all, "the store has raised the alarm "+n.StoreAlarm+noTakeover)
	}
	return all
}

const (
	roleActive  = "active"
	roleStandby = "standby"
)

// role returns the node's current role.
func (n Node) role() string {
	if n.Active {
		return roleActive
	}
	return roleStandby
}

// healthStatus returns Vault's status for a node's health: 200 if it is the active one, 429 if it is a standby, and 503
// if it can't serve requests.
func (n Node) healthStatus() int {
	switch {
	case n.Err != nil:
		return http.StatusServiceUnavailable
	case n.Active:
		return http.StatusOK
	default:
		return http.StatusTooManyRequests
	}
}

// healthz answers for a service without a cluster, or for a node of a cluster.
func healthz(o Options) http.Handler {
	if o.Node != nil {
		return nodeHealth(o.Node, o.Status)
	}
	return health(o.Status)
}

// nodeHealth answers with the node's [Node.healthStatus], and with JSON.
func nodeHealth(node func() Node, of func() Status) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := node()
		answer(w, asWanted(n.healthStatus(), r.URL.Query()), reportOf(n, of()))
	})
}

// asWanted returns 200 instead of a standby's status if the request has ?standbyok=true, as in Vault.
func asWanted(status int, query url.Values) int {
	if status == http.StatusTooManyRequests && query.Get("standbyok") == "true" {
		return http.StatusOK
	}
	return status
}

// nodeReport is the body of the answer about a node's health. Fields may be added, but never removed or changed.
type nodeReport struct {
	Node       string `json:"node"`
	Role       string `json:"role"`
	ActiveNode string `json:"active_node"`
	Error      string `json:"error,omitempty"`
	Candidate  bool   `json:"candidate"`
	// Refusal is why the node may not become active.
	Refusal      string   `json:"refusal,omitempty"`
	Warnings     []string `json:"warnings,omitempty"`
	Mark         string   `json:"mark"`
	Revision     int64    `json:"revision"`
	Current      bool     `json:"current"`
	LeaseSeconds float64  `json:"lease_seconds"`
	StoreBytes   int64    `json:"store_bytes"`
	StoreAlarm   string   `json:"store_alarm,omitempty"`
	ClockOffset  float64  `json:"clock_offset_seconds"`
	ClockOff     bool     `json:"clock_off"`
	// ConfigStaleSince is when reloads began to fail.
	ConfigStaleSince *time.Time `json:"config_stale_since,omitempty"`
	// Certificates are the certificates in use.
	Certificates []certificateReport `json:"certificates,omitempty"`
}

func reportOf(n Node, s Status) nodeReport {
	report := nodeReport{
		Node: n.Name, Role: n.role(), ActiveNode: n.ActiveNode, Mark: n.Mark, Revision: n.Revision, Current: n.Current,
		LeaseSeconds: n.Lease.Seconds(), StoreBytes: n.StoreBytes, StoreAlarm: n.StoreAlarm,
		ClockOffset: n.ClockOffset.Seconds(), ClockOff: n.ClockErr != nil, Candidate: n.Refusal == nil,
		Warnings: append(n.warnings(), s.certificateWarnings()...), Certificates: s.certificateReports(),
	}
	if n.Refusal != nil {
		report.Refusal = n.Refusal.Error()
	}
	if n.Err != nil {
		report.Error = n.Err.Error()
	}
	if !s.StaleSince.IsZero() {
		report.ConfigStaleSince = &s.StaleSince
	}
	return report
}

// ForwardResult is the result of a request that a standby has received.
type ForwardResult string

// The results of [Metrics.Forwarded].
const (
	// ForwardAnswered means that the active node has answered.
	ForwardAnswered ForwardResult = "answered"
	// ForwardNotRun means that the request has certainly not run, and ForwardUnknown that it may have.
	ForwardNotRun  ForwardResult = "not_run"
	ForwardUnknown ForwardResult = "unknown"
	// NoActiveNode means that no active node was known.
	NoActiveNode ForwardResult = "no_active_node"
)

// nodeCounters count what a node does in a cluster.
type nodeCounters struct {
	terms     prometheus.Counter
	forwarded *prometheus.CounterVec
}

func newNodeCounters() nodeCounters {
	c := nodeCounters{
		terms:     prometheus.NewCounter(counterOpts("cluster_terms_total", "Times that this node became the active one.")),
		forwarded: counters(nameForwarded, "Requests that this node received as a standby, by result.", "result"),
	}
	for _, result := range []ForwardResult{ForwardAnswered, ForwardNotRun, ForwardUnknown, NoActiveNode} {
		c.forwarded.WithLabelValues(string(result))
	}
	return c
}

// TermBegan counts a term of this node as the active one.
func (m *Metrics) TermBegan() { m.node.terms.Inc() }

// Forwarded counts a request that this node has received as a standby.
func (m *Metrics) Forwarded(r ForwardResult) { m.node.forwarded.WithLabelValues(string(r)).Inc() }

// WatchNode adds the counters of a node and its state in the cluster, read at each scrape, to m.
func (m *Metrics) WatchNode(node func() Node) {
	m.registry.MustRegister(m.node.terms, m.node.forwarded, nodeCollector{node})
}

type nodeCollector struct{ node func() Node }

var (
	activeDesc    = describe("cluster_active", "1 if this is the active node of its cluster.")
	candidateDesc = describe("cluster_candidate", "1 if this node may be the active one; /healthz says why not.")
	connectedDesc = describe("cluster_store_connected", "1 if the cluster's store has answered within a lease.")
	currentDesc   = describe("cluster_store_current", "1 if this node's copy of the store has its last commit.")
	leaseDesc     = describe("cluster_lease_seconds", "What is left of the lease of the active node; 0 on a standby.")
	bytesDesc     = describe("cluster_store_bytes", "The size of the cluster's store.")
	alarmDesc     = describe("cluster_store_alarm", "1 while the cluster's store has an alarm, such as that it is full.")
	offsetDesc    = describe("cluster_clock_offset_seconds",
		"How far the clock of this node is ahead of the peer's clock that differs most.")
	clockOffDesc = describe("cluster_clock_off",
		"1 if the clock of this node differs by more than half of max_clock_skew from the active node's, or if this is the "+
			"active node, from those of most others.")
)

// Describe implements [prometheus.Collector].
func (nodeCollector) Describe(descs chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		activeDesc, candidateDesc, connectedDesc, currentDesc, leaseDesc, bytesDesc, alarmDesc, offsetDesc,
		clockOffDesc,
	} {
		descs <- d
	}
}

// Collect implements [prometheus.Collector].
func (c nodeCollector) Collect(out chan<- prometheus.Metric) {
	n := c.node()
	for desc, value := range map[*prometheus.Desc]float64{
		activeDesc: oneIf(n.Active), candidateDesc: oneIf(n.Refusal == nil), connectedDesc: oneIf(n.Connected),
		currentDesc: oneIf(n.Current), leaseDesc: n.Lease.Seconds(), bytesDesc: float64(n.StoreBytes),
		alarmDesc: oneIf(n.StoreAlarm != ""), offsetDesc: n.ClockOffset.Seconds(),
		clockOffDesc: oneIf(n.ClockErr != nil),
	} {
		out <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value)
	}
}
