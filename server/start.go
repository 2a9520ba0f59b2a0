package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Server is a running KMS service: a [Service] with its listener.
type Server struct {
	service  *Service
	http     *http.Server
	listener net.Listener
	done     chan error
	stop     context.CancelFunc
	swept    chan struct{}
}

// Timeouts of a connection. A request is small, so a slow one is an attack or a broken network.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 90 * time.Second
)

// Start opens the store and listens. It returns once requests can be served; the server then runs until [Server.Shutdown]
// or [Server.Close]. An error says which part of c is wrong.
func Start(c Config, o Options) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	tlsConfig, err := c.Listener.tlsConfig()
	if err != nil {
		return nil, err
	}
	service, err := openService(context.Background(), c, o)
	if err != nil {
		return nil, err
	}
	service.awaitFloor()
	listener, err := net.Listen("tcp", c.Listener.Address)
	if err != nil {
		return nil, errors.Join(err, service.close())
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{
		service: service, listener: listener, done: make(chan error, 1), stop: stop, swept: make(chan struct{}),
		http: &http.Server{
			Handler: service, TLSConfig: tlsConfig, MaxHeaderBytes: service.maxBytes,
			ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
			ErrorLog: slog.NewLogLogger(o.Logger.Handler(), slog.LevelDebug),
		},
	}
	go s.serve()
	go s.sweep(ctx)
	return s, nil
}

// tlsConfig is nil for plain HTTP.
func (l Listener) tlsConfig() (*tls.Config, error) {
	if l.PlainHTTP {
		return nil, nil
	}
	certificate, err := tls.LoadX509KeyPair(l.TLSCertFile, l.TLSKeyFile)
	if err != nil {
		return nil, fmt.Errorf("listener: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, nil
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
	return s.service.close()
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
