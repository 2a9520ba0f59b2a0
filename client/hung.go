package client

import (
	"context"
	"errors"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// avoidFor is how long an address is avoided after a connection to it has hung.
const avoidFor = 30 * time.Second

// hung has the addresses to which connections have hung. A paused machine still accepts connections, so a dialer stays
// with it even if the name has other addresses. hung sends the next connections to those.
type hung struct {
	// connecting is the address of the last connection that is not usable yet, or nil.
	connecting atomic.Pointer[string]

	mu sync.Mutex // guards until
	// until has the time until which each address is avoided.
	until map[string]time.Time
}

// errAvoided refuses a connection to an avoided address before it is made.
var errAvoided = errors.New("a connection to this address has hung")

// dialer returns a dial function that avoids addresses as long as others answer, within half of timeout.
func (h *hung) dialer(timeout time.Duration) func(ctx context.Context, network, address string) (net.Conn, error) {
	all := &net.Dialer{Timeout: timeout}
	others := &net.Dialer{Timeout: timeout / 2, ControlContext: h.refuse}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		if h.avoidsAny() {
			if c, err := others.DialContext(ctx, network, address); err == nil {
				return h.dialed(c), nil
			}
		}
		c, err := all.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return h.dialed(c), nil
	}
}

// refuse is the [net.Dialer.ControlContext] of a dialer that goes on to the next address.
func (h *hung) refuse(_ context.Context, _, address string, _ syscall.RawConn) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, found := h.until[address]; found {
		return errAvoided
	}
	return nil
}

// avoidsAny reports whether any address is avoided, and forgets those that no longer are.
func (h *hung) avoidsAny() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	maps.DeleteFunc(h.until, func(_ string, until time.Time) bool { return now.After(until) })
	return len(h.until) > 0
}

// dialed notes the address of a connection that is not usable yet.
func (h *hung) dialed(c net.Conn) net.Conn {
	at := c.RemoteAddr().String()
	h.connecting.Store(&at)
	return c
}

// connected says that a new connection is usable.
func (h *hung) connected() { h.connecting.Store(nil) }

// notConnected says that a connection did not become usable in time.
func (h *hung) notConnected() {
	if at := h.connecting.Swap(nil); at != nil {
		h.avoid(*at)
	}
}

// avoid has the next connections go to other addresses, if there are any.
func (h *hung) avoid(address string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.until == nil {
		h.until = map[string]time.Time{}
	}
	h.until[address] = time.Now().Add(avoidFor)
}
