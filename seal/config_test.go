package seal

import (
	"cmp"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/openbao/go-kms-wrapping/v2"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// configured returns the required settings, with changes.
func configured(changes map[string]string) *wrapping.Options {
	all := map[string]string{"kms_key_id": "key", "access_key": "LTAIconfig", "secret_key": "the config's secret"}
	maps.Copy(all, changes)
	return options(wrapping.WithConfigMap(all))
}

// options returns the options that a server gives to SetConfig.
func options(given ...wrapping.Option) *wrapping.Options {
	opts, err := wrapping.GetOpts(given...)
	if err != nil {
		panic(err)
	}
	return opts
}

func read(t *testing.T, opts *wrapping.Options) config {
	t.Helper()
	c, err := readConfig(opts)
	require.NoError(t, err)
	return c
}

func TestSettingsReachTheClient(t *testing.T) {
	c := read(t, configured(map[string]string{
		"region": "cn-shanghai", "network": "vpc", "endpoint": "kms.example.com:8443",
		"ca_cert": "-----BEGIN CERTIFICATE-----", "request_timeout": "15s", "security_token": "the token",
		"role_arn": "acs:ram::1:role/vault", "role_session_name": "node-1", "role_external_id": "tenant",
		"sts_endpoint": "sts.example.com", "proxy": "http://proxy.example.com:3128",
	}))
	for _, proxy := range []func(*http.Request) (*url.URL, error){c.client.Proxy, c.credentials.Role.Proxy} {
		through, err := proxy(nil)
		require.NoError(t, err)
		require.Equal(t, "http://proxy.example.com:3128", through.String())
	}
	require.Equal(t, "key", c.keyID)
	require.Equal(t, "cn-shanghai", c.client.Region)
	require.Equal(t, kmsapi.NetworkVPC, c.client.Network)
	require.Equal(t, "kms.example.com:8443", c.client.Endpoint)
	require.Equal(t, "-----BEGIN CERTIFICATE-----", c.client.CACert)
	require.Equal(t, 15*time.Second, c.client.RequestTimeout)
	require.True(t, client.Credentials(c.credentials.Static).Equal(client.Credentials{
		AccessKeyID: "LTAIconfig", AccessKeySecret: kmsapi.NewSecret("the config's secret"),
		SecurityToken: kmsapi.NewSecret("the token"),
	}))
	role := c.credentials.Role
	require.Equal(t, "acs:ram::1:role/vault", role.ARN)
	require.Equal(t, "node-1", role.SessionName)
	require.Equal(t, "tenant", role.ExternalID)
	require.Equal(t, "sts.example.com", role.Endpoint)
	require.Equal(t, "cn-shanghai", role.Region)
	require.Equal(t, kmsapi.NetworkVPC, role.Network)
	require.Equal(t, "-----BEGIN CERTIFICATE-----", role.CACert)
}

func TestEverySettingLosesWhatAFileAdds(t *testing.T) {
	file := filepath.Join(t.TempDir(), "setting")
	require.NoError(t, os.WriteFile(file, []byte("\ufeffa-value \r\n\n"), 0o600))
	for name, s := range settings {
		for _, value := range []string{"a-value\n", "\ufeffa-value\r\n", " a-value\t", "file://" + file} {
			v, err := readValues(map[string]string{name: value}, cmp.Or(s.only, sealing), true)
			require.NoError(t, err, name)
			if name != "ca_cert" {
				require.Equal(t, "a-value", v[name], name)
			}
		}
	}
	t.Setenv("ALICLOUD_SECRET_KEY", "the-secret\r")
	v := values{}
	require.NoError(t, v.addVariables("secret_key"))
	require.Equal(t, "the-secret", v["secret_key"])
}

func TestSettingsHaveTheOldNamesAndDefaults(t *testing.T) {
	c := read(t, options(wrapping.WithKeyId("key"), wrapping.WithConfigMap(map[string]string{
		"access_key": "LTAI", "access_secret": "the secret", "domain": "kms.example.com",
	})))
	require.Equal(t, "key", c.keyID)
	require.Equal(t, "cn-beijing", c.client.Region)
	require.Equal(t, "kms.example.com", c.client.Endpoint)
	require.Equal(t, "the secret", c.credentials.Static.AccessKeySecret.Reveal())
	require.Zero(t, c.client.RequestTimeout)
	require.True(t, c.credentials.UseEnvironment)
}

func TestBadSettingsAreRefusedAndNotShown(t *testing.T) {
	type settings map[string]string
	for name, tc := range map[string]struct {
		settings settings
		says     string
	}{
		"no key":                           {settings{"kms_key_id": ""}, "kms_key_id is required"},
		"an access key without a secret":   {settings{"secret_key": ""}, "secret_key"},
		"a secret without an access key":   {settings{"access_key": ""}, "access_key"},
		"two secrets":                      {settings{"access_secret": "canary"}, "two names"},
		"two endpoints":                    {settings{"domain": "canary.example.com", "endpoint": "other"}, "two names"},
		"a timeout that is not a duration": {settings{"request_timeout": "canary"}, "request_timeout must be 1s to 5m0s"},
		"a timeout that is too short":      {settings{"request_timeout": "10ms"}, "request_timeout"},
		"a timeout that is too long":       {settings{"request_timeout": "301"}, "request_timeout"},
		"a flag that is neither":           {settings{"disallow_env_vars": "canary"}, "disallow_env_vars must be true or"},
		"another flag that is neither":     {settings{"use_environment": "canary"}, "use_environment must be true or false"},
		"an STS endpoint without a role":   {settings{"sts_endpoint": "canary.example.com"}, "role_arn"},
		"a CA file that does not exist":    {settings{"ca_cert": "/canary"}, "ca_cert"},
		"a secret in a missing file":       {settings{"secret_key": "file:///nowhere/secret"}, "secret_key: "},
		"a secret in a missing variable":   {settings{"secret_key": "env://NOT_SET_AT_ALL"}, "NOT_SET_AT_ALL"},
		"an unknown setting": {
			settings{"reigon": "canary"},
			`the seal has no setting "reigon"; did you mean "region"? The settings are access_key, access_secret, ca_cert,`,
		},
		"a setting that is like no other": {
			settings{"vault_token": "canary"}, `the seal has no setting "vault_token"; the settings are access_key,`,
		},
		"a token without an access key": {
			settings{"access_key": "", "secret_key": "", "security_token": "canary"}, "access_key",
		},
		"a line break inside": {settings{"secret_key": "canary\nend"}, "secret_key has a line break"},
		"a NUL inside":        {settings{"region": "canary\x00end"}, "region has a line break or another control character"},
		"no credentials": {
			settings{"access_key": "", "secret_key": "", "use_environment": "false"}, "use_environment=true",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(configured(tc.settings))
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "canary")
			require.NotContains(t, err.Error(), "the config's secret")
		})
	}
}

// Settings that client and credentials check are refused too, before anything is sent.
func TestSettingsThatTheClientRefusesAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ key, value, says string }{
		"a region without an endpoint": {
			"region", "cn-bejing", `region "cn-bejing" is not in the API reference; did you mean "cn-beijing"? The regions`,
		},
		"an endpoint without TLS": {
			"domain", "http://kms.example.com",
			"domain is kms.example.com:80 without TLS, which is allowed on loopback only; use https://",
		},
		"an unknown network": {"network", "moon", `network "moon" is neither "public" nor "vpc"`},
		"a damaged CA":       {"ca_cert", "-----BEGIN CERTIFICATE-----\nx", "ca_cert holds no PEM certificate"},
		"an invalid role":    {"role_arn", "vault", "role_arn is not the ARN of a role, such as acs:ram::"},
		"an invalid session": {"role_session_name", "a b", "role_session_name must be 2 to 64 letters"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := configured(map[string]string{"role_arn": "acs:ram::1:role/vault"})
			opts.WithConfigMap[tc.key] = tc.value
			_, err := new(Wrapper).SetConfig(t.Context(), wrapping.WithConfigMap(opts.WithConfigMap))
			require.ErrorContains(t, err, tc.says)
		})
	}
}

func setEnvironment(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"ALICLOUDKMS_WRAPPER_KEY_ID": "env-key", "ALICLOUD_REGION": "cn-shenzhen", "ALICLOUD_DOMAIN": "env.example.com",
		"ALICLOUD_ACCESS_KEY": "LTAIenv", "ALICLOUD_SECRET_KEY": "the environment's secret",
		"ALICLOUD_ACCESS_KEY_STS_TOKEN": "the environment's token",
		"ALICLOUD_ROLE_ARN":             "acs:ram::1:role/env", "ALICLOUD_ROLE_SESSION_NAME": "env-node",
	} {
		t.Setenv(name, value)
	}
}

func TestTheEnvironmentAddsWhatIsNotConfigured(t *testing.T) {
	setEnvironment(t)
	c := read(t, &wrapping.Options{})
	require.Equal(t, "env-key", c.keyID)
	require.Equal(t, "cn-shenzhen", c.client.Region)
	require.Equal(t, "env.example.com", c.client.Endpoint)
	require.Equal(t, "LTAIenv", c.credentials.Static.AccessKeyID)
	require.Equal(t, "the environment's secret", c.credentials.Static.AccessKeySecret.Reveal())
	require.Equal(t, "the environment's token", c.credentials.Static.SecurityToken.Reveal())
	require.Equal(t, "acs:ram::1:role/env", c.credentials.Role.ARN)
	require.Equal(t, "env-node", c.credentials.Role.SessionName)

	t.Setenv("ALICLOUDKMS_WRAPPER_KEY_ID", "")
	t.Setenv("VAULT_ALICLOUDKMS_SEAL_KEY_ID", "vault-key")
	require.Equal(t, "vault-key", read(t, &wrapping.Options{}).keyID)
}

func TestTheConfigurationWinsOverTheEnvironment(t *testing.T) {
	setEnvironment(t)
	c := read(t, configured(map[string]string{"region": "cn-shanghai", "domain": "config.example.com"}))
	require.Equal(t, "key", c.keyID)
	require.Equal(t, "cn-shanghai", c.client.Region)
	require.Equal(t, "config.example.com", c.client.Endpoint)
	require.Equal(t, "LTAIconfig", c.credentials.Static.AccessKeyID)
	require.True(t, c.credentials.Static.SecurityToken.IsEmpty(), "the token belongs to another access key")
	require.Empty(t, c.credentials.Role.ARN, "the role is not meant for this access key")

	own := read(t, options(
		wrapping.WithKeyId("key"), wrapping.WithConfigMap(map[string]string{"role_arn": "acs:ram::1:role/config"})))
	require.Equal(t, "acs:ram::1:role/config", own.credentials.Role.ARN)
	require.Equal(t, "LTAIenv", own.credentials.Static.AccessKeyID)
}

func TestADisallowedEnvironmentIsNotRead(t *testing.T) {
	setEnvironment(t)
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIchain")
	disallow := func(value string) map[string]string { return map[string]string{"disallow_env_vars": value} }
	for name, opts := range map[string]*wrapping.Options{
		"by configuration": options(wrapping.WithConfigMap(disallow("true"))),
		"by option":        options(wrapping.WithDisallowEnvVars(true)),
		"by option, against the configuration": options(
			wrapping.WithDisallowEnvVars(true), wrapping.WithConfigMap(disallow("false"))),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(opts)
			require.ErrorContains(t, err, "kms_key_id is required")
			opts.WithKeyId = "key"
			_, err = readConfig(opts)
			require.ErrorContains(t, err, "use_environment=true")

			settings := map[string]string{"use_environment": "true"}
			maps.Copy(settings, opts.WithConfigMap)
			opts.WithConfigMap = settings
			c := read(t, opts)
			require.Equal(t, "cn-beijing", c.client.Region)
			require.Empty(t, c.credentials.Static.AccessKeyID, "the variable with an access key is not read")
			require.True(t, c.credentials.UseEnvironment)
		})
	}
}

func TestValuesMayBeInFilesAndVariables(t *testing.T) {
	r := newRig(t)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte(r.kms.AccessKeySecret.Reveal()+"\n"), 0o600))
	t.Setenv("ANY_NAME", r.kms.AccessKeyID)
	authorities := map[string]string{"a path": r.kms.CAFile, "a URL": "file://" + r.kms.CAFile, "PEM": r.kms.CACert}
	for name, ca := range authorities {
		t.Run(name, func(t *testing.T) {
			w := r.wrapper(map[string]string{"ca_cert": ca, "access_key": "env://ANY_NAME", "secret_key": "file://" + secret})
			r.opens(w, r.seal(w, "secret"), "secret")
		})
	}
}

// Package credentials searches for credentials if none are configured.
func TestCredentialsAreFoundInTheEnvironment(t *testing.T) {
	r := newRig(t)
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", r.kms.AccessKeyID)
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", r.kms.AccessKeySecret.Reveal())
	none := map[string]string{"access_key": "", "secret_key": ""}
	w := r.wrapper(none)
	r.opens(w, r.seal(w, "secret"), "secret")

	none["disallow_env_vars"] = "true"
	_, err := r.try(none)
	require.ErrorContains(t, err, "use_environment=true")
	none["use_environment"] = "true"
	r.wrapper(none)
}
