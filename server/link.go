package server

import (
	"context"
	"net/http"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/edge"
)

// link is what a node has to the others of its cluster. Package peers implements it.
type link interface {
	// Self is this node as the others know it.
	Self() cluster.Peer
	// Forward has the node called to answer r, which the gateway of a KMS instance, or the shared one, has received. The
	// body of r has been read and is body. An error that wraps [errNotRun] says that the request has surely not run; after
	// any other it may have.
	Forward(ctx context.Context, to cluster.Peer, gateway string, r *http.Request, body []byte) (edge.Answer, error)
	// Candidate returns why this node may not become the active one, as far as its peers can tell, or nil.
	Candidate() error
	// ClockOffset is by how much the clock of this node is ahead of that of the peer from which it differs most.
	ClockOffset() time.Duration
	// Close ends all links.
	Close() error
}

// linkOptions are what a link needs of its node.
type linkOptions struct {
	// Handler returns what answers a request that a peer has forwarded, which the gateway of a KMS instance or the shared
	// one has received. It is nil on a node that is not the active one.
	Handler func(gateway string) http.Handler
}

// clusterParts are what makes a service a node of a cluster.
type clusterParts struct {
	// join makes this process a node.
	join func(context.Context) (cluster.Node, error)
	// connect begins to listen for the peers.
	connect func(linkOptions) (link, error)
	// skew is how far the clocks of two nodes may differ.
	skew time.Duration
}

// partsOf returns what c says about a cluster, and nil for a service on a machine of its own.
func partsOf(_ Config, o Options) *clusterParts { return o.cluster }
