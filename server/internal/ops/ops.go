package ops

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/unixsocket"
)

// Options of [Listen]. All fields are required, unless stated otherwise.
type Options struct {
	// Address is where the page, metrics and health are served, as host:port; "" means nowhere.
	Address string
	// HealthAddress is where probes from other machines get the service's health and nothing else, as host:port; ""
	// means nowhere.
	HealthAddress string
	// Socket is the path of the private socket.
	Socket string

	Metrics *Metrics
	// Status returns the state of the service.
	Status func() Status
	// Node returns the state of this node of a cluster. It is nil for a service without a cluster.
	Node func() Node
	// Backup writes a snapshot of the store.
	Backup func(context.Context, io.Writer) error
	// Reload reloads the configuration file if it is the one at the path file. Otherwise it returns an error that wraps
	// [ErrOtherConfig].
	Reload func(file string) (Reload, error)
	// NewServer makes a server for a handler, with the service's timeouts.
	NewServer func(http.Handler) *http.Server
	Log       *slog.Logger
}

// Listeners are the listeners for operators. The zero value has none.
type Listeners struct {
	address, healthAddress string

	servers []*http.Server
	// serving is done when every listener is closed.
	serving sync.WaitGroup
}

// Listen listens on the socket and on those addresses that there are.
func Listen(o Options) (*Listeners, error) {
	l := &Listeners{}
	socket, err := unixsocket.Listen(o.Socket)
	if err != nil {
		return nil, err
	}
	l.serve(socket, o.NewServer(controls(o)), o.Log)
	if err := l.listen(o); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// listen listens on the addresses.
func (l *Listeners) listen(o Options) error {
	if o.Address != "" {
		listener, err := net.Listen("tcp", o.Address)
		if err != nil {
			return err
		}
		l.address = listener.Addr().String()
		l.serve(listener, o.NewServer(observations(o)), o.Log)
	}
	if o.HealthAddress != "" {
		listener, err := net.Listen("tcp", o.HealthAddress)
		if err != nil {
			return err
		}
		l.healthAddress = listener.Addr().String()
		l.serveProbes(listener, o)
	}
	return nil
}

// observations report the state of the service, and change nothing.
func observations(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", o.Metrics.handler(o.Log))
	mux.Handle("GET /healthz", healthz(o))
	mux.Handle("GET /{$}", page(o))
	return mux
}

// controls are the requests of the socket, for the service's own user.
func controls(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST "+backupPath, backup(o.Backup, o.Log))
	mux.Handle("POST "+reloadPath, reload(o.Reload))
	return mux
}

func (l *Listeners) serve(listener net.Listener, server *http.Server, log *slog.Logger) {
	l.servers = append(l.servers, server)
	l.serving.Go(func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the operations listener ended", "address", listener.Addr().String(), "error", err)
		}
	})
}

// Address returns where the page, metrics and health are served, as host:port, or "" if nowhere.
func (l *Listeners) Address() string { return l.address }

// HealthAddress returns where probes from other machines are answered, as host:port, or "" if nowhere.
func (l *Listeners) HealthAddress() string { return l.healthAddress }

// Close closes all listeners and connections at once.
func (l *Listeners) Close() error {
	var errs []error
	for _, server := range l.servers {
		errs = append(errs, server.Close())
	}
	// A server that is closed before it has begun closes its listener, and removes the socket, only in Serve.
	l.serving.Wait()
	return errors.Join(errs...)
}
