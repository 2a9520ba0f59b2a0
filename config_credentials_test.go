package alicloudkms

import (
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const vaultRole = "acs:ram::1000000000000001:role/vault"

// environment returns a configuration that takes the credentials from the environment.
func environment() map[string]any {
	return body{"region": "cn-hangzhou", "use_environment": true}
}

// setEnvironment makes an access key the only credentials in the environment.
func setEnvironment(t *testing.T, id string, secret kmsapi.Secret) {
	t.Helper()
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", id)
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret.Reveal())
	t.Setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "")
}

func TestNonSecretFieldsOfCredentialsAreShown(t *testing.T) {
	r := newRig(t)
	role := body{
		"role_arn": vaultRole, "role_session_name": "node-1", "role_external_id": "tenant/7",
		"sts_endpoint": "sts.example.com",
	}
	r.write("config", with(goodConfig(), role))
	data := r.read("config").Data
	for name, want := range role {
		require.Equal(t, want, data[name], name)
	}
	require.Equal(t, false, data["use_environment"])
	require.NotContains(t, fmt.Sprint(data), "good-secret")

	r.write("config", body{"role_arn": "", "secret_key": "good-secret"})
	data = r.read("config").Data
	for name := range role {
		require.Empty(t, data[name], "%s went with the role", name)
	}
}

func TestBadCredentialsAreRefusedBeforeKMSIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		config map[string]any
		says   string
	}{
		"neither access key nor environment": {body{"region": "cn-hangzhou"}, "use_environment"},
		"the environment not allowed":        {with(environment(), body{"use_environment": false}), "use_environment"},
		"a secret without access key":        {with(environment(), body{"secret_key": "good-secret"}), "access_key"},
		"a token without access key":         {with(environment(), body{"security_token": "good-secret"}), "access_key"},
		"an access key without secret":       {with(environment(), body{"access_key": "LTAIgood"}), "secret_key"},
		"use_environment neither true nor false": {
			with(environment(), body{"use_environment": "perhaps"}),
			"use_environment",
		},
		"a session name without role":  {with(goodConfig(), body{"role_session_name": "node-1"}), "role_arn"},
		"an external id without role":  {with(goodConfig(), body{"role_external_id": "tenant"}), "role_arn"},
		"an STS endpoint without role": {with(goodConfig(), body{"sts_endpoint": "sts.example.com"}), "role_arn"},
		"a role that is a user": {
			with(goodConfig(), body{"role_arn": "acs:ram::1:user/good-secret"}),
			"role_arn",
		},
		"an invalid session name": {with(goodConfig(),
			body{"role_arn": vaultRole, "role_session_name": "good secret"}), "role_session_name"},
		"an invalid external id": {
			with(goodConfig(), body{"role_arn": vaultRole, "role_external_id": "é"}),
			"role_external_id",
		},
		"plain HTTP to STS": {with(goodConfig(),
			body{"role_arn": vaultRole, "sts_endpoint": "http://sts.example.com"}), "sts_endpoint"},
		"an STS endpoint with a password": {with(goodConfig(),
			body{"role_arn": vaultRole, "sts_endpoint": "https://u:good-secret@sts.example.com"}), "sts_endpoint"},
		"the environment's for another KMS": {
			with(environment(), body{"endpoint": "kms.example.com"}),
			"not for other servers",
		},
		"the environment's for another STS": {with(environment(),
			body{"role_arn": vaultRole, "sts_endpoint": "sts.example.com"}), "not for other servers"},
		"the environment's for a customer": {
			with(environment(), body{"endpoint": "1234.cn-hangzhou.fc.aliyuncs.com"}),
			"not for other servers",
		},
		"the environment's for a bucket": {
			with(environment(), body{"endpoint": "kms.oss-cn-hangzhou.aliyuncs.com"}),
			"not for other servers",
		},
		"the environment's for a suffix": {with(environment(),
			body{"endpoint": "kms.cn-hangzhou.aliyuncs.com.example.com"}), "not for other servers"},
		"the environment's for a prefix": {
			with(environment(), body{"endpoint": "evil-kms.cn-hangzhou.aliyuncs.com"}),
			"not for other servers",
		},
		"the environment's for a broken name": {
			with(environment(), body{"endpoint": "kms.cn-hangzhou.aliyuncs.com/x"}),
			"not for other servers",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			_, err := r.tryWrite("config", with(c.config, body{"verify": false}))
			refused(t, err, 400, c.says)
			require.NotContains(t, err.Error(), "good-secret")
			require.NotContains(t, err.Error(), "good secret")
			require.Nil(t, r.read("config"))
		})
	}
}

func TestEnvironmentsCredentialsMayGoToAlibabaCloud(t *testing.T) {
	for _, endpoint := range []string{
		"", "kms.cn-hangzhou.aliyuncs.com", "https://kms-vpc.cn-beijing.aliyuncs.com:443",
		"kst-hzz1.cryptoservice.kms.cn-hangzhou.aliyuncs.com",
	} {
		r := newRig(t)
		r.write("config", with(environment(), body{"endpoint": endpoint, "verify": false}))
	}
	for _, endpoint := range []string{
		"", "sts.aliyuncs.com", "sts.cn-beijing.aliyuncs.com", "sts-vpc.cn-beijing.aliyuncs.com",
	} {
		r := newRig(t)
		r.write("config", with(environment(), body{"role_arn": vaultRole, "sts_endpoint": endpoint, "verify": false}))
	}
}

// A caller that may write config but does not know the secret must not be able to receive requests signed with it, to
// assume another role, or to have the environment's credentials sent to its own server instead.
func TestNewUseOfASecretNeedsTheSecretAgain(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"another STS":                     {"sts_endpoint": "sts.attacker.example"},
		"another KMS":                     {"endpoint": "kms.attacker.example"},
		"another role":                    {"role_arn": "acs:ram::666:role/mine"},
		"no role":                         {"role_arn": ""},
		"another access key":              {"access_key": "LTAIother"},
		"the environment at another KMS":  {"access_key": "", "use_environment": true, "endpoint": "kms.attacker.example"},
		"the environment at the same KMS": {"access_key": "", "use_environment": true},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.write("config", with(goodConfig(), body{
				"endpoint": "kms.example.com", "role_arn": vaultRole, "sts_endpoint": "sts.example.com",
				"security_token": "token", "verify": false,
			}))
			before := r.read("config").Data
			_, err := r.tryWrite("config", with(change, body{"verify": false}))
			refused(t, err, 400)
			require.Equal(t, before, r.read("config").Data)
		})
	}
}

// With its own CA, a caller on the network path to KMS or STS could receive the requests.
func TestNewCANeedsTheSecretAgain(t *testing.T) {
	server := httptest.NewTLSServer(nil)
	defer server.Close()
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	r := newRig(t)
	r.write("config", with(goodConfig(), body{"security_token": "token"}))
	_, err := r.tryWrite("config", body{"ca_cert": ca, "verify": false})
	refused(t, err, 400, "secret_key is required", "ca_cert")
	r.write("config", body{"ca_cert": ca, "secret_key": "good-secret"})
	r.write("config", body{"ca_cert": ca, "max_retries": 1})
	_, err = r.try(logical.PatchOperation, "config", body{"ca_cert": nil, "verify": false})
	refused(t, err, 400, "secret_key is required", "ca_cert")
	require.Equal(t, ca, r.read("config").Data["ca_cert"])
}

func TestAlibabaCloudsSTSIsNotTrustedWithACAOfTheConfiguration(t *testing.T) {
	for endpoint, want := range map[string]string{
		"": "", "sts.aliyuncs.com": "", "https://sts-vpc.cn-hangzhou.aliyuncs.com:443": "",
		"sts.example.com": "the CA", "127.0.0.1:8443": "the CA",
	} {
		require.Equal(t, want, (&config{CACert: "the CA", STSEndpoint: endpoint}).stsCA(), endpoint)
	}
}

func TestSecretIsRemovedOnceTheEnvironmentReplacesIt(t *testing.T) {
	r := newRig(t)
	r.write("config", with(goodConfig(), body{"security_token": "token"}))
	r.write("config", body{"access_key": "", "use_environment": true, "verify": false})
	stored, err := loadConfig(t.Context(), r.storage)
	require.NoError(t, err)
	require.True(t, stored.SecretKey.IsEmpty())
	require.True(t, stored.SecurityToken.IsEmpty())
	_, err = r.tryWrite("config", body{"access_key": "LTAIgood"})
	refused(t, err, 400, "secret_key")
}

func TestEngineWorksWithTheEnvironmentsCredentials(t *testing.T) {
	t.Setenv(allowLocalVariable, "true")
	r, service, config := newRealRig(t)
	setEnvironment(t, service.AccessKeyID, service.AccessKeySecret)
	delete(config, "access_key")
	delete(config, "secret_key")
	_, err := r.tryWrite("config", config)
	refused(t, err, 400, "use_environment")
	r.write("config", with(config, body{"use_environment": true}))
	r.write("keys/a", nil)
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": r.encrypt("a", hello)}).Data["plaintext"])
}

func TestAccessKeyOfTheConfigurationWinsOverTheEnvironment(t *testing.T) {
	r, _, config := newRealRig(t)
	setEnvironment(t, "LTAIother", kmsapi.NewSecret("another-secret"))
	r.write("config", with(config, body{"use_environment": true}))
	r.write("keys/a", nil)
	r.encrypt("a", hello)
}

func TestUnusableEnvironmentIsABadConfigurationAndLaterAFault(t *testing.T) {
	t.Setenv(allowLocalVariable, "true")
	r, service, config := newRealRig(t)
	delete(config, "access_key")
	delete(config, "secret_key")
	config["use_environment"] = true
	for name, c := range map[string]struct {
		id, secret string
		says       []string
	}{
		"no secret": {service.AccessKeyID, "", []string{"ALIBABA_CLOUD_ACCESS_KEY_SECRET"}},
		"a wrong secret": {
			service.AccessKeyID, "another-secret",
			[]string{"IncompleteSignature", "environment"},
		},
		"an unknown access key": {"LTAIother", "another-secret", []string{"InvalidAccessKeyId.NotFound", "environment"}},
	} {
		t.Run(name, func(t *testing.T) {
			setEnvironment(t, c.id, kmsapi.NewSecret(c.secret))
			_, err := r.tryWrite("config", config)
			refused(t, err, 400, c.says...)
			require.NotContains(t, err.Error(), "another-secret")
			require.NotContains(t, err.Error(), "secret_key=...", "there is none to write")
			r.write("config", with(config, body{"verify": false}))
			_, err = r.tryWrite("keys/a", nil)
			refused(t, err, 502, append(c.says, "vault read kms/config")...)
			require.NotContains(t, err.Error(), "may have made a KMS key", "it was not asked, or did not let the request in")
			_, err = r.tryWrite("keys/a", nil)
			refused(t, err, 502, append(c.says, "vault read kms/config")...)
		})
	}
}

// newSTS starts an STS that answers with a status and a session with that access key id and secret, and counts
// requests.
func newSTS(t *testing.T, status int, id string, secret kmsapi.Secret) (endpoint string, asked *atomic.Int64) {
	t.Helper()
	asked = new(atomic.Int64)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked.Add(1)
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, `{"Code":"NoPermission","RequestId":"sts-1","Message":"top-secret","Credentials":{"AccessKeyId":%q,"AccessKeySecret":%q,"SecurityToken":"top-secret-token","Expiration":%q}}`,
			id, secret.Reveal(), time.Now().UTC().Add(time.Hour).Format(time.RFC3339))
	}))
	t.Cleanup(sts.Close)
	return sts.URL, asked
}

func TestEngineWorksAsARole(t *testing.T) {
	r, service, config := newRealRig(t)
	require.NoError(t, service.Admit("STS.role", kmsapi.NewSecret("role-secret"), kmsapi.NewSecret("top-secret-token"),
		time.Time{}))
	sts, asked := newSTS(t, http.StatusOK, "STS.role", kmsapi.NewSecret("role-secret"))
	r.write("config", with(config, body{"role_arn": vaultRole, "sts_endpoint": sts}))
	r.write("keys/a", nil)
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": r.encrypt("a", hello)}).Data["plaintext"])
	require.Equal(t, int64(2), asked.Load(), "once to try the configuration, and once for all requests since")
	require.NotContains(t, r.log.String(), "top-secret")
}

func TestRoleThatCantBeAssumedIsABadConfigurationAndLaterAFault(t *testing.T) {
	r, _, config := newRealRig(t)
	sts, asked := newSTS(t, http.StatusForbidden, "", kmsapi.Secret{})
	config = with(config, body{"role_arn": vaultRole, "sts_endpoint": sts})
	_, err := r.tryWrite("config", config)
	refused(t, err, 400, "DescribeRegions", "NoPermission", "sts-1", "trust policy")
	r.write("config", with(config, body{"verify": false}))
	for range 3 {
		_, err = r.tryWrite("keys/a", nil)
		refused(t, err, 502, "NoPermission", "trust policy")
		require.NotContains(t, err.Error(), "top-secret")
		require.NotContains(t, err.Error(), "may have made a KMS key")
	}
	require.Equal(t, int64(2), asked.Load(), "STS is not asked again and again")
	require.NotContains(t, r.log.String(), "top-secret")
}

func TestReplacedConfigurationLeavesNoConnectionBehind(t *testing.T) {
	r, _, config := newRealRig(t)
	opened := new(atomic.Int64)
	sts := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"Credentials":{"AccessKeyId":"a","AccessKeySecret":"b","SecurityToken":"c","Expiration":"2099-01-01T00:00:00Z"}}`)
	}))
	sts.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			opened.Add(1)
		case http.StateClosed:
			opened.Add(-1)
		}
	}
	sts.Start()
	defer sts.Close()
	for range 5 {
		_, err := r.tryWrite("config", with(config, body{"role_arn": vaultRole, "sts_endpoint": sts.URL}))
		refused(t, err, 400, "KMS refused")
	}
	require.Eventually(t, func() bool { return opened.Load() == 0 }, time.Minute, time.Millisecond)
}
