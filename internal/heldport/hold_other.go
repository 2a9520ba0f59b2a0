//go:build !linux

package heldport

import "net"

// Hold returns an address of 127.0.0.1, as host:port, whose port was free a moment ago: only Linux can hold one.
func Hold() (address string, release func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	return l.Addr().String(), func() {}, l.Close()
}
