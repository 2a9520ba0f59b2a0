//go:build !linux

package servers

import "net"

// isHeldFromServers says that what holds a port keeps servers from it too.
const isHeldFromServers = true

// holdAddress listens on a port, so that no other one that is picked meanwhile is the same.
func holdAddress() (address string, release func() error, err error) {
	listener, err := net.Listen("tcp", AnyPort)
	if err != nil {
		return "", nil, err
	}
	return listener.Addr().String(), listener.Close, nil
}
