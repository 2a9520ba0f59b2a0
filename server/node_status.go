package server

import (
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
)

// status is the operators' view of a node's part in its cluster.
func (n *node) status() ops.Node {
	a, store := n.active.Load(), n.member.Status()
	_, refusal := n.candidacy.now()
	status := ops.Node{
		Name: n.link.Self().Name, Active: a != nil, Candidate: refusal == nil,
		Connected: store.Connected, Current: store.Current, Mark: store.Mark, Revision: store.Revision,
		Lease: store.Lease, StoreBytes: store.Bytes, StoreAlarm: store.Alarm, ClockOffset: n.link.ClockOffset(),
	}
	if leader, known := n.leader(); known {
		status.ActiveNode = leader.Name
	}
	status.Err = n.health(a, status, refusal)
	return status
}

// leader returns the active node, if one is known. One without an address is none, but a command, such as a restore,
// that keeps nodes from the store.
func (n *node) leader() (cluster.Peer, bool) {
	leader, known := n.member.Leader()
	return leader, known && leader.Address != ""
}

// health returns nil if this node serves or forwards requests, and may be the active one.
func (n *node) health(a *active, s ops.Node, refusal error) error {
	switch {
	case !s.Connected:
		return errors.New("the cluster's store has not answered within a lease")
	case refusal != nil:
		return fmt.Errorf("this node may not become the active one: %w", refusal)
	case a == nil && s.ActiveNode == "":
		return errors.New("no node of the cluster is the active one")
	case a == nil:
		return n.auditHealth()
	}
	if a.isEarly() {
		return fmt.Errorf("this node has just become the active one, and serves from %s on",
			a.floor.UTC().Format(time.RFC3339))
	}
	if a.serving() != nil {
		return errors.New("the term of this node has ended")
	}
	if err := a.store.Err(); err != nil {
		return err
	}
	return n.auditHealth()
}
