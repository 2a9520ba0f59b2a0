package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/edge"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
)

// link is a node's connection to the others of its cluster. [peers.Peers] implements most of it.
type link interface {
	// Self is this node as the others know it.
	Self() cluster.Peer
	// Forward sends r to the node to, which answers it. r came in at gateway: the id of a KMS instance, or
	// [sharedGateway]. The body of r has been read into body. Errors are those of [peers.Peers.Forward].
	Forward(ctx context.Context, to cluster.Peer, gateway string, r *http.Request, body []byte) (edge.Answer, error)
	// Candidate returns why this node may not become the active one, by what its peers say, or nil if it may.
	Candidate() error
	// BecomeActive records that this node is the active one now, so that Candidate no longer compares it with an
	// earlier one.
	BecomeActive()
	// ClockOffset returns how far this node's clock is ahead of the clock of the peer from which it differs most.
	ClockOffset() time.Duration
	// ClockOff returns an error if this node's clock is far from those of most others. It is for the active node.
	ClockOff() error
	// Unreachable returns why this node can't reach the active one, or nil.
	Unreachable() error
	// Describe replaces what the node says about itself. The address is kept.
	Describe(peers.Description)
	// SetIdentity replaces the certificate and the CA. It fails with [peers.ErrRenamed] if the name differs.
	SetIdentity(*peers.Identity) error
	// CertificateExpires returns when the peers begin to refuse the certificate in use.
	CertificateExpires() time.Time
	// Close ends all links.
	Close() error
}

// linkOptions are what a link needs from its node.
type linkOptions struct {
	// Handler returns the handler of requests that a peer has received at gateway, the id of a KMS instance or
	// [sharedGateway], and has forwarded. It returns nil on a node that is not the active one.
	Handler func(gateway string) http.Handler
	// Active returns the active node, if one is known.
	Active func() (cluster.Peer, bool)
	// Description lacks the address.
	Description peers.Description
}

// peerLink is a running [peers.Peers].
type peerLink struct {
	*peers.Peers
	address string
	stop    context.CancelFunc
	running sync.WaitGroup
}

// connectPeers listens for the peers of c.
func connectPeers(c Config, f files, o Options, l linkOptions) (link, error) {
	at := fieldOf(c, "cluster", "address")
	listener, err := net.Listen("tcp", c.Cluster.Address)
	if err != nil {
		return nil, at.Fault(err)
	}
	skew, _ := c.Cluster.Skew() // Validation has refused an invalid duration.
	l.Description.Address = listener.Addr().String()
	p := &peerLink{address: l.Description.Address, Peers: peers.New(peers.Options{
		Identity: f.node.identity, Self: l.Description, Handler: l.Handler,
		MaxRequestBytes: c.Limits.WithDefaults().MaxRequestBytes, MaxClockSkew: skew, Clock: o.Clock, Log: o.Logger,
	})}
	ctx, cancel := context.WithCancel(context.Background())
	p.stop = cancel
	p.running.Go(func() {
		if err := p.Serve(listener); err != nil {
			o.Logger.Error("the listener for the other nodes ended", "error", err)
		}
	})
	p.running.Go(func() { p.Run(ctx, l.Active) })
	return p, nil
}

// Forward implements link.
func (p *peerLink) Forward(
	ctx context.Context, to cluster.Peer, gateway string, r *http.Request, body []byte,
) (edge.Answer, error) {
	answer, err := p.Peers.Forward(ctx, to, peers.NewRequest(r, gateway, body))
	return edge.Answer(answer), err
}

// Describe implements link.
func (p *peerLink) Describe(d peers.Description) {
	d.Address = p.address
	p.Peers.Describe(d)
}

// Close implements link.
func (p *peerLink) Close() error {
	p.stop()
	err := p.Peers.Close()
	p.running.Wait()
	return err
}

// clusterParts are what makes a service a node of a cluster.
type clusterParts struct {
	// join makes this process a node.
	join func(context.Context) (cluster.Node, error)
	// connect starts to listen for the peers.
	connect func(linkOptions) (link, error)
	// skew is how much the clocks of two nodes may differ.
	skew time.Duration
	// forStore is the node's TLS identity for the store.
	forStore *storeTLS
}

// partsOf returns the parts that make a service of c a node, or nil for a service on one machine.
func partsOf(c Config, f files, o Options) (*clusterParts, error) {
	if o.cluster != nil || c.Etcd == nil {
		return o.cluster, nil
	}
	engine, linked := cluster.Registered()
	if !linked {
		return nil, errors.New("the program has no client of etcd")
	}
	shown := newStoreTLS(f.node.etcd)
	skew, err := c.Cluster.Skew()
	return &clusterParts{
		join: func(ctx context.Context) (cluster.Node, error) {
			return engine.Join(ctx, f.node.engineOptions(c, shown, o))
		},
		connect: func(l linkOptions) (link, error) { return connectPeers(c, f, o, l) },
		skew:    skew, forStore: shown,
	}, err
}
