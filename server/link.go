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

// link is what a node has to the others of its cluster. [peers.Peers] has most of it.
type link interface {
	// Self is this node as the others know it.
	Self() cluster.Peer
	// Forward has the node called to answer r, which the gateway of a KMS instance, or the shared one, has received. The
	// body of r has been read and is body. Errors are those of [peers.Peers.Forward].
	Forward(ctx context.Context, to cluster.Peer, gateway string, r *http.Request, body []byte) (edge.Answer, error)
	// Candidate returns why this node may not become the active one, as far as its peers can tell, or nil.
	Candidate() error
	// BecomeActive says that this node is the active one now, so that Candidate compares it with none before it.
	BecomeActive()
	// ClockOffset is by how much the clock of this node is ahead of that of the peer from which it differs most.
	ClockOffset() time.Duration
	// ClockOff returns an error if the clock of this node, which is the active one, is far from those of most others.
	ClockOff() error
	// Unreachable returns why this node can't reach the active one, or nil.
	Unreachable() error
	// Describe replaces what the node says about itself. The address is kept.
	Describe(peers.Description)
	// SetIdentity replaces the certificate and the CA. The error is [peers.ErrRenamed].
	SetIdentity(*peers.Identity) error
	// CertificateExpires is when the peers begin to refuse the certificate in use.
	CertificateExpires() time.Time
	// Close ends all links.
	Close() error
}

// linkOptions are what a link needs of its node.
type linkOptions struct {
	// Handler returns what answers a request that a peer has forwarded, which the gateway of a KMS instance or the shared
	// one has received. It is nil on a node that is not the active one.
	Handler func(gateway string) http.Handler
	// Active returns the active node, if one is known.
	Active func() (cluster.Peer, bool)
	// Description is without the address.
	Description peers.Description
}

// peerLink is a [peers.Peers] that runs.
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
	skew, _ := c.Cluster.Skew() // Validation has refused what is no duration.
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
	// connect begins to listen for the peers.
	connect func(linkOptions) (link, error)
	// skew is how far the clocks of two nodes may differ.
	skew time.Duration
	// forStore is what the node shows to the store.
	forStore *storeTLS
}

// partsOf returns what c says about a cluster, and nil for a service on a machine of its own.
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
