package setup

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// place is where a service listens and how its clients reach it.
type place struct {
	// listen and endpoint are host:port.
	listen, endpoint string
	// hosts are the names and addresses in the certificate.
	hosts []string
}

const defaultPort = "8443"

// choosePlace fills in the defaults. A service whose clients are on other machines listens on all addresses, any other
// only on loopback.
func choosePlace(hosts []string, listen string) (p place, err error) {
	if p.hosts, err = checkHosts(hosts); err != nil {
		return p, err
	}
	if p.listen = listen; listen == "" {
		p.listen = net.JoinHostPort(loopback, defaultPort)
		if slices.ContainsFunc(p.hosts, isElsewhere) {
			p.listen = net.JoinHostPort("", defaultPort)
		}
	}
	host, port, err := checkListen(p.listen)
	if err != nil {
		return p, err
	}
	if len(p.hosts) == 0 {
		p.hosts = defaultHosts()
		if host == "" {
			host = loopback
		}
		if !slices.Contains(p.hosts, host) {
			p.hosts = append(p.hosts, host)
		}
	} else {
		host = p.hosts[0]
	}
	p.endpoint = net.JoinHostPort(host, port)
	return p, nil
}

const loopback = "127.0.0.1"

// isElsewhere reports whether clients on other machines could use host.
func isElsewhere(host string) bool {
	address, err := netip.ParseAddr(host)
	return host != "localhost" && (err != nil || !address.IsLoopback())
}

// defaultHosts returns the names and addresses of loopback, and the name of this machine if a certificate can have it.
func defaultHosts() []string {
	hosts := []string{"localhost", loopback, "::1"}
	name, err := os.Hostname()
	if err != nil {
		return hosts
	}
	if name, err = checkHost(name); err == nil && !slices.Contains(hosts, name) {
		hosts = append(hosts, name)
	}
	return hosts
}

// checkHosts returns hosts in the form of certificates, without duplicates.
func checkHosts(hosts []string) (checked []string, err error) {
	for _, given := range hosts {
		host, err := checkHost(given)
		if err != nil {
			return nil, badOption("host", given, err)
		}
		if !slices.Contains(checked, host) {
			checked = append(checked, host)
		}
	}
	return checked, nil
}

const (
	maxName  = 253
	maxLabel = 63
)

// hostLabel is a label of a DNS name. Clients accept certificates for names with an underscore, which containers often
// have.
var hostLabel = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$`)

// checkHost returns a DNS name in lower case, or an IP address in canonical form.
func checkHost(host string) (string, error) {
	if address, err := netip.ParseAddr(host); err == nil {
		return checkAddress(address)
	}
	if _, _, err := net.SplitHostPort(host); err == nil || strings.Contains(host, "://") {
		return "", errors.New("give the host alone, without scheme and port")
	}
	name := strings.ToLower(host)
	labels := strings.Split(name, ".")
	if len(name) > maxName || !slices.ContainsFunc(labels, isNotNumber) {
		return "", errNoHost
	}
	for _, label := range labels {
		if len(label) > maxLabel || !hostLabel.MatchString(label) {
			return "", errNoHost
		}
	}
	return name, nil
}

var errNoHost = errors.New("this is neither a DNS name nor an IP address")

// isNotNumber tells the labels of a name from the numbers of an invalid address, such as 10.0.0.256.
func isNotNumber(label string) bool { return strings.Trim(label, "0123456789") != "" }

func checkAddress(address netip.Addr) (string, error) {
	switch {
	case address.Zone() != "":
		return "", errors.New("a certificate can't have an address with a zone")
	case address.IsUnspecified():
		return "", errors.New("clients can't connect to it; -listen is where the service listens")
	}
	return address.Unmap().String(), nil
}

// checkListen splits host:port. The host is "" if the service listens on all addresses.
func checkListen(listen string) (host, port string, err error) {
	host, port, err = net.SplitHostPort(listen)
	if err != nil {
		err = errors.New("this is not host:port; for all addresses of this machine, give :" + defaultPort)
		return "", "", badOption("listen", listen, err)
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", "", badOption("listen", listen, errors.New("the port is a number from 1 to 65535"))
	}
	if address, err := netip.ParseAddr(host); host == "" || err == nil && address.IsUnspecified() {
		return "", port, nil
	}
	if host, err = checkHost(host); err != nil {
		return "", "", badOption("listen", listen, err)
	}
	return host, port, nil
}
