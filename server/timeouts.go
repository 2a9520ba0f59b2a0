package server

import (
	"log/slog"
	"net/http"
	"time"
)

// Timeouts of a connection. A request is small, so a slow one is an attack or a broken network.
const (
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = 30 * time.Second
	idleTimeout       = 90 * time.Second
)

// timeouts are these constants, or shorter ones in a test.
type timeouts struct{ readHeader, read, write, idle time.Duration }

var usualTimeouts = timeouts{readHeaderTimeout, readTimeout, writeTimeout, idleTimeout}

// newServer returns a server for h that closes slow connections.
func (t timeouts) newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: t.readHeader, ReadTimeout: t.read, WriteTimeout: t.write, IdleTimeout: t.idle,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
