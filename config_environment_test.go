package alicloudkms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An issuer signs certificates of authorities.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes an authority under i, or a root if i is nil.
func (i *issuer) issue(t *testing.T, name string) *issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	by := i
	if i == nil {
		by = &issuer{cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &issuer{cert: cert, key: key}
}

func (i *issuer) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: i.cert.Raw}))
}

// onLoopback and ownCAs are configurations with the environment's credentials that need the operator's consent.
func onLoopback(t *testing.T) map[string]map[string]any {
	role := body{"role_arn": vaultRole}
	dedicated := body{"kms_instance_id": ourInstance, "gateway": "dedicated", "instance_ca_cert": newCA(t)}
	return map[string]map[string]any{
		"KMS on loopback":                   {"endpoint": "127.0.0.1:8443"},
		"KMS on another loopback address":   {"endpoint": "127.1.2.3:8443"},
		"KMS on loopback in the clear":      {"endpoint": "http://localhost:8080"},
		"KMS on loopback, in IPv6":          {"endpoint": "::1"},
		"STS on loopback":                   with(role, body{"sts_endpoint": "127.0.0.1:8443"}),
		"STS on loopback in the clear":      with(role, body{"sts_endpoint": "http://127.0.0.1:8080"}),
		"a gateway on loopback":             with(dedicated, body{"instance_endpoint": "127.0.0.1:8443"}),
		"an own CA for KMS":                 {"ca_cert": newCA(t)},
		"an own CA for KMS by its name":     {"ca_cert": newCA(t), "endpoint": "kms.cn-hangzhou.aliyuncs.com"},
		"an own CA for a gateway":           dedicated,
		"an own CA for a gateway, for once": with(dedicated, body{"gateway": "shared"}),
		"an own name for a gateway": with(dedicated, body{
			"instance_ca_cert": "", "instance_tls_server_name": "kms.example.com",
		}),
	}
}

func TestEnvironmentsCredentialsGoToLoopbackAndOwnCAsOnlyIfTheOperatorSaysSo(t *testing.T) {
	for name, fields := range onLoopback(t) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.saysCA(func() string { return newCA(t) })
			config := with(environment(), with(fields, body{"verify": false}))
			_, err := r.tryWrite("config", config)
			refused(t, err, 400, "not for other servers",
				"vault plugin register -env=ALICLOUDKMS_ALLOW_LOCAL_ENDPOINT=true")
			require.Zero(t, r.kms.total())
			require.Nil(t, r.read("config"))

			t.Setenv(allowLocalVariable, "true")
			r.restart()
			r.write("config", config)

			t.Setenv(allowLocalVariable, "false")
			r.restart()
			calls := r.kms.total()
			for _, path := range []string{"keys/a", "encrypt/a"} {
				_, err = r.tryWrite(path, nil)
				refused(t, err, 400, "not for other servers")
			}
			_, err = r.try(logical.ReadOperation, "health", nil)
			refused(t, err, 400, "not for other servers")
			require.Equal(t, calls, r.kms.total(), "what was stored before is not used either")
		})
	}
}

func TestOperatorsConsentIsForLoopbackOnly(t *testing.T) {
	t.Setenv(allowLocalVariable, "true")
	for _, endpoint := range []string{
		"kms.example.com", "10.0.0.1:8443", "127.0.0.1.example.com",
		"localhost.example.com",
	} {
		_, err := newRig(t).tryWrite("config", with(environment(), body{"endpoint": endpoint, "verify": false}))
		refused(t, err, 400, "not for other servers")
	}
}

func TestOwnAccessKeyMayGoToLoopbackWithoutTheOperator(t *testing.T) {
	for name, fields := range onLoopback(t) {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.saysCA(func() string { return newCA(t) })
			r.write("config", with(goodConfig(), with(fields, body{"verify": false})))
		})
	}
}

// The environment's session is not sent to a listener on the Vault server.
func TestListenerOnLoopbackGetsNothingOfTheEnvironment(t *testing.T) {
	setEnvironment(t, "LTAIenvironment", kmsapi.NewSecret("environments-secret"))
	var asked atomic.Int64
	listener := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	defer listener.Close()
	for _, fields := range []map[string]any{
		{"endpoint": listener.URL}, {"role_arn": vaultRole, "sts_endpoint": listener.URL},
	} {
		_, err := newEngine(t).tryWrite("config", with(environment(), fields))
		refused(t, err, 400, "not for other servers")
	}
	require.Zero(t, asked.Load())
}

func TestEnvironmentsCredentialsMayGoToADedicatedGatewayOfAlibabaCloud(t *testing.T) {
	root := (*issuer)(nil).issue(t, "root")
	regional, other := root.issue(t, "regional"), (*issuer)(nil).issue(t, "other")
	for name, c := range map[string]struct {
		fields  map[string]any
		allowed bool
	}{
		"KMS says the CA":             {body{}, true},
		"its root":                    {body{"instance_ca_cert": root.pem()}, true},
		"root and regional CA":        {body{"instance_ca_cert": root.pem() + regional.pem()}, true},
		"the other way round":         {body{"instance_ca_cert": regional.pem() + "\r\n" + root.pem()}, true},
		"its own host name":           {body{"instance_endpoint": ourInstance + ".cryptoservice.kms.aliyuncs.com"}, true},
		"the regional CA alone":       {body{"instance_ca_cert": regional.pem()}, false},
		"another CA":                  {body{"instance_ca_cert": other.pem()}, false},
		"another CA below the root":   {body{"instance_ca_cert": root.pem() + other.pem()}, false},
		"another CA above the root":   {body{"instance_ca_cert": other.pem() + root.pem()}, false},
		"another CA after other text": {body{"instance_ca_cert": root.pem() + "hello\n" + other.pem()}, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.backend().process.instanceRoot = sha256.Sum256(root.cert.Raw)
			r.saysCA(func() string { return other.pem() })
			_, err := r.tryWrite("config", with(environment(), with(c.fields, body{
				"kms_instance_id": ourInstance, "gateway": "dedicated", "verify": false,
			})))
			if c.allowed {
				require.NoError(t, err)
				return
			}
			refused(t, err, 400, "instance_ca_cert", "not for other servers")
		})
	}
}

// The CA may have come from a caller's own server.
func TestCAThatAnotherServerSaidIsReadAgain(t *testing.T) {
	r := newRig(t)
	said, asked := newCA(t), 0
	r.saysCA(func() string { asked++; return said })
	r.write("config", dedicatedConfig(body{"endpoint": "kms.attacker.example"}))
	require.Equal(t, said, r.read("config").Data["instance_ca_cert"])
	said = newCA(t)
	r.write("config", body{"access_key": "", "use_environment": true, "endpoint": "", "verify": false})
	require.Equal(t, said, r.read("config").Data["instance_ca_cert"])
	require.Equal(t, 2, asked)
}
