package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
)

// OperationsConfig is what the service offers to those who run it. Without it there is neither of the two.
type OperationsConfig struct {
	// Address is host:port on loopback, plain HTTP, for GET /metrics and GET /healthz; "" is none.
	Address string `hcl:"address,optional"`
	// Socket is the path of a Unix socket, which only the service's own user may open: `alicloudkms backup` reads the store
	// through it. "" is the storage path with .sock at its end.
	Socket string `hcl:"socket,optional"`
}

// maxSocketPath is what every Unix takes, less what the private folder adds in which the socket is made.
const maxSocketPath = 86

func (c Config) validateOperations() error {
	if c.Operations == nil {
		return nil
	}
	if len(c.socketPath()) > maxSocketPath {
		return fmt.Errorf("operations: the path %s is too long for a socket; set socket to one of at most %d bytes", c.socketPath(), maxSocketPath)
	}
	if c.Operations.Address == "" {
		return nil
	}
	if err := checkLoopback(c.Operations.Address); err != nil {
		return fmt.Errorf("operations: %w", err)
	}
	return nil
}

func (c Config) socketPath() string {
	if c.Operations.Socket != "" {
		return c.Operations.Socket
	}
	return c.Storage.Path + ".sock"
}

// operations are the listeners of an [OperationsConfig].
type operations struct {
	address string
	servers []*http.Server
	// serving is done when every listener is closed.
	serving sync.WaitGroup
}

// startOperations listens where c says.
func startOperations(c Config, s *Server, log *slog.Logger) (*operations, error) {
	o := &operations{}
	if c.Operations == nil {
		return o, nil
	}
	socket, err := listenPrivate(c.socketPath())
	if err != nil {
		return nil, fmt.Errorf("operations: %w", err)
	}
	o.serve(socket, s.controls(), log)
	if c.Operations.Address == "" {
		return o, nil
	}
	listener, err := net.Listen("tcp", c.Operations.Address)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("operations: %w", err), o.close())
	}
	o.address = listener.Addr().String()
	o.serve(listener, s.observations(), log)
	return o, nil
}

func (o *operations) serve(l net.Listener, handler http.Handler, log *slog.Logger) {
	server := &http.Server{
		Handler: handler, ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	o.servers = append(o.servers, server)
	o.serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			log.Error("the operations listener ended", "address", l.Addr().String(), "error", err)
		}
	})
}

func (o *operations) close() error {
	var errs []error
	for _, server := range o.servers {
		errs = append(errs, server.Close())
	}
	o.serving.Wait() // A server that is closed before it has begun closes its listener, and removes the socket, a moment later.
	return errors.Join(errs...)
}

// observations tell how the service is, and change nothing.
func (s *Server) observations() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.service.metrics.handler(s.service.log))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.service.health(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n")
	})
	return mux
}

// health returns nil if requests can be served. While the audit log fails, requests are refused and so tell nothing new, so
// health tries it itself.
func (s *Service) health() error {
	if err := s.store.Err(); err != nil {
		return err
	}
	if s.audit.Err() == nil {
		return nil
	}
	return s.audit.Write(audit.Record{
		Time: s.clock(), RequestID: uuid.NewString(), Operation: "healthz", Status: http.StatusServiceUnavailable,
	})
}

// controls are for the service's own user.
func (s *Server) controls() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+backupPath, s.serveBackup)
	return mux
}

const (
	backupPath = "/backup"
	// backupPatience is how long a backup waits for whoever takes it. Meanwhile its transaction is open, and the store can't
	// grow.
	backupPatience = 10 * time.Second
)

// serveBackup writes a snapshot of the store. One that breaks off is told by the missing end of the answer.
func (s *Server) serveBackup(w http.ResponseWriter, r *http.Request) {
	log := s.service.log
	taker := &patientWriter{w: w, control: http.NewResponseController(w)}
	if err := s.service.store.Backup(r.Context(), taker); err != nil {
		log.Error("backup failed", "error", err, "bytes", taker.written)
		panic(http.ErrAbortHandler)
	}
	log.Info("backup taken", "bytes", taker.written)
}

// patientWriter gives each write some time, however long all of them take.
type patientWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	written int64
}

// Write implements [io.Writer].
func (p *patientWriter) Write(data []byte) (int, error) {
	if err := p.control.SetWriteDeadline(time.Now().Add(backupPatience)); err != nil {
		return 0, err
	}
	n, err := p.w.Write(data)
	p.written += int64(n)
	return n, err
}

// listenPrivate listens on a Unix socket that only this user can open. It takes the place of one that an earlier run left
// behind, but not of one that is in use, or of another file.
func listenPrivate(path string) (net.Listener, error) {
	if err := checkSocketFree(path); err != nil {
		return nil, err
	}
	// A socket gets its mode after it is made, so it is made where nobody else comes.
	private, err := os.MkdirTemp(filepath.Dir(path), ".s-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(private)
	made := filepath.Join(private, "s")
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: made, Net: "unix"})
	if err != nil {
		return nil, err
	}
	listener.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(made, 0o600), os.Rename(made, path)); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return &privateListener{UnixListener: listener, path: path}, nil
}

func checkSocketFree(path string) error {
	info, err := os.Lstat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if info.Mode().Type() != fs.ModeSocket {
		return fmt.Errorf("%s is there already, and is no socket", path)
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "unix", path)
	if err == nil {
		return errors.Join(fmt.Errorf("%s is in use by another service", path), conn.Close())
	}
	return nil
}

// privateListener takes its socket away when it closes.
type privateListener struct {
	*net.UnixListener
	path string
}

// Close implements [net.Listener].
func (p *privateListener) Close() error {
	return errors.Join(os.Remove(p.path), p.UnixListener.Close())
}
