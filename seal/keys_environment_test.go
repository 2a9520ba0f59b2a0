package seal

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/openbao/go-kms-wrapping/v2/kms"
	"github.com/stretchr/testify/require"
)

// An environment offers everything that a plugin could take from one, and counts what was taken.
type environment struct {
	// asked counts the requests for credentials, and those through the proxy.
	asked atomic.Int64
	// proxy is the URL for both, and secret and ca are files.
	proxy, secret, ca string
}

// newEnvironment changes the test's environment, which plugins inherit, to one that would work with the rig's service.
func newEnvironment(r *rig) *environment {
	r.t.Helper()
	e := &environment{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		e.asked.Add(1)
		w.WriteHeader(http.StatusBadGateway)
	}))
	r.t.Cleanup(server.Close)
	home, id, secret := r.t.TempDir(), r.kms.AccessKeyID, r.kms.AccessKeySecret.Reveal()
	write := func(name, content string) string {
		file := filepath.Join(home, name)
		require.NoError(r.t, os.MkdirAll(filepath.Dir(file), 0o700))
		require.NoError(r.t, os.WriteFile(file, []byte(content), 0o600))
		return file
	}
	e.proxy, e.secret, e.ca = server.URL, write("secret", secret), r.kms.CAFile
	write(".aliyun/config.json", `{"current": "default", "profiles": [{"name": "default", "mode": "AK", "region_id": "`+
		r.kms.Region+`", "access_key_id": "`+id+`", "access_key_secret": "`+secret+`"}]}`)
	write(".alibabacloud/credentials", "[default]\ntype = access_key\n"+
		"access_key_id = "+id+"\naccess_key_secret = "+secret+"\n")
	for name, value := range map[string]string{
		"HOME": home, "ANY_SECRET": secret,
		"ALICLOUD_ACCESS_KEY": id, "ALICLOUD_SECRET_KEY": secret, "ALICLOUD_REGION": r.kms.Region,
		"ALICLOUD_DOMAIN": r.kms.Endpoint, "ALIBABA_CLOUD_ACCESS_KEY_ID": id,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET": secret, "ALIBABA_CLOUD_CREDENTIALS_URI": server.URL,
		"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "false", "HTTPS_PROXY": server.URL, "https_proxy": server.URL,
	} {
		r.t.Setenv(name, value)
	}
	return e
}

// farRole is a role of an STS that only a proxy could reach.
var farRole = fields{"role_arn": "acs:ram::1:role/r", "sts_endpoint": "sts.invalid:443"}

func TestADeniedEnvironmentIsNotUsed(t *testing.T) {
	r := newRig(t)
	e := newEnvironment(r)
	h := newKeysHost(r, kms.OpenOptions{ConfigMap: r.keyFields(nil)})
	for name, tc := range map[string]struct {
		changes fields
		says    string
	}{
		"credentials":           {fields{"access_key": nil, "secret_key": nil}, "access_key and secret_key are required"},
		"a secret":              {fields{"secret_key": nil}, "secret_key"},
		"a role's credentials":  {fields{"access_key": nil, "secret_key": nil, "role_arn": "acs:ram::1:role/r"}, "required"},
		"permission to look":    {fields{"access_key": nil, "secret_key": nil, "use_environment": "true"}, "no setting"},
		"the variables allowed": {fields{"disallow_env_vars": "false"}, "no setting"},
		"a secret in a file":    {fields{"secret_key": "file://" + e.secret}, "secret_key must be the value itself"},
		"a secret in FILE":      {fields{"secret_key": " FILE://" + e.secret}, "secret_key must be the value itself"},
		"a secret in a variable": {
			fields{"secret_key": "env://ANY_SECRET"}, "secret_key must be the value itself",
		},
		"authorities in a file": {fields{"ca_cert": e.ca}, "ca_cert must be the PEM itself"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := h.open(&kms.OpenOptions{ConfigMap: r.keyFields(tc.changes)})
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), r.kms.AccessKeySecret.Reveal())
		})
	}
	for name, changes := range map[string]fields{
		"no endpoint": {"domain": nil}, "another endpoint": {"domain": "kms.invalid:443"}, "a role": farRole,
	} {
		t.Run(name, func(t *testing.T) {
			// Neither ALICLOUD_DOMAIN nor the proxy is used, so no service is reached.
			all := r.keyFields(changes)
			all["request_timeout"] = 1
			opened, err := h.open(&kms.OpenOptions{ConfigMap: all})
			require.NoError(t, err)
			_, err = r.getKey(opened, fields{"key_id": r.key}).Encrypt(t.Context(), &kms.CipherOptions{Data: []byte("x")})
			require.Error(t, err)
			require.NotContains(t, err.Error(), "proxyconnect")
		})
	}
	require.Zero(t, e.asked.Load())
}

// A program other than OpenBao may allow the environment. It is then the one that the test above must not use.
func TestAnAllowedEnvironmentIsUsed(t *testing.T) {
	r := newRig(t)
	e := newEnvironment(r)
	bare := fields{"domain": nil, "region": nil, "access_key": nil, "secret_key": nil, "ca_cert": "file://" + e.ca}
	h := newKeysHost(r, kms.OpenOptions{ConfigMap: r.keyFields(bare), AllowEnvironment: true})
	k := r.getKey(h.opened, fields{"key_id": r.key})
	r.decrypts(k, r.encrypt(k, "hello", ""), "", "hello")
	require.Zero(t, e.asked.Load())

	far, err := h.open(&kms.OpenOptions{
		ConfigMap: r.keyFields(fields{"domain": "kms.invalid:443"}), AllowEnvironment: true,
	})
	require.NoError(t, err)
	_, err = r.getKey(far, fields{"key_id": r.key}).Encrypt(t.Context(), &kms.CipherOptions{Data: []byte("x")})
	require.ErrorContains(t, err, "HTTPS_PROXY")
	require.NotZero(t, e.asked.Load())
}

func TestAProxyOfTheConfigurationIsUsed(t *testing.T) {
	r := newRig(t)
	e := newEnvironment(r)
	for name, changes := range map[string]fields{"KMS": {"domain": "kms.invalid:443"}, "STS": farRole} {
		t.Run(name, func(t *testing.T) {
			before := e.asked.Load()
			all := fields{"proxy": e.proxy}
			maps.Copy(all, changes)
			_, err := r.getKey(r.open(all), fields{"key_id": r.key}).Encrypt(t.Context(), &kms.CipherOptions{Data: []byte("x")})
			require.Error(t, err)
			require.Greater(t, e.asked.Load(), before)
		})
	}
}
