package ops

import (
	"io"
	"net"
	"net/http"
	"sync/atomic"

	"golang.org/x/time/rate"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/connlimit"
)

const (
	// maxProbes is how many connections of probes are open at a time. One more closes the oldest.
	maxProbes = 64
	// looksPerSecond is how often probes have the service look at its health. Others get the result of the last look:
	// while audit lines can't be written, each look tries to write one.
	looksPerSecond = 10
)

// serveProbes answers load balancers and the like, and strangers, at a listener.
func (l *Listeners) serveProbes(listener net.Listener, o Options) {
	bounded := connlimit.Listen(listener, connlimit.Limits{Connections: maxProbes}, connlimit.NewTurns(), uncounted{})
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", &probes{look: healthStatus(o), often: rate.NewLimiter(looksPerSecond, looksPerSecond)})
	server := o.NewServer(mux)
	server.ConnState, server.MaxHeaderBytes = bounded.Track, connlimit.TrustedBytes
	server.SetKeepAlivesEnabled(false) // Each probe is a stranger's first request.
	l.serve(bounded, server, o.Log)
}

// healthStatus returns a function that returns the status of an answer to GET /healthz without parameters.
func healthStatus(o Options) func() int {
	if o.Node != nil {
		return func() int { return o.Node().healthStatus() }
	}
	return func() int {
		if o.Status().health() != nil {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	}
}

// probes answers with the status that [healthz] would have, and with one word: the rest is for operators alone.
type probes struct {
	look  func() (status int)
	often *rate.Limiter
	// last is the result of the last look, or 0.
	last atomic.Int64
}

// ServeHTTP implements [http.Handler].
func (p *probes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status := int(p.last.Load())
	if p.often.Allow() || status == 0 {
		status = p.look()
		p.last.Store(int64(status))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(asWanted(status, r.URL.Query()))
	_, _ = io.WriteString(w, wordOf(status)+"\n") // The caller has gone if this fails.
}

func wordOf(status int) string {
	switch status {
	case http.StatusOK:
		return roleActive
	case http.StatusTooManyRequests:
		return roleStandby
	default:
		return "unavailable"
	}
}

// uncounted counts nothing: the metrics of connections are those of callers.
type uncounted struct{}

// ConnectionClosed implements [connlimit.Metrics].
func (uncounted) ConnectionClosed(string) {}

// AnsweredByHTTP implements [connlimit.Metrics].
func (uncounted) AnsweredByHTTP() {}
