package kmsprovider

import (
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// ops is the listener of metrics and health. Nil means that there is none.
type ops struct {
	listener net.Listener
	server   *http.Server
}

// listenOps serves metrics and health at an address, and nothing if that is empty.
func (p *Provider) listenOps(address string) (*ops, error) {
	if address == "" {
		return nil, nil
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, err
	}
	const patience = 10 * time.Second
	o := &ops{listener, &http.Server{
		Handler: p.observations(), MaxHeaderBytes: 8 << 10,
		ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: patience,
	}}
	go func() {
		if err := o.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			p.options.Log.Error("metrics and health are no longer served", "error", err)
		}
	}()
	return o, nil
}

func (o *ops) address() string {
	if o == nil {
		return ""
	}
	return o.listener.Addr().String()
}

func (o *ops) close() {
	if o != nil {
		_ = o.server.Close() // Nothing is lost.
	}
}

// observations has the metrics; /healthz, which is 200 while the key can be used; and /livez, which is 200 as long as
// the process answers: a restart would not help against a KMS that does not.
func (p *Provider) observations() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(p.metrics.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if _, problem := p.board.show(); problem != "" {
			http.Error(w, problem, http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, healthy+"\n") // The caller has gone if this fails.
	})
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, healthy+"\n")
	})
	return mux
}
