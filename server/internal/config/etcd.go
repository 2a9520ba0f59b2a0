package config

import (
	"cmp"
	"net"
	"net/url"
	"strings"
	"time"
)

// Etcd is where the nodes of a cluster keep their data, instead of a [Storage].
type Etcd struct {
	// Endpoints are the URLs of etcd's members, such as "https://etcd1.internal:2379". Plain HTTP is accepted only for
	// loopback.
	Endpoints []string `hcl:"endpoints"`
	// Prefix is the prefix of all keys of the service in etcd. It ends in a slash; "" means [DefaultPrefix].
	Prefix string `hcl:"prefix,optional"`
	// Lease is how long a node remains active after it was last heard from, a multiple of a second; "" means "5s". Read
	// it with TTL.
	Lease string `hcl:"lease,optional"`
	// CAFile is a PEM file with the CAs of the members' certificates. No other CA is trusted.
	CAFile string `hcl:"ca_file,optional"`
	// CertFile and KeyFile are PEM files: the certificate that the node shows to etcd, with its chain, and its key.
	CertFile string `hcl:"cert_file,optional"`
	KeyFile  string `hcl:"key_file,optional"`
	// Username and PasswordFile are for etcd's own users. Without them, etcd identifies a node by its certificate's
	// common name.
	Username     string `hcl:"username,optional"`
	PasswordFile string `hcl:"password_file,optional"`
}

// Cluster is what the nodes of a service on etcd need among themselves.
type Cluster struct {
	// Address is the host:port on which this node listens for the others. Port 0 lets the kernel choose.
	Address string `hcl:"address"`
	// CAFile is a PEM file with the CA of all nodes' certificates, which must serve nothing else.
	CAFile string `hcl:"ca_file"`
	// CertFile and KeyFile are PEM files: the node's certificate, with its chain, and its key. The certificate contains
	// the node's name, as the URI alicloudkms://CLUSTER/NODE in subjectAltName.
	CertFile string `hcl:"cert_file"`
	KeyFile  string `hcl:"key_file"`
	// MaxClockSkew is how far the clocks of two nodes may differ, the same for all nodes; "" means "1s". Read it with
	// Skew.
	MaxClockSkew string `hcl:"max_clock_skew,optional"`
}

// The defaults and bounds of [Etcd] and [Cluster]. etcd would extend a lease shorter than its own minimum.
const (
	DefaultPrefix = "alicloudkms/"
	DefaultLease  = 5 * time.Second
	MinLease      = 2 * time.Second
	MaxLease      = time.Minute

	DefaultMaxClockSkew  = time.Second
	leastMaxClockSkew    = 50 * time.Millisecond
	greatestMaxClockSkew = time.Minute
)

// KeyPrefix returns Prefix or its default.
func (e *Etcd) KeyPrefix() string { return cmp.Or(e.Prefix, DefaultPrefix) }

// TTL returns Lease or its default.
func (e *Etcd) TTL() (time.Duration, error) { return durationOr(e.Lease, DefaultLease) }

// Skew returns MaxClockSkew or its default.
func (c *Cluster) Skew() (time.Duration, error) {
	return durationOr(c.MaxClockSkew, DefaultMaxClockSkew)
}

func durationOr(written string, standard time.Duration) (time.Duration, error) {
	if written == "" {
		return standard, nil
	}
	return time.ParseDuration(written)
}

// HasTLS reports whether connections to etcd are encrypted. Validation has refused a mix of both.
func (e *Etcd) HasTLS() bool { return strings.HasPrefix(e.Endpoints[0], "https:") }

// validateStore checks that there is exactly one store, and checks its settings.
func (c Config) validateStore(at Place, found *faults) {
	inEtcd, inCluster := at.Block("etcd", 0, ""), at.Block("cluster", 0, "")
	switch {
	case c.Etcd == nil && c.Storage.Path == "":
		found.add(at, `there is no store; add: storage { path = "…" }, or etcd { … } for a service on several machines`)
	case c.Etcd != nil && c.Storage.Path != "":
		found.add(inEtcd, "give storage or etcd, not both")
	}
	if c.Etcd != nil {
		c.Etcd.validate(inEtcd, found)
	}
	switch {
	case c.Etcd != nil && c.Cluster == nil:
		found.add(inEtcd, `it needs a cluster block too, by which the nodes reach each other`)
	case c.Etcd == nil && c.Cluster != nil:
		found.add(inCluster, "it is for a service on etcd; give an etcd block in place of storage, or leave it out")
	case c.Cluster != nil:
		c.Cluster.validate(inCluster, found)
	}
}

func (e *Etcd) validate(at Place, found *faults) {
	if len(e.Endpoints) == 0 {
		found.add(at.Field("endpoints"), `give at least one, such as "https://etcd1.internal:2379"`)
		return
	}
	for n, endpoint := range e.Endpoints {
		if shown, problem := EndpointProblem(endpoint, e.Endpoints[0]); problem != "" {
			found.add(at.Field("endpoints").Item(n), "%.128q %s", shown, problem)
		}
	}
	if prefix := e.KeyPrefix(); !isWord(prefix) || !strings.HasSuffix(prefix, "/") || len(prefix) > maxPrefix {
		found.add(at.Field("prefix"), `%.64q does not look like "alicloudkms/", with a slash at its end and at most %d bytes`,
			prefix, maxPrefix)
	}
	if ttl, err := e.TTL(); err != nil || ttl < MinLease || ttl > MaxLease || ttl%time.Second != 0 {
		found.add(at.Field("lease"), "%q is not a duration from %s to %s in whole seconds, such as \"5s\"",
			e.Lease, MinLease, MaxLease)
	}
	e.validateFiles(at, found)
}

// maxPrefix is the longest prefix, in bytes. It leaves room for the keys of the store.
const maxPrefix = 256

// EndpointProblem returns why an endpoint of etcd can't be used together with the first one; problem is "" if it can.
// shown is the endpoint without a possible password.
func EndpointProblem(endpoint, first string) (shown, problem string) {
	return withoutUser(endpoint), endpointProblem(endpoint, first)
}

func endpointProblem(endpoint, first string) string {
	u, err := url.Parse(endpoint)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || !isHostPort(u.Host),
		u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
		return `is not a URL such as "https://etcd1.internal:2379"`
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return "is not on loopback, so it needs https: keys must not cross the network in clear"
	case !strings.HasPrefix(first, u.Scheme+":"):
		return "differs from the first one in http and https"
	}
	return ""
}

// withoutUser returns an endpoint without a possible user and password.
func withoutUser(endpoint string) string {
	if _, host, found := strings.Cut(endpoint, "@"); found {
		return "…@" + host
	}
	return endpoint
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (e *Etcd) validateFiles(at Place, found *faults) {
	if e.HasTLS() {
		if e.CAFile == "" {
			found.add(at.Field("ca_file"), "https needs it: the CA of etcd's own certificates")
		}
	} else if e.CAFile != "" || e.CertFile != "" || e.KeyFile != "" {
		found.add(at.Field("endpoints"), "ca_file, cert_file and key_file are for endpoints with https")
	}
	requireBoth(at, found, "cert_file", e.CertFile, "key_file", e.KeyFile)
	requireBoth(at, found, "username", e.Username, "password_file", e.PasswordFile)
}

// requireBoth refuses either of two fields without the other.
func requireBoth(at Place, found *faults, one, oneValue, other, otherValue string) {
	if otherValue == "" && oneValue != "" {
		found.add(at.Field(one), "it needs %s too", other)
	}
	if oneValue == "" && otherValue != "" {
		found.add(at.Field(other), "it needs %s too", one)
	}
}

func (c *Cluster) validate(at Place, found *faults) {
	host, _, _ := net.SplitHostPort(c.Address)
	ip := net.ParseIP(host)
	switch {
	case !isHostPort(c.Address):
		found.add(at.Field("address"), "%q is not host:port, such as \"10.0.0.1:8444\"", c.Address)
	case host == "" || ip != nil && ip.IsUnspecified():
		found.add(at.Field("address"),
			"%q: the other nodes connect to it, so it must be an address of this machine", c.Address)
	}
	for _, file := range []struct{ name, value string }{
		{"ca_file", c.CAFile}, {"cert_file", c.CertFile}, {"key_file", c.KeyFile},
	} {
		if file.value == "" {
			found.add(at.Field(file.name), "it is empty")
		}
	}
	if skew, err := c.Skew(); err != nil || skew < leastMaxClockSkew || skew > greatestMaxClockSkew {
		found.add(at.Field("max_clock_skew"), "%q is not a duration from %s to %s, such as \"1s\"",
			c.MaxClockSkew, leastMaxClockSkew, greatestMaxClockSkew)
	}
}
