package config

import (
	"cmp"
	"net"
	"net/url"
	"strings"
	"time"
)

// Etcd is where the nodes of a cluster keep their data, in place of a [Storage].
type Etcd struct {
	// Endpoints are the URLs of etcd's members, such as "https://etcd1.internal:2379". Plain HTTP is for loopback.
	Endpoints []string `hcl:"endpoints"`
	// Prefix is what all keys of the service begin with in etcd, and ends in a slash; "" means [DefaultPrefix].
	Prefix string `hcl:"prefix,optional"`
	// Lease is how long a node is the active one after it was last heard of, in whole seconds; "" means "5s". Read it with
	// TTL.
	Lease string `hcl:"lease,optional"`
	// CAFile is a PEM file: the CAs that members' certificates lead to. No other CA is trusted.
	CAFile string `hcl:"ca_file,optional"`
	// CertFile and KeyFile are PEM files: the certificate that the node shows to etcd, with its chain, and its key.
	CertFile string `hcl:"cert_file,optional"`
	KeyFile  string `hcl:"key_file,optional"`
	// Username and PasswordFile are those of etcd's own users. etcd knows a node by its certificate's common name if there
	// are none.
	Username     string `hcl:"username,optional"`
	PasswordFile string `hcl:"password_file,optional"`
}

// Cluster is what the nodes of a service on etcd need among themselves.
type Cluster struct {
	// Address is host:port where this node listens for the others, which connect to it. Port 0 lets the kernel choose.
	Address string `hcl:"address"`
	// CAFile is a PEM file: the CA of all nodes' certificates, which serves nothing else.
	CAFile string `hcl:"ca_file"`
	// CertFile and KeyFile are PEM files: the node's certificate, with its chain, and its key. The certificate has the
	// node's name, as the URI alicloudkms://CLUSTER/NODE in subjectAltName.
	CertFile string `hcl:"cert_file"`
	KeyFile  string `hcl:"key_file"`
	// MaxClockSkew is how far the clocks of two nodes may be apart, the same for all nodes; "" means "1s". Read it with
	// Skew.
	MaxClockSkew string `hcl:"max_clock_skew,optional"`
}

// The defaults and bounds of [Etcd] and [Cluster]. A shorter lease than etcd's own least would be longer there.
const (
	DefaultPrefix = "alicloudkms/"
	DefaultLease  = 5 * time.Second
	MinLease      = 2 * time.Second
	MaxLease      = time.Minute

	DefaultMaxClockSkew  = time.Second
	leastMaxClockSkew    = 50 * time.Millisecond
	greatestMaxClockSkew = time.Minute
)

// KeyPrefix is Prefix, or its default.
func (e *Etcd) KeyPrefix() string { return cmp.Or(e.Prefix, DefaultPrefix) }

// TTL is Lease, or its default.
func (e *Etcd) TTL() (time.Duration, error) { return durationOr(e.Lease, DefaultLease) }

// Skew is MaxClockSkew, or its default.
func (c *Cluster) Skew() (time.Duration, error) {
	return durationOr(c.MaxClockSkew, DefaultMaxClockSkew)
}

func durationOr(written string, standard time.Duration) (time.Duration, error) {
	if written == "" {
		return standard, nil
	}
	return time.ParseDuration(written)
}

// HasTLS reports whether connections to etcd are encrypted. Validation has refused endpoints of both kinds.
func (e *Etcd) HasTLS() bool { return strings.HasPrefix(e.Endpoints[0], "https:") }

// validateStore checks that there is one store, and what belongs to it.
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

// maxPrefix leaves room for the keys of the store.
const maxPrefix = 256

// EndpointProblem says why an endpoint of etcd can't be used beside the first one; problem is "" if it can. shown is
// the endpoint without what may be a password.
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

// withoutUser is an endpoint without what may be a password.
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

// requireBoth refuses one of two fields without the other.
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
