package setup

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// The files that the service makes: its store, its socket, whose name is that of the store and socketEnd, and its audit
// log.
const (
	storeName = "kms.db"
	socketEnd = ".sock"
	auditName = "audit.log"
	// A node has no store file to name its socket after.
	nodeSocketName = "kms" + socketEnd
)

// opsAddress is where a node serves its health, for the load balancer.
const opsAddress = loopback + ":9180"

// config returns the configuration file. All values except the paths were checked and need no quoting.
func (s *service) config() string {
	store := fmt.Sprintf(`# On a local disk. With systemd: /var/lib/alicloudkms/kms.db
storage { path = %s }
`, quote(filepath.Join(s.data, storeName)))
	const operations = `# The socket through which backup and reload reach the running service. For a page in your browser, metrics and health,
# all without authentication, add: address = "127.0.0.1:9180"
operations {}
`
	return s.configWith(store, operations)
}

// configWith returns a configuration file with blocks for the store and for operators.
func (s *service) configWith(store, operations string) string {
	return fmt.Sprintf(`# The configuration of a KMS service, made by: alicloudkms init
# Paths are relative to this file. docs/kms-configuration.md has all other fields.

default_region = %q

# Where it listens. The certificate is for the names that clients use; a new one: alicloudkms init -renew
listener {
  address       = %q
  tls_cert_file = %q
  tls_key_file  = %q
}

%s
# Wraps all other keys. Keep a copy elsewhere: without it, neither the store nor a backup can be decrypted.
root_key { file = %q }

# This access key may do everything. Give each program one of its own, with allow blocks.
account %q {
  access_key %q { secret_file = %q }
}

# One line for each request. With systemd: /var/log/alicloudkms/audit.log
audit { file = %s }

%s`, s.made.Region, s.place.listen, certName, keyName, store, rootKeyName,
		s.account, s.made.AccessKeyID, secretName, quote(filepath.Join(s.data, auditName)), operations)
}

// config returns the configuration file of a node.
func (n *node) config(c *newCluster) string {
	files := ""
	if strings.HasPrefix(c.etcd[0], "https:") {
		files = `
  ca_file   = "etcd-ca.pem" # the CA of etcd's own certificates
  cert_file = "etcd.pem"    # the certificate that etcd knows the nodes by
  key_file  = "etcd.key"
`
	}
	var endpoints []string
	for _, e := range c.etcd {
		endpoints = append(endpoints, quote(e))
	}
	store := fmt.Sprintf(`# Where all nodes keep their data. docs/cluster.md has what to set up there.
etcd {
  endpoints = [%s]
%s}

# How the nodes reach each other.
cluster {
  address   = %q
  ca_file   = %q
  cert_file = %q
  key_file  = %q
}
`, strings.Join(endpoints, ", "), strings.TrimPrefix(files, "\n"), n.peers, nodesCAName, nodeCertName, nodeKeyName)
	operations := fmt.Sprintf(`# For operators, on this machine alone. The address has a page, metrics and health, all without authentication, and the
# socket is what reload uses. For balancers on other machines, which learn no more than whether this node serves and
# whether it is the active one, add: health_address = "0.0.0.0:9181"
operations {
  address = %q
  socket  = %s
}
`, opsAddress, quote(filepath.Join(c.data, nodeSocketName)))
	s := *c.service
	s.place = n.place
	return s.configWith(store, operations)
}

// quote returns s as a string of HCL, in which ${ and %{ begin templates.
func quote(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}

// env returns the file with the variables of clients.
func (s *service) env() string {
	client := Client{
		Endpoint: s.made.Endpoint, Region: s.made.Region, AccessKeyID: s.made.AccessKeyID, Secret: s.secret,
		CAFile: s.made.CAFile,
	}
	return "# For clients, with an access key that may do everything. If the folder is moved, change the paths.\n" +
		client.Environment().Script()
}
