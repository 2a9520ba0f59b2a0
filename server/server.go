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
	// node is the server's part in a cluster, or nil for a service on one machine.
	node *node
	// service answers requests. In a cluster it is the service of the current term, or nil if this is not the active
	// node.
	service atomic.Pointer[service]
	// gateways are keyed by the ids of their KMS instances; the key of the shared one is [sharedGateway].
	gateways map[string]*gateway
	ops      *ops.Listeners
	done     chan error
	stop     context.CancelFunc
	swept    chan struct{}

	// path is the absolute path of the configuration file, or "" if there is none.
	path string
	// reloaded is called after each reload.
	reloaded func(error)
	// reloading is held during a reload, and guards inUse and fixed.
	reloading sync.Mutex
	// inUse are the current settings that a reload can change, and fixed those that it can't.
	inUse, fixed []setting
	// configuring guards writes of config and files, and of service in a cluster. Only a reload writes config and
	// files, so it reads them without the lock. The lock is never held for long.
	configuring sync.Mutex
	// config is the configuration of the start, with the changes of later reloads.
	config Config
	files  files

	// stale is the time of the first failed reload since the last successful one, or nil if the last one succeeded.
	stale atomic.Pointer[time.Time]
}

// Start opens the store and listens. It returns once requests are answered; in a cluster, they may be refused until
// there is an active node. The server runs until [Server.Shutdown] or [Server.Close]. An error says which part of c is
// wrong.
func Start(c Config, o Options) (*Server, error) { return StartContext(context.Background(), c, o) }

// StartContext is Start that gives up when ctx ends; the error then wraps the cause of ctx. Only a node of a cluster
// waits long: for an etcd that does not answer, if it needs a password there.
func StartContext(ctx context.Context, c Config, o Options) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	c.Instances = c.AllInstances() // The caller may change its own slice for a reload.
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

// open opens the service, or joins the cluster if c has one.
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

// listen opens the listeners of all gateways, of a node for its peers, and for operators. After an error, it closes
// those of the gateways.
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

// handler returns the handler of a gateway.
func (s *Server) handler(id string) http.Handler {
	if s.node != nil {
		return s.node.gateway(id)
	}
	return s.service.Load().handlers[id]
}

// closeListeners closes the listeners of gateways that do not serve yet.
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
		Address: c.Ops.Address, HealthAddress: c.Ops.HealthAddress, Socket: c.SocketPath(),
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

// Address returns the address of the shared gateway, as host:port.
func (s *Server) Address() string { return s.InstanceAddress(sharedGateway) }

// InstanceAddress returns the address of the dedicated gateway of the KMS instance id, as host:port.
func (s *Server) InstanceAddress(id string) string { return s.gateways[id].listener.Addr().String() }

// OpsAddress returns the address of metrics and health, as host:port, or "" if the configuration has no address for
// them.
func (s *Server) OpsAddress() string { return s.ops.Address() }

// HealthAddress returns the address of health for probes from other machines, as host:port, or "" if the configuration
// has none.
func (s *Server) HealthAddress() string { return s.ops.HealthAddress() }

// Failed returns a channel that delivers an error if serving ends without Shutdown or Close.
func (s *Server) Failed() <-chan error { return s.done }

// Shutdown stops listening, waits until running requests have finished or ctx ends, and closes the store. The active
// node of a cluster steps down first, so that another can take over at once.
func (s *Server) Shutdown(ctx context.Context) error {
	var err error
	if s.node != nil {
		err = s.node.stop(ctx)
	}
	return errors.Join(err, s.eachGateway(func(h *http.Server) error { return h.Shutdown(ctx) }), s.closeService())
}

// Close stops at once and closes all connections. Acknowledged writes are still safe. The active node of a cluster does
// not step down, as if its process had ended.
func (s *Server) Close() error {
	return errors.Join(s.eachGateway((*http.Server).Close), s.closeService())
}

// eachGateway calls stop on all gateways concurrently, and joins their errors.
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
