package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is a running KMS service: a [Service] with its listeners.
type Server struct {
	service     *Service
	certificate certificate
	http        *http.Server
	listener    net.Listener
	operations  *operations
	done        chan error
	stop        context.CancelFunc
	swept       chan struct{}

	// config is what the server was started with.
	config Config
	// reloading is held during a reload.
	reloading sync.Mutex
}

// Timeouts of a connection. A request is small, so a slow one is an attack or a broken network.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 90 * time.Second
)

// timeouts are those constants, unless a test can't wait for them.
type timeouts struct{ readHeader, read, write, idle time.Duration }

var usualTimeouts = timeouts{readHeaderTimeout, readTimeout, writeTimeout, idleTimeout}

// Start opens the store and listens. It returns once requests can be served; the server then runs until [Server.Shutdown]
// or [Server.Close]. An error says which part of c is wrong.
func Start(c Config, o Options) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	s := &Server{config: c, done: make(chan error, 1), swept: make(chan struct{})}
	if !c.Listener.PlainHTTP {
		loaded, err := c.Listener.loadCertificate()
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
	s.listener = boundConnections(listener, c.Limits.withDefaults().MaxConnections)
	// HTTP/1.1 only: one connection of HTTP/2 carries hundreds of requests at a time, each with a body in memory before anyone
	// knows who asks, so that a bound on connections would bound nothing. No SDK needs it.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	s.http = &http.Server{
		Protocols: protocols,
		Handler:   s.service, TLSConfig: s.certificate.config(), MaxHeaderBytes: s.service.maxBytes,
		ReadHeaderTimeout: o.timeouts.readHeader, ReadTimeout: o.timeouts.read, WriteTimeout: o.timeouts.write, IdleTimeout: o.timeouts.idle,
		ErrorLog: slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
	}
	s.service.metrics.registry.MustRegister(stateCollector{s})
	if s.operations, err = startOperations(c, s, o.Logger); err != nil {
		return errors.Join(err, s.listener.Close())
	}
	return nil
}

// awaitFloor lets the second end in which a service with an earlier run was opened. Requests that are stamped with it might
// be replays of that run's, so they are refused, and who can't connect yet does not make any.
func (s *Service) awaitFloor() {
	time.Sleep(s.nonces.Floor().Sub(s.clock()))
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

// OperationsAddress is where metrics and health are, as host:port, or "" if the configuration has no address for them.
func (s *Server) OperationsAddress() string { return s.operations.address }

// Failed delivers an error if serving ends by itself.
func (s *Server) Failed() <-chan error { return s.done }

// Sweep does at once what happens every minute: see [Service.Sweep].
func (s *Server) Sweep(ctx context.Context) error { return s.service.Sweep(ctx) }

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
	return errors.Join(s.operations.close(), s.service.close())
}

const sweepEvery = time.Minute

// sweep removes what time has ended. Nothing depends on it, since every use looks at the clock; it only keeps the store small.
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
