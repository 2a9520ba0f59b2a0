package sdk

import (
	"errors"
	"path/filepath"
	"regexp"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/pki"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// The KMS instances of testdata/instances.hcl.
const (
	software = "kst-soft"
	hardware = "kst-hard"
	// private has no Internet access.
	private = "kst-private"
	// oldImage does not speak this API on its dedicated gateway.
	oldImage = "kst-old"
	// defaultInstance is the default instance of the account that was migrated from KMS 1.0.
	defaultInstance = "kst-migrated"
)

var instances = []string{software, hardware, private, oldImage, defaultInstance}

// What the service of testdata/instances.hcl is, besides its address: Alibaba Cloud as it is sold today.
var (
	cloudAccount = "1000000000000001"
	// migrated is the access key of an account that has a default instance.
	migrated = access{id: "LTAImigrated", secret: "the secret of an account migrated from KMS 1.0"}
	// cloudCA has signed the certificates of the dedicated gateways, which are here by their instance.
	cloudCA  *pki.PKI
	gateways = map[string]*service{}
)

// defaultPolicy is what a key of an instance allows the account that has made it.
func defaultPolicy(account string) string {
	return `{"Version":"1","Statement":[{"Sid":"kms default key policy","Effect":"Allow",
		"Principal":{"RAM":["acs:ram::` + account + `:*"]},"Action":["kms:*"],"Resource":["*"]}]}`
}

// startCloud starts `server -config` in dir, with the root key that the development service made there. The access key
// is of an account that has no default instance.
func startCloud(bin, dir string) (*service, error) {
	if err := issueCloud(dir); err != nil {
		return nil, err
	}
	process, err := startConfigured(bin, dir, "instances")
	if err != nil {
		return nil, err
	}
	s := &service{process: process, access: access{id: "LTAInew", secret: "the secret of a new account"}}
	if s.address, err = servers.AwaitKMS(process); err == nil {
		err = s.findGateways()
	}
	if err != nil {
		return nil, errors.Join(err, process.Stop())
	}
	return s, nil
}

// issueCloud writes the certificates that testdata/instances.hcl names.
func issueCloud(dir string) (err error) {
	if cloudCA, err = pki.New(kmsapi.DefaultRegion); err != nil {
		return err
	}
	errs := []error{cloudCA.WriteCA(filepath.Join(dir, "ca.pem")), cloudCA.Issue(dir, "cloud", "127.0.0.1")}
	for _, id := range instances {
		errs = append(errs, cloudCA.Issue(dir, id, kmsapi.InstanceHost(id)))
	}
	// No document says whether a dedicated gateway sends the certificate of the regional CA, so this one does not.
	errs = append(errs, cloudCA.IssueAlone(dir, hardware, kmsapi.InstanceHost(hardware)))
	return errors.Join(errs...)
}

// findGateways reads in the log where the dedicated gateways listen.
func (s *service) findGateways() error {
	for _, id := range instances {
		found, err := s.process.AwaitOutput(regexp.MustCompile(`instance=` + id + ` address=(\S+)`))
		if err != nil {
			return err
		}
		if gateways[id], err = s.gateway(id, found[1], cloudCA.CA()); err != nil {
			return err
		}
	}
	return nil
}
