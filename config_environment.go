package alicloudkms

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"regexp"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// allowLocalVariable is the environment variable with which the operator of the Vault server allows the environment's
// credentials to be sent to loopback, and to servers whose certificates are from a CA in the configuration.
const allowLocalVariable = "ALICLOUDKMS_ALLOW_LOCAL_ENDPOINT"

// alibabaCloud matches the hosts of KMS and of STS in a region, of dedicated gateways, and of RAM. Other names below
// aliyuncs.com may belong to customers: kms.oss-cn-hangzhou.aliyuncs.com is a storage bucket that anyone could have.
var alibabaCloud = regexp.MustCompile(
	`^(sts|ram|ram\.vpc-proxy|[a-z0-9-]+\.cryptoservice\.kms|` +
		`(kms|kms-vpc|[a-z0-9-]+\.cryptoservice\.kms|sts|sts-vpc)\.(cn|ap|us|eu|me|na|sa|af)(-[a-z0-9]+)+)\.aliyuncs\.com$`)

func isAlibabaCloud(endpoint string) bool {
	u, err := client.ParseEndpoint(endpoint)
	return err == nil && alibabaCloud.MatchString(u.Hostname())
}

func isOnLoopback(endpoint string) bool {
	u, err := client.ParseEndpoint(endpoint)
	return err == nil && client.IsLoopback(u.Hostname())
}

// checkEnvironment refuses to send the environment's credentials, or those of a role assumed with them, to a server
// that is not certainly Alibaba Cloud's. A caller that may write config need not be the operator of the Vault server,
// and gives no secret that would prove that the credentials are its own. It could listen on the server's loopback, or
// be on the network path with a CA of its own, and would get the security token, and signed requests that can be
// relayed. This is checked for every new connection, since the stored configuration may be older than the check.
func (c *config) checkEnvironment(p *process) error {
	if c.AccessKey != "" {
		return nil
	}
	for _, field := range []struct{ name, endpoint string }{
		{"endpoint", c.Endpoint},
		{"sts_endpoint", c.STSEndpoint},
		{"ram_endpoint", c.RAMEndpoint},
		{"instance_endpoint", c.Instance.Endpoint},
	} {
		if field.endpoint == "" || isAlibabaCloud(field.endpoint) || p.allowLocal && isOnLoopback(field.endpoint) {
			continue
		}
		return notForTheEnvironment("%s must be empty or a host of Alibaba Cloud's", field.name)
	}
	switch name := c.Instance.TLSServerName; {
	case p.allowLocal:
		return nil
	case c.CACert != "":
		return notForTheEnvironment("ca_cert must be empty")
	case name != "" && !alibabaCloud.MatchString(name):
		return notForTheEnvironment("instance_tls_server_name must be empty or a host of Alibaba Cloud's")
	case !c.Instance.CALearned && c.Instance.CACert != "" && !isIssuedBy(c.Instance.CACert, p.instanceRoot):
		return notForTheEnvironment("instance_ca_cert must be empty, so that KMS is asked for it, or Alibaba Cloud's (the file from the KMS console, with its root certificate)")
	default:
		return nil
	}
}

func notForTheEnvironment(format string, args ...any) error {
	return refusal.BadRequest("%s", "without an access_key, "+fmt.Sprintf(format, args...)+
		": the environment's credentials are not for other servers. The operator of the Vault server can allow "+
		"loopback and other CAs, with: vault plugin register -env="+allowLocalVariable+"=true ...")
}

// alibabaCloudsRoot is the SHA-256 checksum of the certificate "Private KMS Root CA", which is valid until 2041 and is
// the root of the certificates of all dedicated gateways.
var alibabaCloudsRoot = [sha256.Size]byte{
	0x1c, 0xd0, 0x1c, 0x9b, 0x95, 0xe9, 0xb5, 0x07, 0xaf, 0x89, 0x71, 0xd5, 0x0c, 0x58, 0x41, 0x03,
	0xe4, 0x43, 0x56, 0x31, 0xe9, 0x2f, 0xc3, 0xa4, 0x65, 0x80, 0x23, 0xcc, 0x01, 0xe8, 0xaf, 0xd0,
}

// isIssuedBy reports whether certs, in PEM, has only certificates of the authority whose root has that checksum: all of
// them are trusted, so a single one of another authority would be enough to impersonate any host.
func isIssuedBy(certs string, root [sha256.Size]byte) bool {
	parsed, ok := parseCerts(certs)
	if !ok {
		return false
	}
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	for _, cert := range parsed {
		if sha256.Sum256(cert.Raw) == root {
			roots.AddCert(cert)
		} else {
			others.AddCert(cert)
		}
	}
	for _, cert := range parsed {
		_, err := cert.Verify(x509.VerifyOptions{
			Roots: roots, Intermediates: others, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
			CurrentTime: cert.NotBefore, // The connection checks whether it is still valid.
		})
		if err != nil {
			return false
		}
	}
	return true
}

// parseCerts reads everything that a pool of certificates would take from PEM.
func parseCerts(text string) (certs []*x509.Certificate, ok bool) {
	rest := bytes.TrimSpace([]byte(text))
	for len(rest) > 0 {
		block, after := pem.Decode(rest)
		if block == nil || block.Type != "CERTIFICATE" {
			return nil, false
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, false
		}
		certs, rest = append(certs, cert), bytes.TrimSpace(after)
	}
	return certs, len(certs) > 0
}
