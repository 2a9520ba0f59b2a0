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

// gateway answers the requests of the gateway called id: by itself if this is the active node when they come, and else
// by the node that is.
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

// forwarded answers requests that another node has received at the gateway called id. It returns nil if this is not the
// active node, or has no such gateway.
func (n *node) forwarded(id string) http.Handler {
	a := n.active.Load()
	if a == nil || a.handlers[id] == nil || a.stopping.Load() {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a.inHand.Add(1) // It is too late to have another node answer, and serving knows when this one may not.
		defer a.answered()
		a.handlers[id].ServeHTTP(w, r)
	})
}

// forwardFrom has the active node answer what the gateway called id has received.
func (n *node) forwardFrom(id string) edge.Forward {
	return func(ctx context.Context, r *http.Request, body []byte) (edge.Answer, error) {
		to, known := n.leader()
		if !known || to.Name == n.link.Self().Name { // It is not the active one yet, or no longer.
			n.metrics.Forwarded(ops.NoActiveNode)
			return edge.Answer{}, errNoActiveNode
		}
		answer, err := n.link.Forward(ctx, to, id, r, body)
		switch {
		case err == nil:
			n.metrics.Forwarded(ops.ForwardAnswered)
			return answer, nil
		case errors.Is(err, peers.ErrNotRun):
			// Another node that has become the active one meanwhile would refuse it: it was signed before that one's floor.
			n.metrics.Forwarded(ops.ForwardNotRun)
		default:
			n.metrics.Forwarded(ops.ForwardUnknown)
		}
		n.log.Debug("a request was not answered by the active node", "node", to.Name, "error", err)
		return answer, errNotAnswered
	}
}

// The refusals of a standby.
var (
	errNoActiveNode = kmsapi.ErrServiceUnavailable.WithMessage(
		"Service Unavailable Temporary. No node of the cluster is the active one.")
	errNotAnswered = kmsapi.ErrServiceUnavailable.WithMessage(
		"Service Unavailable Temporary. The active node of the cluster did not answer.")
)
