package alicloudkms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// The tables of this file are what people see when something is wrong: the real engine, over TLS to the real service,
// says exactly this.

const theRegions = "The regions are ap-northeast-1, ap-south-1, ap-southeast-1, ap-southeast-2, ap-southeast-3, ap-southeast-5, ap-southeast-6, cn-beijing, cn-chengdu, cn-guangzhou, cn-hangzhou, cn-hangzhou-finance, cn-heyuan, cn-hongkong, cn-huhehaote, cn-qingdao, cn-shanghai, cn-shanghai-finance-1, cn-shenzhen, cn-shenzhen-finance-1, cn-wulanchabu, cn-zhangjiakou, eu-central-1, eu-west-1, me-east-1, us-east-1, us-west-1"

// anonymous replaces what differs from run to run.
func anonymous(text string) string {
	id := `[0-9a-f]{8}-[0-9a-f-]{27}`
	text = regexp.MustCompile(`request id `+id).ReplaceAllString(text, "request id ID")
	text = regexp.MustCompile(id).ReplaceAllString(text, "KMS key")
	return regexp.MustCompile(`(127\.0\.0\.1|localhost):\d+`).ReplaceAllString(text, "HOST")
}

// says requires the exact message of a refusal.
func says(t *testing.T, err error, status int, want string) {
	t.Helper()
	require.Error(t, err)
	require.Equal(t, want, anonymous(err.Error()))
	refused(t, err, status)
}

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
			`DescribeRegions at HOST failed: dial tcp HOST: connect: connection refused (no connection was made; check region, network and endpoint, and that the way there is open). Nothing was stored.`,
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
			`unknown field "max_paralel"; did you mean "max_parallel"? The fields are access_key, ca_cert, endpoint, gateway, instance_ca_cert, instance_endpoint, instance_tls_server_name, kms_instance_id, max_parallel, max_retries, network, region, request_timeout, role_arn, role_external_id, role_session_name, secret_key, security_token, sts_endpoint, use_environment, verify`,
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

// named returns a service whose certificate has the names of template and, as that of openssl req -x509, signs itself.
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
			`the server's certificate is not for "localhost"; the certificate names: none, since its Common Name, "localhost", does not count. To have it trusted, make the server a certificate with subjectAltName=DNS:localhost, as alicloudkms init -host localhost DIR does`,
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

func TestWhatIsSaidOfARequestThatIsWrong(t *testing.T) {
	r, _, config := newRealRig(t)
	r.write("config", config)
	for _, name := range []string{"hr", "off", "it"} {
		r.write("keys/"+name, nil)
	}
	r.write("keys/off/disable", nil)
	r.write("keys/mine", body{"origin": "EXTERNAL"})
	r.write("keys/dying", nil)
	r.write("keys/dying/config", body{"deletion_allowed": true})
	r.remove("keys/dying", nil)
	foreign := r.encrypt("it", hello)
	const encrypted, token = "encrypted_key_material", "import_token"

	for situation, c := range map[string]struct {
		op     logical.Operation
		path   string
		data   map[string]any
		status int
		want   string
	}{
		"a misspelled path": {
			logical.UpdateOperation, "keys/hr/enabel", nil, 404,
			`unsupported path "keys/hr/enabel"; did you mean keys/hr/enable? All paths: vault path-help kms/`,
		},
		"a path without its name": {
			logical.UpdateOperation, "encrypt",
			body{"plaintext": hello},
			404,
			`unsupported path "encrypt"; did you mean encrypt/NAME? All paths: vault path-help kms/`,
		},
		"a path of nothing": {
			logical.ReadOperation, "sign/hr", nil, 404,
			`unsupported path "sign/hr"; for those that there are, run: vault path-help kms/`,
		},
		"a read of what can only be written": {
			logical.ReadOperation, "keys/hr/enable", nil, 405,
			`"keys/hr/enable" can't be read; it can be written. See: vault path-help kms/keys/hr/enable`,
		},
		"a list of what is no list": {
			logical.ListOperation, "config/", nil, 405,
			`"config" can't be listed; it can be read, written, patched, deleted. See: vault path-help kms/config`,
		},
		"a write to a list": {
			logical.UpdateOperation, "keys", nil, 405,
			`"keys" can't be written; it can be listed. See: vault path-help kms/keys`,
		},
		"a misspelled field": {
			logical.UpdateOperation, "encrypt/hr",
			body{"plantext": hello},
			400,
			`unknown field "plantext"; did you mean "plaintext"? The fields are associated_data, batch_input, context, encryption_context, key_version, partial_failure_response_code, plaintext, reference`,
		},
		"a key that does not exist": {
			logical.UpdateOperation, "encrypt/payroll",
			body{"plaintext": hello},
			404,
			`there is no key "payroll"; to make it, run: vault write -f kms/keys/payroll`,
		},
		"a plaintext that is not base64": {
			logical.UpdateOperation, "encrypt/hr",
			body{"plaintext": "hello"},
			400,
			`the field "plaintext" must be standard base64, for example from: echo -n hello | base64`,
		},
		"a plaintext without its @": {
			logical.UpdateOperation, "encrypt/hr",
			body{"plaintext": "hello.b64"},
			400,
			`the field "plaintext" must be standard base64; did you mean the content of the file, plaintext=@hello.b64?`,
		},
		"a ciphertext without its @": {
			logical.UpdateOperation, "decrypt/hr",
			body{"ciphertext": "hello.txt"},
			400,
			`ciphertext must be vault:vN: followed by a CiphertextBlob of KMS in base64, or the CiphertextBlob alone; did you mean the content of the file, ciphertext=@hello.txt?`,
		},
		"a ciphertext of another key": {
			logical.UpdateOperation, "decrypt/hr",
			body{"ciphertext": foreign},
			403,
			`the ciphertext was not made by this key; decrypt it with the key that made it (request id ID)`,
		},
		"a disabled key": {
			logical.UpdateOperation, "encrypt/off",
			body{"plaintext": hello},
			409,
			`Encrypt: KMS refused: Rejected.Disabled: The request was rejected because the key state is Disabled. (request id ID). To enable the key, run: vault write -f kms/keys/off/enable`,
		},
		"a key that is going": {
			logical.UpdateOperation, "encrypt/dying",
			body{"plaintext": hello},
			409,
			`Encrypt: KMS refused: Rejected.PendingDeletion: The request was rejected because the key state is PendingDeletion. (request id ID). The key is scheduled for deletion; to keep it, run: vault write -f kms/keys/dying/cancel_deletion`,
		},
		"a key without material": {
			logical.UpdateOperation, "encrypt/mine",
			body{"plaintext": hello},
			409,
			`Encrypt: KMS refused: Rejected.PendingImport: The request was rejected because the key state is PendingImport. (request id ID). The key has no key material, or it has expired. Import it: vault transit import kms/keys/mine @FILE, or without showing it to Vault: vault write kms/keys/mine/import encrypted_key_material=... import_token=...`,
		},
		"key material of 16 bytes": {
			logical.UpdateOperation, "keys/new/import", r.wrapped(make([]byte, 16)), 400,
			`the field "ciphertext" wraps key material of 9 to 16 bytes, and KMS takes exactly 32; for new material: head -c 32 /dev/urandom | base64`,
		},
		"key material in hexadecimal": {
			logical.UpdateOperation, "keys/new/import", r.wrapped(make([]byte, 64)), 400,
			`the field "ciphertext" wraps key material of 57 to 64 bytes, and KMS takes exactly 32; if it is hexadecimal, decode it first: xxd -r -p`,
		},
		"wrapped material without its @": {
			logical.UpdateOperation, "keys/mine/import",
			body{encrypted: "wrapped.b64", token: "dG9rZW4="},
			400,
			`the field "encrypted_key_material" must be standard base64; did you mean the content of the file, encrypted_key_material=@wrapped.b64?`,
		},
		"a token without its @": {
			logical.UpdateOperation, "keys/mine/import",
			body{encrypted: hello, token: "token.txt"},
			400,
			`the field "import_token" must be what import_parameters answered; did you mean the content of the file, import_token=@token.txt?`,
		},
		"material that was not wrapped": {
			logical.UpdateOperation, "keys/mine/import",
			body{encrypted: base64.StdEncoding.EncodeToString(make([]byte, 32)), token: "dG9rZW4="},
			400,
			`the field "encrypted_key_material" has 32 bytes, which is the size of the key material itself; encrypt it with the public_key of import_parameters: alicloudkms wrap -in FILE -public-key FILE`,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			_, err := r.try(c.op, c.path, c.data)
			says(t, err, c.status, c.want)
		})
	}
}

func TestWhatAProgramIsSaidToDoNext(t *testing.T) {
	t.Run("403, without the permission", func(t *testing.T) {
		r, service, config := newRealRig(t)
		r.write("config", config)
		r.write("keys/hr", nil)
		require.NoError(t, service.Reload(kmstest.Allowing(kmsapi.OpDescribeKey)))
		_, err := r.tryWrite("encrypt/hr", body{"plaintext": hello})
		says(t, err, 403, `Encrypt: KMS refused: Forbidden.NoPermission: This operation for acs:kms:cn-hangzhou:123456:key/KMS key is forbidden by permission system. It needs the permission kms:Encrypt. (request id ID). The RAM user or role that the engine calls KMS as lacks the permission; allow it in RAM: kms:Encrypt`)
	})
	t.Run("429, for too many requests", func(t *testing.T) {
		service := kmstest.Configured(t, kmstest.CryptoRate(1))
		r := newEngine(t)
		r.write("config", realConfig(service))
		r.write("keys/hr", nil)
		var err error
		for range 5 {
			if _, err = r.tryWrite("encrypt/hr", body{"plaintext": hello}); err != nil {
				break
			}
		}
		says(t, err, 429, `Encrypt: KMS refused: Rejected.Throttling: QPS Limit Exceeded. (request id ID). Send fewer requests at a time and try again, or set max_parallel in kms/config.`)
	})
	t.Run("502, without an answer", func(t *testing.T) {
		r, service, config := newRealRig(t)
		r.write("config", config)
		r.write("keys/hr", nil)
		service.Stop()
		_, err := r.tryWrite("encrypt/hr", body{"plaintext": hello})
		says(t, err, 502, `Encrypt at HOST failed: dial tcp HOST: connect: connection refused (no connection was made; check region, network and endpoint, and that the way there is open). The engine's settings: vault read kms/config`)
	})
	t.Run("502, after the secret was changed", func(t *testing.T) {
		r, _, config := newRealRig(t)
		r.write("config", config)
		r.write("keys/hr", nil)
		r.write("config", body{"secret_key": "of before", "verify": false})
		_, err := r.tryWrite("encrypt/hr", body{"plaintext": hello})
		says(t, err, 502, `Encrypt: KMS refused: IncompleteSignature (request id ID). The secret_key does not belong to the access_key; write both again: vault write kms/config access_key=... secret_key=...`)
	})
	t.Run("400, before the engine is configured", func(t *testing.T) {
		_, err := newEngine(t).tryWrite("encrypt/hr", body{"plaintext": hello})
		says(t, err, 400, `the engine is not configured; run: vault write kms/config region=... access_key=... secret_key=...`)
	})
}

func TestAForgottenAtIsNamedForEveryFieldThatIsReadFromAFile(t *testing.T) {
	r, _, config := newRealRig(t)
	r.write("config", config)
	r.write("keys/hr", body{"origin": "EXTERNAL"})
	r.read("wrapping_key")
	const file = "./some/file.b64"
	writes := map[string]struct {
		path string
		data map[string]any
	}{
		"plaintext":              {"encrypt/hr", body{}},
		"ciphertext":             {"decrypt/hr", body{}},
		"associated_data":        {"encrypt/hr", body{"plaintext": hello}},
		"context":                {"encrypt/hr", body{"plaintext": hello}},
		"input":                  {"hash", body{}},
		"encrypted_key_material": {"keys/hr/import", body{"import_token": "dG9rZW4="}},
		"import_token":           {"keys/hr/import", body{"encrypted_key_material": hello}},
		"ca_cert":                {"config", body{"secret_key": config["secret_key"]}},
		"instance_ca_cert": {"config", body{
			"secret_key": config["secret_key"], "gateway": "dedicated", "kms_instance_id": "kst-dev",
		}},
	}
	for name, write := range writes {
		_, err := r.tryWrite(write.path, with(write.data, body{name: file}))
		refused(t, err, 400, "; did you mean the content of the file, "+name+"=@"+file+"?")
	}
	for _, path := range []string{"rewrap/hr", "keys/hr/import"} {
		_, err := r.tryWrite(path, body{"ciphertext": file})
		refused(t, err, 400, "; did you mean the content of the file, ciphertext=@"+file+"?")
	}
	for _, path := range r.backend().Paths {
		for name, schema := range path.Fields {
			if schema.DisplayAttrs != nil && schema.DisplayAttrs.EditType == fields.InBase64 {
				require.Contains(t, writes, name, "a field that may come from a file")
			}
		}
	}
}
