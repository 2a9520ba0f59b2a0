package alicloudkms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

const theRegions = "The regions are ap-northeast-1, ap-south-1, ap-southeast-1, ap-southeast-2, ap-southeast-3, ap-southeast-5, ap-southeast-6, cn-beijing, cn-chengdu, cn-guangzhou, cn-hangzhou, cn-hangzhou-finance, cn-heyuan, cn-hongkong, cn-huhehaote, cn-qingdao, cn-shanghai, cn-shanghai-finance-1, cn-shenzhen, cn-shenzhen-finance-1, cn-wulanchabu, cn-zhangjiakou, eu-central-1, eu-west-1, me-east-1, us-east-1, us-west-1"

func TestWhatIsSaidOfAFirstConfigurationThatIsWrong(t *testing.T) {
	service := kmstest.New(t)
	for situation, c := range map[string]struct {
		config map[string]any
		status int
		want   string
	}{
		"a wrong secret": {
			body{"secret_key": "wrong"},
			400,
			`DescribeRegions: KMS refused: IncompleteSignature (request id ID). The secret_key does not belong to the access_key; check both. If the secret is in a file: secret_key=@FILE. Nothing was stored.`,
		},
		"an unknown access key": {
			body{"access_key": "LTAInobody"},
			400,
			`DescribeRegions: KMS refused: InvalidAccessKeyId.NotFound (request id ID). KMS does not know the access_key; check it, and that region and endpoint are those of its cloud. Nothing was stored.`,
		},
		"a misspelled region": {
			body{"region": "cn-hangzou"},
			400,
			`DescribeRegions: KMS refused: InvalidParameter: The specified parameter "RegionId" is not valid. This service does not work in that region; did you mean "cn-hangzhou"? DescribeRegions lists the others. (request id ID). ` +
				theRegions + `. Nothing was stored.`,
		},
		"a misspelled region and a wrong secret": {
			body{"region": "cn-hangzou", "secret_key": "wrong"},
			400,
			`DescribeRegions: KMS refused: IncompleteSignature (request id ID). The secret_key does not belong to the access_key; check both. If the secret is in a file: secret_key=@FILE. The engine does not know region "cn-hangzou"; did you mean "cn-hangzhou"? ` +
				theRegions + `. Nothing was stored.`,
		},
		"a misspelled region of Alibaba Cloud": {
			body{"region": "cn-hangzou", "endpoint": "", "ca_cert": ""},
			400,
			`the configuration is not valid: region "cn-hangzou" is not in the API reference; did you mean "cn-hangzhou"? ` +
				theRegions + `. For another region, give its endpoint. Nothing was stored.`,
		},
		"no region": {body{"region": ""}, 400, `region is required, for example region=cn-hangzhou. Nothing was stored.`},
		"the name of a file for its content": {
			body{"ca_cert": "ca.pem"},
			400,
			`the configuration is not valid: ca_cert holds no PEM certificate; it must be the text that begins with "-----BEGIN CERTIFICATE-----", not the name of a file; did you mean the content of the file, ca_cert=@ca.pem? Nothing was stored.`,
		},
		"an authority that did not sign": {
			body{"ca_cert": ""},
			502,
			`DescribeRegions at HOST failed: tls: failed to verify certificate: x509: certificate signed by unknown authority. If the server is the right one, give the certificate of the authority that signed its certificate: ca_cert=@FILE. Nothing was stored.`,
		},
		"an endpoint where nothing listens": {
			body{"endpoint": "127.0.0.1:1"},
			502,
			`DescribeRegions at HOST failed: dial tcp HOST: connect: connection refused (no connection was made; check region, network and endpoint, that the service runs, and that no firewall is in the way). Nothing was stored.`,
		},
		"an endpoint without TLS": {
			body{"endpoint": "http://kms.example.com"},
			400,
			`the configuration is not valid: endpoint is kms.example.com:80 without TLS, which is allowed on loopback only; use https://. Nothing was stored.`,
		},
		"a role that is not one": {
			body{"role_arn": "vault"},
			400,
			`the configuration is not valid: role_arn is not the ARN of a role, such as acs:ram::1000000000000001:role/vault. Nothing was stored.`,
		},
		"a misspelled field": {
			body{"max_paralel": 5},
			400,
			`unknown field "max_paralel"; did you mean "max_parallel"? The fields are access_key, ca_cert, cache_ttl, endpoint, gateway, instance_ca_cert, instance_endpoint, instance_tls_server_name, kms_instance_id, max_parallel, max_retries, network, ram_endpoint, region, request_timeout, role_arn, role_external_id, role_session_name, secret_key, security_token, sts_endpoint, use_environment, verify`,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			r := newEngine(t)
			_, err := r.tryWrite("config", with(realConfig(service), c.config))
			says(t, err, c.status, c.want)
			require.Nil(t, r.read("config"))
		})
	}
}

func TestALaterConfigurationThatIsWrongPointsToWhatIsStored(t *testing.T) {
	r, _, config := newRealRig(t)
	r.write("config", config)
	_, err := r.tryWrite("config", body{"secret_key": "wrong"})
	says(t, err, 400, `DescribeRegions: KMS refused: IncompleteSignature (request id ID). The secret_key does not belong to the access_key; check both. If the secret is in a file: secret_key=@FILE. Nothing was changed; what is stored: vault read kms/config`)
	_, err = r.try(logical.PatchOperation, "config", body{"network": "vcp"})
	says(t, err, 400, `network must be public or vpc. Nothing was changed; what is stored: vault read kms/config`)
}

func TestARegionThatTheEngineDoesNotKnowIsStoredWithAWarning(t *testing.T) {
	r, _, config := newRealRig(t)
	resp := r.write("config", with(config, body{"region": "cn-hangzou", "verify": false}))
	require.Equal(t, []string{`The engine does not know region "cn-hangzou"; did you mean "cn-hangzhou"? ` + theRegions},
		resp.Warnings)
	require.Nil(t, r.write("config", config))
}

// named returns a service whose certificate has the names of template and is self-signed, like one of openssl req
// -x509.
func named(t *testing.T, template x509.Certificate) (service *kmstest.KMS, ca string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template.SerialNumber, template.NotAfter = big.NewInt(1), time.Now().Add(time.Hour)
	template.IsCA, template.BasicConstraintsValid = true, true
	der, err := x509.CreateCertificate(rand.Reader, &template, &template, key.Public(), key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "tls.pem"), filepath.Join(dir, "tls.key")
	require.NoError(t, os.WriteFile(certFile, cert, 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return kmstest.Configured(t, kmstest.Certificate(certFile, keyFile)), string(cert)
}

func TestWhatIsSaidOfACertificateWithOtherNames(t *testing.T) {
	for situation, c := range map[string]struct {
		template x509.Certificate
		want     string
	}{
		"a Common Name alone": {
			x509.Certificate{Subject: pkix.Name{CommonName: "localhost"}},
			`the server's certificate is not for "localhost"; the certificate names: none, since its Common Name, "localhost", does not count. To have it trusted, make a certificate for the server with subjectAltName=DNS:localhost, as alicloudkms init -host localhost DIR does`,
		},
		"other names": {
			x509.Certificate{DNSNames: []string{"kms.example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}},
			`the server's certificate is not for "localhost"; the certificate names: "kms.example.com", 127.0.0.1. To have it trusted, call the server by a name that its certificate has, or make it one with subjectAltName=DNS:localhost, as alicloudkms init -host localhost DIR does`,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			service, ca := named(t, c.template)
			r := newEngine(t)
			config := with(realConfig(service), body{
				"ca_cert": ca, "endpoint": strings.Replace(service.Endpoint, "127.0.0.1", "localhost", 1),
			})
			_, err := r.tryWrite("config", config)
			says(t, err, 502, "DescribeRegions at HOST failed: "+c.want+". Nothing was stored.")
			r.write("config", with(config, body{"verify": false}))
			_, err = r.tryWrite("keys/a", nil)
			says(t, err, 502, "CreateKey at HOST failed: "+c.want+". The engine's settings: vault read kms/config")
		})
	}
}
