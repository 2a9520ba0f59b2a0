package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
)

// Server is a running KMS service, with its listeners.
type Server struct {
	service     *service
	certificate certificate
	http        *http.Server
	listener    net.Listener
	ops         *ops.Listeners
	done        chan error
	stop        context.CancelFunc
	swept       chan struct{}

	// config is what the server was started with.
	config Config
	// reloading is held during a reload.
	reloading sync.Mutex
}

// Start opens the store and listens. It returns once requests can be served; the server then runs until
// [Server.Shutdown] or [Server.Close]. An error says which part of c is wrong.
func Start(c Config, o Options) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Server{config: c, done: make(chan error, 1), swept: make(chan struct{})}
	if !c.Listener.PlainHTTP {
		loaded, err := loadCertificate(c.Listener)
		if err != nil {
			return nil, err
		}
		s.certificate.current.Store(loaded)
	}
	var err error
	if s.service, err = openService(context.Background(), c, o); err != nil {
		return nil, err
	}
	s.service.awaitFloor()
	if err := s.listen(c, o); err != nil {
		return nil, errors.Join(err, s.service.close())
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	go s.serve()
	go s.sweep(ctx)
	return s, nil
}

func (s *Server) listen(c Config, o Options) error {
	listener, err := net.Listen("tcp", c.Listener.Address)
	if err != nil {
		return err
	}
	limits := c.Limits.WithDefaults()
	s.listener = boundConnections(listener, limits.MaxConnections)
	s.http = o.timeouts.newServer(s.service, o.Logger)
	s.http.TLSConfig, s.http.MaxHeaderBytes = s.certificate.config(), limits.MaxRequestBytes
	// HTTP/1.1 only: one connection of HTTP/2 carries hundreds of requests at a time, each with a body in memory before
	// its caller is known, so that a bound on connections would bound nothing. No SDK needs it.
	s.http.Protocols = new(http.Protocols)
	s.http.Protocols.SetHTTP1(true)
	s.service.metrics.Watch(s.status)
	if s.ops, err = s.listenOps(c, o.Logger); err != nil {
		return errors.Join(err, s.listener.Close())
	}
	return nil
}

func (s *Server) listenOps(c Config, log *slog.Logger) (*ops.Listeners, error) {
	if c.Ops == nil {
		return &ops.Listeners{}, nil
	}
	return ops.Listen(ops.Options{
		Address: c.Ops.Address, Socket: c.SocketPath(),
		Metrics: s.service.metrics, Health: s.service.health, Backup: s.service.backup,
		NewServer: func(h http.Handler) *http.Server { return usualTimeouts.newServer(h, log) }, Log: log,
	})
}

// status is the whole of the operators' view.
func (s *Server) status(ctx context.Context) ops.Status {
	status := s.service.status(ctx)
	status.CertificateExpiry = s.certificate.notAfter()
	return status
}

func (s *Server) serve() {
	var err error
	if s.http.TLSConfig == nil {
		err = s.http.Serve(s.listener)
	} else {
		err = s.http.ServeTLS(s.listener, "", "")
	}
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	s.done <- err
}

// Address is where the server listens, as host:port.
func (s *Server) Address() string { return s.listener.Addr().String() }

// OpsAddress is where metrics and health are, as host:port, or "" if the configuration has no address for them.
func (s *Server) OpsAddress() string { return s.ops.Address() }

// Failed delivers an error if serving ends without Shutdown or Close.
func (s *Server) Failed() <-chan error { return s.done }

// Shutdown stops listening, lets requests in work finish until ctx ends, and closes the store.
func (s *Server) Shutdown(ctx context.Context) error {
	return errors.Join(s.http.Shutdown(ctx), s.closeService())
}

// Close stops at once: connections are cut. Acknowledged writes are safe all the same.
func (s *Server) Close() error {
	return errors.Join(s.http.Close(), s.closeService())
}

func (s *Server) closeService() error {
	s.stop()
	<-s.swept
	return errors.Join(s.ops.Close(), s.service.close())
}

// Sweep does at once what happens every minute: it deletes the CMKs that are past their deletion date, and everything
// else that time has ended.
func (s *Server) Sweep(ctx context.Context) error { return s.service.Sweep(ctx) }

const sweepEvery = time.Minute

// sweep keeps the store small. Nothing depends on it, since every use checks the clock.
func (s *Server) sweep(ctx context.Context) {
	defer close(s.swept)
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := s.service.Sweep(ctx); err != nil && ctx.Err() == nil {
				s.service.log.Error("sweep failed", "error", err)
			}
		}
	}
}
