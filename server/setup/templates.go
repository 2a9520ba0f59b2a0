package setup

import "fmt"

// storeName is the store of the service, and socketEnd what the name of its socket ends with.
const (
	storeName = "kms.db"
	socketEnd = ".sock"
)

// config returns the configuration file. Every value in it has been checked to need no quoting.
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
storage { path = %q }

# Wraps all other keys. Keep a copy elsewhere: without it, neither the store nor a backup can be decrypted.
root_key { file = %q }

# This access key may do everything. Give each program one of its own, with allow blocks.
account %q {
  access_key %q { secret_file = %q }
}

# One line for each request. With systemd: /var/log/alicloudkms/audit.log
audit { file = "audit.log" }

# The socket through which backup and reload reach the running service.
operations {}
`, s.made.Region, s.place.listen, certName, keyName, storeName, rootKeyName, s.account, s.made.AccessKeyID, secretName)
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
