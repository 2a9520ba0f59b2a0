package e2e

import (
	"crypto/rand"
	"encoding/base64"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// badRequests are writes that the engine must reject, on a mount with a key called "a", one called "pair" that signs,
// and a disabled key called "off".
var badRequests = []struct {
	name   string
	path   string
	data   map[string]any
	status int
	says   []string
}{
	{"an unknown field", "encrypt/a", map[string]any{"plaintext": "QQ==", "plantext": "QQ=="}, 400, []string{"plantext"}},
	{
		"an unknown field of config", "config",
		map[string]any{"reigon": "cn-hangzhou"},
		400,
		[]string{`unknown field "reigon"; did you mean "region"?`},
	},
	{
		"an unknown path", "keys/off/enabel", nil, 404,
		[]string{`unsupported path "keys/off/enabel"; did you mean keys/off/enable?`},
	},
	{"a write to what can only be read", "health", nil, 405, []string{`"health" can't be written; it can be read.`}},
	{"a field of the wrong type", "keys/new", map[string]any{"description": []string{"x"}}, 400, []string{"description"}},
	{"a key name with a space", "keys/pay roll", nil, 400, []string{"name"}},
	{"a key name that begins with a dot", "keys/.payroll", nil, 400, []string{"name"}},
	{"a key name of 1000 letters", "keys/" + strings.Repeat("n", 1000), nil, 400, []string{"name"}},
	{"an origin that KMS does not have", "keys/new", map[string]any{"origin": "Mars"}, 400, []string{"origin"}},
	{"no plaintext", "encrypt/a", nil, 400, []string{"plaintext"}},
	{"a plaintext that is not base64", "encrypt/a", map[string]any{"plaintext": "***"}, 400, []string{"base64"}},
	{"a plaintext in base64url", "encrypt/a", map[string]any{"plaintext": "-_-_"}, 400, []string{"base64"}},
	{
		"a plaintext over 6 KB", "encrypt/a",
		map[string]any{"plaintext": base64Of(kmsapi.MaxPlaintext + 1)},
		400,
		[]string{"6144", "datakey"},
	},
	{
		"a key that does not exist", "encrypt/nobody",
		map[string]any{"plaintext": "QQ=="},
		404,
		[]string{"nobody", "keys/nobody"},
	},
	{
		"a key that does not exist, to decrypt", "decrypt/nobody",
		map[string]any{"ciphertext": "vault:v1:QQ=="},
		404,
		[]string{"nobody"},
	},
	{"a key that does not exist, to disable", "keys/nobody/disable", nil, 404, []string{"nobody"}},
	{
		"a disabled key", "encrypt/off",
		map[string]any{"plaintext": "QQ=="},
		409,
		[]string{"Rejected.Disabled", "keys/off/enable"},
	},
	{"a disabled key, for a data key", "datakey/plaintext/off", nil, 409, []string{"Rejected.Disabled"}},
	{"no ciphertext", "decrypt/a", nil, 400, []string{"ciphertext"}},
	{"not a ciphertext", "decrypt/a", map[string]any{"ciphertext": "hello"}, 400, []string{"ciphertext"}},
	{"an empty ciphertext", "decrypt/a", map[string]any{"ciphertext": "vault:v1:"}, 400, []string{"ciphertext"}},
	{
		"a ciphertext of another version", "decrypt/a",
		map[string]any{"ciphertext": "vault:v9:QQ=="},
		400,
		[]string{"ciphertext"},
	},
	{
		"a ciphertext that KMS never made", "decrypt/a",
		map[string]any{"ciphertext": "vault:v1:" + base64Of(200)},
		400,
		[]string{"ciphertext"},
	},
	{
		"a data key of 0 bytes", "datakey/plaintext/a",
		map[string]any{"number_of_bytes": 0},
		400,
		[]string{"number_of_bytes"},
	},
	{
		"a data key of 1025 bytes", "datakey/plaintext/a",
		map[string]any{"number_of_bytes": 1025},
		400,
		[]string{"number_of_bytes"},
	},
	{"a data key of 192 bits", "datakey/plaintext/a", map[string]any{"bits": 192}, 400, []string{"bits"}},
	{"a type that KMS does not have", "keys/new", map[string]any{"type": "ed25519"}, 400, []string{"type", "ecdsa-p256"}},
	{"a symmetric key, to sign", "sign/a", map[string]any{"input": "QQ=="}, 400, []string{"type=ecdsa-p256"}},
	{"a key that does not exist, to sign", "sign/nobody", map[string]any{"input": "QQ=="}, 404, []string{"nobody"}},
	{"no input", "sign/pair", nil, 400, []string{"input"}},
	{"an input that is not base64", "sign/pair", map[string]any{"input": "***"}, 400, []string{"base64"}},
	{"a hash that KMS does not sign", "sign/pair/sha2-512", map[string]any{"input": "QQ=="}, 400, []string{"sha2-256"}},
	{
		"data in place of its digest", "sign/pair",
		map[string]any{"input": "QQ==", "prehashed": true},
		400,
		[]string{"SHA-256 digest"},
	},
	{
		"a signature without its version", "verify/pair",
		map[string]any{"input": "QQ==", "signature": base64Of(70)},
		400,
		[]string{"vault:v"},
	},
	{"a plaintext for a key that signs", "encrypt/pair", map[string]any{"plaintext": "QQ=="}, 400, []string{"key_usage"}},
	{
		"a context of transit that is not base64", "encrypt/a",
		map[string]any{"plaintext": "QQ==", "context": "user 1"},
		400,
		[]string{"context"},
	},
	{"more random bytes than transit gives", "random", map[string]any{"bytes": 131073}, 400, []string{"131072"}},
	{"random bytes of an unknown source", "random/moon/7", nil, 400, []string{"platform, seal or all"}},
	{"a hash that nobody knows", "hash/md5", map[string]any{"input": "QQ=="}, 400, []string{"sha2-256"}},
	{"a backup", "backup/a", nil, 400, []string{"never leaves"}},
	{"an HMAC", "hmac/a", map[string]any{"input": "QQ=="}, 400, []string{"HMAC"}},
	{
		"a context that is not a map", "encrypt/a",
		map[string]any{"plaintext": "QQ==", "encryption_context": "tenant"},
		400,
		[]string{"encryption_context"},
	},
}

func base64Of(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

func TestBadRequestsAreRejectedAndChangeNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/a", nil)
		m.write("keys/pair", map[string]any{"type": "ecdsa-p256"})
		m.write("keys/off", nil)
		m.write("keys/off/disable", nil)
		config := m.read("config")
		for _, bad := range badRequests {
			t.Run(bad.name, func(t *testing.T) {
				_, err := m.try(bad.path, bad.data)
				require.Error(t, err)
				m.refused(err, bad.status, bad.says...)
			})
		}
		require.Equal(t, config, m.read("config"))
		require.Equal(t, []any{"a", "off", "pair"}, m.list("keys"))
	})
}

func TestLargestPlaintextIsAccepted(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/a", nil)
		largest := base64Of(kmsapi.MaxPlaintext)
		require.Equal(t, largest, m.decrypt("a", m.encrypt("a", largest)))
	})
}

func TestCiphertextOpensOnlyThroughItsOwnKey(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/a", nil)
		m.write("keys/b", nil)
		plaintext := newPlaintext()
		ciphertext := m.encrypt("a", plaintext)
		answer, err := m.try("decrypt/b", map[string]any{"ciphertext": ciphertext})
		require.Nil(t, answer)
		m.refused(err, http.StatusForbidden)
		require.NotContains(t, err.Error(), plaintext)

		blob, err := base64.StdEncoding.DecodeString(ciphertext[len("vault:v1:"):])
		require.NoError(t, err)
		for i := range blob {
			changed := append([]byte(nil), blob...)
			changed[i] ^= 1
			answer, err := m.try("decrypt/a",
				map[string]any{"ciphertext": "vault:v1:" + base64.StdEncoding.EncodeToString(changed)})
			require.Nil(t, answer, "byte %d", i)
			var refusal *api.ResponseError
			require.ErrorAs(t, err, &refusal, "byte %d", i)
			// A blob begins with the version of its key, and an unknown version is not found.
			require.Contains(t, []int{http.StatusBadRequest, http.StatusNotFound}, refusal.StatusCode, refusal.Error())
		}
	})
}

// badConfigs are changes to a valid configuration that must not be stored.
var badConfigs = []struct {
	name   string
	change map[string]any
	status int
	says   []string
}{
	{"a wrong secret", map[string]any{"secret_key": "wrong-secret-of-the-e2e-tests"}, 400, []string{"secret_key"}},
	{"an access key that KMS does not know", map[string]any{"access_key": "LTAInobody"}, 400, []string{"access_key"}},
	{"a CA that did not sign the certificate", map[string]any{"ca_cert": ""}, 502, []string{"ca_cert"}},
	{"a ca_cert that is not a certificate", map[string]any{"ca_cert": "hello"}, 400, []string{"ca_cert"}},
	{
		"an endpoint where nothing listens",
		map[string]any{"endpoint": "127.0.0.1:1", "max_retries": 0},
		502,
		[]string{"endpoint"},
	},
	{"an endpoint without TLS", map[string]any{"endpoint": "http://kms.example.com"}, 400, []string{"http"}},
	{"a region without an endpoint", map[string]any{"region": "mars-1", "endpoint": ""}, 400, []string{"mars-1"}},
	{"an unknown network", map[string]any{"network": "moon"}, 400, []string{"network"}},
}

func TestBadConfigurationIsNotStored(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		for _, bad := range badConfigs {
			t.Run(bad.name, func(t *testing.T) {
				m := s.mountUnconfigured(t)
				config := s.kms.EngineConfig()
				maps.Copy(config, bad.change)
				_, err := m.try("config", config)
				require.Error(t, err)
				m.refused(err, bad.status, bad.says...)
				m.unreadable("config")
				_, err = m.try("keys/a", nil)
				m.refused(err, http.StatusBadRequest, "config")
			})
		}
	})
}

func TestWrongSecretStoredUnverifiedLeaksNothing(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/a", nil)
		wrong := with(s.kms.EngineConfig(), map[string]any{"secret_key": "wrong-secret-of-the-e2e-tests", "verify": false})
		m.write("config", wrong)
		plaintext := newPlaintext()
		_, err := m.try("encrypt/a", map[string]any{"plaintext": plaintext})
		m.refused(err, http.StatusBadGateway, "secret_key")
		require.NotContains(t, err.Error(), plaintext, "KMS answers a wrong signature with the string that was signed")
		m.write("config", s.kms.EngineConfig())
		m.encrypt("a", plaintext)
	})
}

func TestKMSRefusesWrongClocksReplaysAndOversizedBodies(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		now := time.Now()
		regions := &kmsapi.DescribeRegionsRequest{}
		good := s.kms.SignedForm(regions, rand.Text(), now)
		status, body := s.kms.post(t, good)
		require.Equal(t, http.StatusOK, status, body)
		for name, bad := range map[string]struct {
			form   string
			status int
			code   string
		}{
			"a clock an hour behind": {
				s.kms.SignedForm(regions, rand.Text(), now.Add(-time.Hour)),
				http.StatusBadRequest, "IllegalTimestamp",
			},
			"a clock an hour ahead": {
				s.kms.SignedForm(regions, rand.Text(), now.Add(time.Hour)),
				http.StatusBadRequest, "IllegalTimestamp",
			},
			"the same request again": {good, http.StatusBadRequest, "SignatureNonceUsed"},
			"a changed parameter": {
				s.kms.SignedForm(regions, rand.Text(), now) + "&Extra=1",
				http.StatusBadRequest, "IncompleteSignature",
			},
			"a body of a million bytes": {"A=" + strings.Repeat("a", 1_000_000), http.StatusRequestEntityTooLarge, ""},
			"a body that is not a form": {"%%%", http.StatusBadRequest, ""},
			"no parameters":             {"", http.StatusBadRequest, "MissingParameter"},
			"a second operation": {
				s.kms.SignedForm(regions, rand.Text(), now) + "&Action=CreateKey",
				http.StatusBadRequest, "",
			},
		} {
			t.Run(name, func(t *testing.T) {
				status, body := s.kms.post(t, bad.form)
				require.Equal(t, bad.status, status, body)
				require.Contains(t, body, bad.code)
			})
		}
	})
}

func TestOversizedBodyIsRejectedByVaultOrTheEngine(t *testing.T) {
	onEach(t, func(t *testing.T, s *stage) {
		m := s.mount(t)
		m.write("keys/a", nil)
		for _, size := range []int{700_000, 40 << 20} {
			_, err := m.try("encrypt/a", map[string]any{"plaintext": base64Of(size)})
			require.Error(t, err)
			if size < 1<<20 {
				m.refused(err, http.StatusBadRequest, "6144")
			}
		}
	})
}
