package setup

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
)

// What the service makes: its store, whose name the name of its socket begins with, and its audit log.
const (
	storeName = "kms.db"
	socketEnd = ".sock"
	auditName = "audit.log"
)

// config returns the configuration file. Every value but the paths has been checked to need no quoting.
func (s *service) config() string {
	return fmt.Sprintf(`# The configuration of a KMS service, made by: alicloudkms init
# Paths are relative to this file. docs/kms-configuration.md has all other fields.

default_region = %q

# Where it listens. The certificate is for the names that clients use; a new one: alicloudkms init -renew
listener {
  address       = %q
  tls_cert_file = %q
  tls_key_file  = %q
}

# On a local disk. With systemd: /var/lib/alicloudkms/kms.db
storage { path = %s }

# Wraps all other keys. Keep a copy elsewhere: without it, neither the store nor a backup can be decrypted.
root_key { file = %q }

# This access key may do everything. Give each program one of its own, with allow blocks.
account %q {
  access_key %q { secret_file = %q }
}

# One line for each request. With systemd: /var/log/alicloudkms/audit.log
audit { file = %s }

# The socket through which backup and reload reach the running service. For a page in your browser, metrics and health,
# all without authentication, add: address = "127.0.0.1:9180"
operations {}
`, s.made.Region, s.place.listen, certName, keyName, quote(filepath.Join(s.data, storeName)), rootKeyName,
		s.account, s.made.AccessKeyID, secretName, quote(filepath.Join(s.data, auditName)))
}

// quote returns s as a string of HCL, in which ${ and %{ begin templates.
func quote(s string) string {
	return strings.NewReplacer("${", "$${", "%{", "%%{").Replace(strconv.Quote(s))
}

// env returns the file of variables.
func (s *service) env() string {
	client := Client{
		Endpoint: s.made.Endpoint, Region: s.made.Region, AccessKeyID: s.made.AccessKeyID, Secret: s.secret,
		CAFile: s.made.CAFile,
	}
	return "# For clients, with an access key that may do everything. Where the folder is moved, change the paths.\n" +
		client.Environment().Script()
}
