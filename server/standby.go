package server

import (
	"context"
	"errors"
	"net/http"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/edge"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
)

// gateway returns the handler of the gateway called id. It answers a request itself if this is the active node when the
// request arrives, and otherwise has the active node answer it.
func (n *node) gateway(id string) http.Handler {
	standby := n.standbys[id]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := n.active.Load()
		if a == nil || !a.take() {
			standby.ServeHTTP(w, r)
			return
		}
		defer a.answered()
		a.handlers[id].ServeHTTP(w, r)
	})
}

// forwarded returns the handler of requests that another node has received at the gateway called id, or nil if this is
// not the active node or has no such gateway.
func (n *node) forwarded(id string) http.Handler {
	a := n.active.Load()
	if a == nil || a.handlers[id] == nil || a.stopping.Load() {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.inHand.Add(1) // Too late for another node to answer; serving refuses if the term has ended.
		defer a.answered()
		a.handlers[id].ServeHTTP(w, r)
	})
}

// forwardFrom returns a function that has the active node answer a request that the gateway called id has received.
func (n *node) forwardFrom(id string) edge.Forward {
	return func(ctx context.Context, r *http.Request, body []byte) (edge.Answer, error) {
		to, known := n.leader()
		if !known || to.Name == n.link.Self().Name { // This node is about to be the active one, or was.
			n.metrics.Forwarded(ops.NoActiveNode)
			return edge.Answer{}, errNoActiveNode
		}
		answer, err := n.link.Forward(ctx, to, id, r, body)
		switch {
		case err == nil:
			n.metrics.Forwarded(ops.ForwardAnswered)
			return answer, nil
		case errors.Is(err, peers.ErrNotRun):
			// It is not sent to a node that has become active since: that one would refuse it, since it was signed
			// before its floor.
			n.metrics.Forwarded(ops.ForwardNotRun)
		default:
			n.metrics.Forwarded(ops.ForwardUnknown)
		}
		n.log.Debug("a request was not answered by the active node", "node", to.Name, "error", err)
		return answer, errNotAnswered
	}
}

// Refusals of a standby.
var (
	errNoActiveNode = kmsapi.ErrServiceUnavailable.WithMessage(
		"Service Unavailable Temporary. No node of the cluster is the active one.")
	errNotAnswered = kmsapi.ErrServiceUnavailable.WithMessage(
		"Service Unavailable Temporary. The active node of the cluster did not answer.")
)
