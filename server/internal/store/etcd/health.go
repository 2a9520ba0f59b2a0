package etcd

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// health is what a member of etcd reports about itself.
type health struct {
	bytes int64
	alarm string
}

// healthEvery is how often one member is asked.
const healthEvery = 5 * time.Second

// Status implements [cluster.Node].
func (n *Node) Status() cluster.Status {
	var s cluster.Status
	if answered := n.answered.Load(); answered != nil {
		s.Connected = n.clock.since(*answered) < n.lease
	}
	if h := n.health.Load(); h != nil {
		s.Bytes, s.Alarm = h.bytes, h.alarm
	}
	if t := n.term.Load(); t != nil {
		m := t.mark.Load()
		s.Mark, s.Revision, s.Lease = m.value, m.revision, max(t.lease.remaining(), 0)
		s.Current = t.Valid()
		return s
	}
	f := n.follower.Load()
	if v := f.seen.Load(); v != nil && v.err == nil {
		s.Mark, s.Revision = v.mark.value, v.mark.revision
		s.Current = s.Connected && s.Revision >= f.latest.Load()
	}
	return s
}

// watchHealth asks one member after another for the size of its database and its alarms, until the node is closed.
func (n *Node) watchHealth() {
	ticks := time.NewTicker(healthEvery)
	defer ticks.Stop()
	for i := 0; ; i++ {
		if endpoints := n.client.Endpoints(); len(endpoints) > 0 {
			n.askHealth(endpoints[i%len(endpoints)])
		}
		select {
		case <-n.ctx.Done():
			return
		case <-ticks.C:
		}
	}
}

// askHealth asks a member for its health. If the member does not answer, the last known health is kept.
func (n *Node) askHealth(endpoint string) {
	ctx, cancel := context.WithTimeout(n.ctx, healthEvery)
	defer cancel()
	answer, err := n.client.Status(ctx, endpoint)
	if err != nil {
		return
	}
	h := &health{bytes: answer.DbSize, alarm: alarms(answer.Errors)}
	if before := n.health.Swap(h); h.alarm != "" && (before == nil || before.alarm != h.alarm) {
		n.log.Error("etcd has raised an alarm", "alarm", h.alarm, "bytes", h.bytes)
	}
}

// alarms returns the names of etcd's alarms among the problems that a member reports.
func alarms(problems []string) string {
	var found []string
	for _, name := range slices.Sorted(maps.Keys(pb.AlarmType_value)) {
		if name != pb.AlarmType_NONE.String() && strings.Contains(strings.Join(problems, " "), name) {
			found = append(found, name)
		}
	}
	return strings.Join(found, " ")
}
