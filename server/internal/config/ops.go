package config

import (
	"fmt"
	"net"
)

// Ops is what the service offers its operators. Without it there is neither a metrics listener nor a backup socket.
type Ops struct {
	// Address is host:port on loopback, plain HTTP, for the page, GET /metrics and GET /healthz; "" means no such
	// listener.
	Address string `hcl:"address,optional"`
	// HealthAddress is host:port on any interface, plain HTTP, for GET /healthz of probes from other machines, which get
	// a status and one word; "" means no such listener.
	HealthAddress string `hcl:"health_address,optional"`
	// Socket is the path of a Unix socket that only the service's own user can open: `alicloudkms backup` and
	// `alicloudkms reload` talk to the service through it. "" means the storage path followed by .sock; a service on
	// etcd must set it.
	Socket string `hcl:"socket,optional"`
}

// MaxSocketPath is the longest path that every Unix accepts, minus the name of the private folder that the socket is
// made in.
const MaxSocketPath = 86

// SocketPath returns the path of the operators' socket. Ops must not be nil.
func (c Config) SocketPath() string {
	if c.Ops.Socket != "" {
		return c.Ops.Socket
	}
	return c.Storage.Path + ".sock"
}

func (c Config) validateOps(at Place, found *faults) {
	if c.Etcd != nil && (c.Ops == nil || c.Ops.Socket == "") {
		found.add(at.Field("socket"), "a service on etcd needs it: there is no storage path to derive it from")
	}
	if c.Ops == nil {
		return
	}
	if path := c.SocketPath(); len(path) > MaxSocketPath {
		found.add(at.Field("socket"), "%s is too long for the path of a socket; set one of at most %d bytes",
			path, MaxSocketPath)
	}
	if a := c.Ops.HealthAddress; a != "" && !isHostPort(a) {
		found.add(at.Field("health_address"), "%q is not host:port, such as \"0.0.0.0:9181\"", a)
	}
	if c.Ops.Address == "" {
		return
	}
	if err := RequireLoopback(c.Ops.Address); err != nil {
		found.add(at.Field("address"), "%w", err)
	}
}

// RequireLoopback refuses an address that is not host:port on loopback.
func RequireLoopback(address string) error {
	if !isHostPort(address) {
		return fmt.Errorf("%q is not host:port, such as \"127.0.0.1:9180\"", address)
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("%q: this may listen on loopback only", address)
	}
	return nil
}
