package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/connlimit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
)

// Server is a running KMS service, with its listeners.
type Server struct {
	service *service
	// gateways have the ids of their KMS instances; that of the shared one is [sharedGateway].
	gateways map[string]*gateway
	ops      *ops.Listeners
	done     chan error
	stop     context.CancelFunc
	swept    chan struct{}

	// path is the absolute one of the configuration file, or "" if there is none.
	path string
	// reloaded is called after each reload.
	reloaded func(error)
	// reloading is held during a reload, and guards what follows.
	reloading sync.Mutex
	// config is what the server was started with, with what reloads have changed.
	config Config
	files  files
	// inUse are the settings that a reload changes, and fixed those of the start that it does not.
	inUse, fixed []setting

	// stale is since when reloads have failed, and nil if the last one did not.
	stale atomic.Pointer[time.Time]
}

// Start opens the store and listens. It returns once requests can be served; the server then runs until
// [Server.Shutdown] or [Server.Close]. An error says which part of c is wrong.
func Start(c Config, o Options) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	c.Instances = c.AllInstances() // The caller may change its own for a reload.
	f, err := loadFiles(c, o.Clock())
	if err != nil {
		return nil, err
	}
	s := &Server{
		config: c, files: f, gateways: newGateways(c, f), reloaded: o.Reloaded,
		done: make(chan error, len(c.Instances)+1), swept: make(chan struct{}),
	}
	s.inUse, s.fixed = settingsOf(c)
	s.path = absolute(c.File())
	if s.service, err = openService(context.Background(), c, f, o); err != nil {
		return nil, err
	}
	s.warn(f.warnings)
	if err := o.BeforeListening(); err != nil {
		return nil, errors.Join(err, s.service.close())
	}
	s.service.awaitFloor()
	if err := s.listen(c, o); err != nil {
		return nil, errors.Join(err, s.service.close())
	}
	ctx, stop := context.WithCancel(context.Background())
	s.stop = stop
	for _, g := range s.gateways {
		go func() { s.done <- g.serve() }()
	}
	go s.sweep(ctx)
	return s, nil
}

// listen lets all gateways listen, or none.
func (s *Server) listen(c Config, o Options) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeListeners())
		}
	}()
	limits, bounds := c.Limits.WithDefaults(), connBounds{connlimit.NewTurns(), s.service.metrics}
	for _, d := range doorsOf(c) {
		if err := s.gateways[d.id].listen(d.listener, limits, bounds, s.service.handlers[d.id], o); err != nil {
			return d.place.Field("address").Fault(err)
		}
	}
	s.service.metrics.Watch(s.status)
	s.ops, err = s.listenOps(c, o.Logger)
	return c.Place().Block("operations", 0, "").Fault(err)
}

// closeListeners closes what listens before it serves.
func (s *Server) closeListeners() error {
	var errs []error
	for _, g := range s.gateways {
		if g.listener != nil {
			errs = append(errs, g.listener.Close())
		}
	}
	return errors.Join(errs...)
}

func (s *Server) listenOps(c Config, log *slog.Logger) (*ops.Listeners, error) {
	if c.Ops == nil {
		return &ops.Listeners{}, nil
	}
	return ops.Listen(ops.Options{
		Address: c.Ops.Address, Socket: c.SocketPath(),
		Metrics: s.service.metrics, Status: s.status,
		Backup: s.service.backup, Reload: s.reloadFor,
		NewServer: func(h http.Handler) *http.Server { return usualTimeouts.newServer(h, log) }, Log: log,
	})
}

// Address is where the shared gateway listens, as host:port.
func (s *Server) Address() string { return s.InstanceAddress(sharedGateway) }

// InstanceAddress is where the dedicated gateway of the KMS instance called id listens, as host:port.
func (s *Server) InstanceAddress(id string) string { return s.gateways[id].listener.Addr().String() }

// OpsAddress is where metrics and health are, as host:port, or "" if the configuration has no address for them.
func (s *Server) OpsAddress() string { return s.ops.Address() }

// Failed delivers an error if serving ends without Shutdown or Close.
func (s *Server) Failed() <-chan error { return s.done }

// Shutdown stops listening, lets requests in work finish until ctx ends, and closes the store.
func (s *Server) Shutdown(ctx context.Context) error {
	return errors.Join(s.eachGateway(func(h *http.Server) error { return h.Shutdown(ctx) }), s.closeService())
}

// Close stops at once: connections are cut. Acknowledged writes are safe all the same.
func (s *Server) Close() error {
	return errors.Join(s.eachGateway((*http.Server).Close), s.closeService())
}

// eachGateway runs stop on all gateways at the same time.
func (s *Server) eachGateway(stop func(*http.Server) error) error {
	errs := make(chan error, len(s.gateways))
	for _, g := range s.gateways {
		go func() { errs <- stop(g.http) }()
	}
	var all error
	for range s.gateways {
		all = errors.Join(all, <-errs)
	}
	return all
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
