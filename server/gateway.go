package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/connlimit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/edge"
)

// gateway is a way to the service: the shared one, or the dedicated one of a KMS instance. Each has a listener and a
// certificate of its own.
type gateway struct {
	certificate certificate
	listener    *connlimit.Listener
	http        *http.Server
}

// door is a gateway's listener in the configuration.
type door struct {
	// id is the id of the gateway's KMS instance, or [sharedGateway].
	id       string
	listener Listener
	place    config.Place
}

// name is the listener's name in a report.
func (d door) name() string {
	if d.id == sharedGateway {
		return "listener"
	}
	return fmt.Sprintf("instance %q.listener", d.id)
}

// doorsOf returns the doors of all gateways, the shared one first.
func doorsOf(c Config) []door {
	const block = "listener"
	doors := []door{{sharedGateway, c.Listener, c.Place().Block(block, 0, "")}}
	for n, i := range c.Instances {
		doors = append(doors, door{i.ID, i.Listener, c.Place().Block("instance", n, i.ID).Block(block, 0, "")})
	}
	return doors
}

// sharedGateway is the id of the shared gateway. A dedicated gateway has the id of its KMS instance.
const sharedGateway = ""

// gatewayNames returns the names of the gateways in metrics.
func gatewayNames(c Config) (names []string) {
	for _, d := range doorsOf(c) {
		names = append(names, edge.GatewayName(d.id))
	}
	return names
}

// firstImage is the first major version of an instance's image whose dedicated gateway serves this API.
const firstImage = 3

// newHandlers makes a handler for each gateway. serving is edge.Options.Serving.
func (s *service) newHandlers(c Config, serving func() error) map[string]http.Handler {
	return s.eachGateway(c, func(o edge.Options) http.Handler {
		o.Gate, o.Serving = s.gate, serving
		return edge.New(o)
	})
}

// eachGateway makes a handler for each gateway: with newHandler, or for an old image, one that refuses everything. The
// options have no gate.
func (h *host) eachGateway(c Config, newHandler func(edge.Options) http.Handler) map[string]http.Handler {
	options := edge.Options{
		MaxBytes: c.Limits.WithDefaults().MaxRequestBytes, Unavailable: isUnavailable,
		Clock: h.clock, Audit: h.audit, Metrics: h.metrics, Log: h.log,
	}
	handlers := map[string]http.Handler{sharedGateway: newHandler(options)}
	for _, i := range c.AllInstances() {
		options.Gateway = i.ID
		if i.ImageMajor() < firstImage {
			handlers[i.ID] = edge.NewOldImage(options)
		} else {
			handlers[i.ID] = newHandler(options)
		}
	}
	return handlers
}

// newGateways makes the gateways of c with their certificates. None listens yet.
func newGateways(c Config, f files) map[string]*gateway {
	gateways := map[string]*gateway{}
	for _, d := range doorsOf(c) {
		gateways[d.id] = &gateway{}
		gateways[d.id].certificate.current.Store(f.certificates[d.id])
	}
	return gateways
}

// listen makes the gateway listen as l says. It answers with h once it serves.
func (g *gateway) listen(l Listener, limits Limits, bounds connBounds, h http.Handler, o Options) error {
	listener, err := net.Listen("tcp", l.Address)
	if err != nil {
		return err
	}
	g.listener = connlimit.Listen(listener, connlimit.Limits{
		Connections: limits.MaxConnections, StrangersPerAddress: *limits.MaxUnauthenticatedPerAddress,
	}, bounds.turns, bounds.metrics)
	g.http = o.timeouts.newServer(h, o.Logger)
	g.http.ConnState, g.http.ConnContext = g.listener.Track, withConnection
	g.http.DisableGeneralOptionsHandler = true // OPTIONS * is answered, audited and counted like other requests.
	g.http.TLSConfig, g.http.MaxHeaderBytes = g.certificate.config(l.MaxVersion()), limits.MaxRequestBytes
	// HTTP/1.1 only: one HTTP/2 connection carries hundreds of requests at a time, each with a body in memory before
	// its caller is known, so a bound on connections would bound nothing. No SDK needs HTTP/2.
	g.http.Protocols = new(http.Protocols)
	g.http.Protocols.SetHTTP1(true)
	return nil
}

// connBounds is the state that the gateways share to bound their connections.
type connBounds struct {
	turns   connlimit.Turns
	metrics connlimit.Metrics
}

func withConnection(ctx context.Context, conn net.Conn) context.Context {
	return edge.WithConnection(ctx, connlimit.Of(conn))
}

// serve answers requests until the gateway is closed, and then returns nil.
func (g *gateway) serve() error {
	var err error
	if g.http.TLSConfig == nil {
		err = g.http.Serve(g.listener)
	} else {
		err = g.http.ServeTLS(g.listener, "", "")
	}
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}
