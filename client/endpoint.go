package client

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// An endpoint is where requests go.
type endpoint struct {
	scheme, host, port string
}

var defaultPorts = map[string]string{"https": "443", "http": "80"}

// ParseEndpoint returns the address that a string in the form of [Config.Endpoint] means, for programs that call other
// services by the same rules. Its errors do not repeat the string, and are the end of a sentence that begins with its
// purpose.
func ParseEndpoint(text string) (*url.URL, error) {
	e, err := parseEndpoint(text)
	if err != nil {
		return nil, err
	}
	return e.address(), nil
}

// IsLoopback reports whether host is localhost or a loopback address.
func IsLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}

// parseEndpoint reads a string in the form of [Config.Endpoint]. Its errors do not repeat the string, which may contain
// a password.
func parseEndpoint(text string) (endpoint, error) {
	scheme, authority, found := strings.Cut(text, "://")
	if !found {
		scheme, authority = "https", text
	}
	scheme = strings.ToLower(scheme)
	if defaultPorts[scheme] == "" {
		return endpoint{}, errors.New(`must have the scheme "https", or "http" on loopback`)
	}
	if addr, err := netip.ParseAddr(authority); err == nil && addr.Is6() {
		authority = "[" + authority + "]"
	}
	u, err := url.Parse(scheme + "://" + authority)
	if err != nil || u.Hostname() == "" {
		return endpoint{}, errors.New(`is not a host, optionally with "https://" before and ":port" after it`)
	}
	if u.User != nil || strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return endpoint{}, errors.New("has more than scheme, host and port; leave out user, path and query")
	}
	e := endpoint{scheme: scheme, host: strings.ToLower(u.Hostname()), port: u.Port()}
	if e.port == "" {
		e.port = defaultPorts[scheme]
	}
	return e, e.check()
}

func (e endpoint) check() error {
	if n, err := strconv.ParseUint(e.port, 10, 16); err != nil || n == 0 {
		return errors.New("has a port that is not a number from 1 to 65535")
	}
	if e.scheme == "http" && !IsLoopback(e.host) {
		return fmt.Errorf("is %s without TLS, which is allowed on loopback only; use https://", e)
	}
	return nil
}

// String returns host and port.
func (e endpoint) String() string { return net.JoinHostPort(e.host, e.port) }

// address returns the address of requests. The default port is left out, since it would show in the Host header.
func (e endpoint) address() *url.URL {
	u := &url.URL{Scheme: e.scheme, Host: e.String(), Path: "/"}
	if e.port == defaultPorts[e.scheme] {
		u.Host = strings.TrimSuffix(u.Host, ":"+e.port)
	}
	return u
}
