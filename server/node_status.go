package server

import (
	"errors"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
)

// status returns the node's role in its cluster, for operators.
func (n *node) status() ops.Node {
	a, store := n.active.Load(), n.member.Status()
	_, refusal := n.candidacy.now()
	status := ops.Node{
		Name: n.link.Self().Name, Active: a != nil, Refusal: refusal,
		Connected: store.Connected, Current: store.Current, Mark: store.Mark, Revision: store.Revision,
		Lease: store.Lease, StoreBytes: store.Bytes, StoreAlarm: store.Alarm, ClockOffset: n.link.ClockOffset(),
	}
	if leader, known := n.leader(); known {
		status.ActiveNode = leader.Name
	}
	switch {
	case a != nil:
		status.ClockErr = n.link.ClockOff()
		status.Err = n.activeHealth(a, status)
	default:
		if errors.Is(refusal, peers.ErrClock) {
			status.ClockErr = refusal
		}
		status.Err = n.standbyHealth(status)
	}
	return status
}

// certificates returns the certificates that the node presents to its peers, and to the store if it has one for that.
func (n *node) certificates() []ops.Certificate {
	all := []ops.Certificate{{For: ops.ForNodes, Expires: n.link.CertificateExpires()}}
	if expires := n.forStore.expires(); !expires.IsZero() {
		all = append(all, ops.Certificate{For: ops.ForEtcd, Expires: expires})
	}
	return all
}

// leader returns the active node, if one is known. A leader without an address is not a node: it is a command, such as
// a restore, or anything else that holds the store.
func (n *node) leader() (cluster.Peer, bool) {
	leader, known := n.member.Leader()
	return leader, known && leader.Address != ""
}

// errStandby returns an error that says that this node is a standby, and names the active one if it is known.
func (n *node) errStandby() error {
	if active, known := n.leader(); known && active.Name != n.link.Self().Name {
		return fmt.Errorf("this node is not the active one of its cluster; that is %s, at %s", active.Name, active.Address)
	}
	return errors.New("this node is not the active one of its cluster")
}

// The reasons why neither an active node nor a standby serves.
var (
	errStoreAway = errors.New("the cluster's store has not answered within a lease")
	errNobody    = errors.New("no node of the cluster is the active one")
	errHeld      = errors.New("no node of the cluster can be the active one: the leader key in the store was not written by one")
)

func errRefused(refusal error) error {
	return fmt.Errorf("this node may not become the active one: %w", refusal)
}

// activeHealth returns nil if this node, which is the active one, serves requests.
func (n *node) activeHealth(a *active, s ops.Node) error {
	switch {
	case !s.Connected:
		return errStoreAway
	case s.Refusal != nil:
		return errRefused(s.Refusal)
	case a.isEarly():
		return fmt.Errorf("this node has just become the active one, and serves from %s on",
			a.floor.UTC().Format(time.RFC3339))
	case a.serving() != nil:
		return errors.New("the term of this node has ended")
	}
	if err := a.store.Err(); err != nil {
		return err
	}
	return n.auditHealth()
}

// standbyHealth returns nil if this node forwards requests, and may become the active one.
func (n *node) standbyHealth(s ops.Node) error {
	leader, held := n.member.Leader()
	switch self := n.link.Self(); {
	case !s.Connected:
		return errStoreAway
	case s.Refusal != nil:
		return errRefused(s.Refusal)
	case !held && s.StoreAlarm != "":
		return fmt.Errorf("%w, and none can be while the store has the alarm %s", errNobody, s.StoreAlarm)
	case !held:
		return errNobody
	case leader.Name == "":
		return errHeld
	case leader.Address == "":
		return fmt.Errorf("%w: the store is held by %s", errNobody, leader.Name)
	case leader == self:
		return errors.New("this node is about to become the active one")
	case leader.Name == self.Name:
		return fmt.Errorf("the active node, at %s, has the name of this node, so nothing is forwarded to it; "+
			"or this node was the active one before it was restarted", leader.Address)
	}
	if err := n.link.Unreachable(); err != nil {
		return fmt.Errorf("the active node can't be reached: %w", err)
	}
	return n.auditHealth()
}
