package main

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// port is a port of 127.0.0.1 that is bound and not listened on. Only listeners that share ports get it, and no
// outgoing connection does, even while no member listens.
type port struct{ socket, number int }

func holdPort() (*port, error) {
	socket, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err != nil {
		return nil, err
	}
	p := &port{socket: socket}
	if err := p.bind(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *port) bind() error {
	unix.CloseOnExec(p.socket)
	if err := unix.SetsockoptInt(p.socket, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1); err != nil {
		return err
	}
	if err := unix.Bind(p.socket, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return err
	}
	bound, err := unix.Getsockname(p.socket)
	if err != nil {
		return err
	}
	p.number = bound.(*unix.SockaddrInet4).Port
	return nil
}

func (p *port) address() string { return fmt.Sprintf("127.0.0.1:%d", p.number) }

func (p *port) close() { _ = unix.Close(p.socket) }
