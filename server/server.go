package server

import (
	"context"
	"errors"
	"io"
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
	host *host
	// node is the server's part in a cluster, and nil for a service on a machine of its own.
	node *node
	// service answers requests. In a cluster it is that of the present term, and nil if this is not the active node.
	service atomic.Pointer[service]
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
	// inUse are the settings that a reload changes, and fixed those of the start that it does not.
	inUse, fixed []setting
	// configuring guards writes of what follows, and of service; a reload alone writes the first two, and reads them
	// without it. It is never held for long.
	configuring sync.Mutex
	// config is what the server was started with, with what reloads have changed.
	config Config
	files  files

	// stale is since when reloads have failed, and nil if the last one did not.
	stale atomic.Pointer[time.Time]
}

// Start opens the store and listens. It returns once requests can be served, or in a cluster, refused; the server then
// runs until [Server.Shutdown] or [Server.Close]. An error says which part of c is wrong.
func Start(c Config, o Options) (*Server, error) { return StartContext(context.Background(), c, o) }

// StartContext is Start that gives up when ctx ends: a node of a cluster waits for an etcd that is away, if it needs a
// password there. The error wraps the cause of ctx then.
func StartContext(ctx context.Context, c Config, o Options) (*Server, error) {
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
	if err := s.open(ctx, c, f, o); err != nil {
		return nil, err
	}
	s.host.warn(f.warnings)
	if err := o.BeforeListening(); err != nil {
		return nil, errors.Join(err, s.closeRooms())
	}
	if alone := s.service.Load(); alone != nil {
		alone.awaitFloor()
	}
	if err := s.listen(c, o); err != nil {
		return nil, errors.Join(err, s.closeRooms())
	}
	sweeping, stop := context.WithCancel(context.Background())
	s.stop = stop
	for _, g := range s.gateways {
		go func() { s.done <- g.serve() }()
	}
	go s.sweep(sweeping)
	if s.node != nil {
		s.node.start()
	}
	return s, nil
}

// open opens the service, or joins the cluster.
func (s *Server) open(ctx context.Context, c Config, f files, o Options) (err error) {
	parts, err := partsOf(c, f, o)
	if err != nil {
		return err
	}
	if parts != nil {
		s.host, s.node, err = s.join(ctx, c, o, *parts)
		return err
	}
	alone, err := openService(context.Background(), c, f, o)
	if err != nil {
		return err
	}
	s.host = alone.host
	s.service.Store(alone)
	return nil
}

// listen lets all gateways listen, and a node for its peers, or none.
func (s *Server) listen(c Config, o Options) (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, s.closeListeners())
		}
	}()
	limits, bounds := c.Limits.WithDefaults(), connBounds{connlimit.NewTurns(), s.host.metrics}
	for _, d := range doorsOf(c) {
		if err := s.gateways[d.id].listen(d.listener, limits, bounds, s.handler(d.id), o); err != nil {
			return d.place.Field("address").Fault(err)
		}
	}
	if s.node != nil {
		if err := s.node.listen(); err != nil {
			return err
		}
		s.host.metrics.WatchNode(s.node.status)
	}
	s.host.metrics.Watch(s.status)
	s.ops, err = s.listenOps(c, o.Logger)
	return c.Place().Block("operations", 0, "").Fault(err)
}

// handler answers the requests of a gateway.
func (s *Server) handler(id string) http.Handler {
	if s.node != nil {
		return s.node.gateway(id)
	}
	return s.service.Load().handlers[id]
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
	o := ops.Options{
		Address: c.Ops.Address, Socket: c.SocketPath(),
		Metrics: s.host.metrics, Status: s.status,
		Backup: s.backup, Reload: s.reloadFor,
		NewServer: func(h http.Handler) *http.Server { return usualTimeouts.newServer(h, log) }, Log: log,
	}
	if s.node != nil {
		o.Node = s.node.status
	}
	return ops.Listen(o)
}

func (s *Server) backup(ctx context.Context, w io.Writer) error {
	if service := s.service.Load(); service != nil {
		return service.backup(ctx, w)
	}
	return s.node.errStandby()
}

// Address is where the shared gateway listens, as host:port.
func (s *Server) Address() string { return s.InstanceAddress(sharedGateway) }

// InstanceAddress is where the dedicated gateway of the KMS instance called id listens, as host:port.
func (s *Server) InstanceAddress(id string) string { return s.gateways[id].listener.Addr().String() }

// OpsAddress is where metrics and health are, as host:port, or "" if the configuration has no address for them.
func (s *Server) OpsAddress() string { return s.ops.Address() }

// Failed delivers an error if serving ends without Shutdown or Close.
func (s *Server) Failed() <-chan error { return s.done }

// Shutdown stops listening, lets requests in work finish until ctx ends, and closes the store. The active node of a
// cluster first steps down, so that another can take over at once.
func (s *Server) Shutdown(ctx context.Context) error {
	var err error
	if s.node != nil {
		err = s.node.stop(ctx)
	}
	return errors.Join(err, s.eachGateway(func(h *http.Server) error { return h.Shutdown(ctx) }), s.closeService())
}

// Close stops at once: connections are cut. Acknowledged writes are safe even so. The active node of a cluster
// does not step down, as if its process had ended.
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
	return errors.Join(s.ops.Close(), s.closeRooms())
}

// closeRooms closes the service, or leaves the cluster.
func (s *Server) closeRooms() error {
	if s.node != nil {
		return errors.Join(s.node.leave(), s.host.close())
	}
	return s.service.Load().close()
}
