package heldport

import (
	"fmt"
	"net"
	"strconv"
	"syscall"
)

// Hold returns an address of 127.0.0.1, as host:port, whose port the kernel gives to nothing else until it is released,
// neither to a listener nor to an outgoing connection. A program that is given the address may listen on it any number
// of times. While none does, connections are refused.
//
// The port is bound, but not listened on: Linux then lets one other socket listen there if both have SO_REUSEADDR, as
// sockets of package net do.
func Hold() (address string, release func(), err error) {
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return "", nil, fmt.Errorf("no port can be held: %w", err)
	}
	release = func() { _ = syscall.Close(socket) }
	if address, err = bind(socket); err != nil {
		release()
		return "", nil, fmt.Errorf("no port can be held: %w", err)
	}
	return address, release, nil
}

// bind binds a socket to a port that the kernel picks.
func bind(socket int) (address string, err error) {
	if err := syscall.SetsockoptInt(socket, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1); err != nil {
		return "", err
	}
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return "", err
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(bound.(*syscall.SockaddrInet4).Port)), nil
}
