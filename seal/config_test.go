package seal

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/openbao/go-kms-wrapping/v2"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// configured are the settings that a server can't do without, with others.
func configured(changes map[string]string) *wrapping.Options {
	all := map[string]string{"kms_key_id": "key", "access_key": "LTAIconfig", "secret_key": "the config's secret"}
	maps.Copy(all, changes)
	return &wrapping.Options{WithConfigMap: all}
}

func read(t *testing.T, opts *wrapping.Options) config {
	t.Helper()
	c, err := readConfig(opts)
	require.NoError(t, err)
	return c
}

func TestSettingsReachTheClient(t *testing.T) {
	c := read(t, configured(map[string]string{
		"region": "cn-shanghai", "network": "vpc", "endpoint": "id.cryptoservice.kms.cn-shanghai.aliyuncs.com",
		"ca_cert": "-----BEGIN CERTIFICATE-----", "request_timeout": "15s", "security_token": "the token",
		"role_arn": "acs:ram::1:role/vault", "role_session_name": "node-1", "role_external_id": "tenant", "sts_endpoint": "sts.example.com",
	}))
	require.Equal(t, "key", c.keyID)
	require.Equal(t, "cn-shanghai", c.client.Region)
	require.Equal(t, kmsapi.NetworkVPC, c.client.Network)
	require.Equal(t, "id.cryptoservice.kms.cn-shanghai.aliyuncs.com", c.client.Endpoint)
	require.Equal(t, "-----BEGIN CERTIFICATE-----", c.client.CACert)
	require.Equal(t, 15*time.Second, c.client.RequestTimeout)
	require.True(t, client.Credentials(c.credentials.Static).Equal(client.Credentials{
		AccessKeyID: "LTAIconfig", AccessKeySecret: kmsapi.NewSecret("the config's secret"), SecurityToken: kmsapi.NewSecret("the token"),
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

func TestSettingsHaveTheOldNamesAndDefaults(t *testing.T) {
	c := read(t, &wrapping.Options{
		WithKeyId:     "key",
		WithConfigMap: map[string]string{"access_key": "LTAI", "access_secret": "the secret", "domain": "kms.example.com"},
	})
	require.Equal(t, "key", c.keyID)
	require.Equal(t, "cn-beijing", c.client.Region)
	require.Equal(t, "kms.example.com", c.client.Endpoint)
	require.Equal(t, "the secret", c.credentials.Static.AccessKeySecret.Reveal())
	require.Zero(t, c.client.RequestTimeout)
	require.True(t, c.credentials.UseEnvironment)
}

func TestBadSettingsAreRefusedAndNotShown(t *testing.T) {
	for name, tc := range map[string]struct {
		settings map[string]string
		says     string
	}{
		"a setting that does not exist":    {map[string]string{"reigon": "canary"}, `"reigon"; there are: access_key, access_secret, ca_cert`},
		"no key":                           {map[string]string{"kms_key_id": ""}, "kms_key_id is required"},
		"an access key without a secret":   {map[string]string{"secret_key": ""}, "secret_key"},
		"a secret without an access key":   {map[string]string{"access_key": ""}, "access_key"},
		"a token without an access key":    {map[string]string{"access_key": "", "secret_key": "", "security_token": "canary"}, "access_key"},
		"two secrets":                      {map[string]string{"access_secret": "canary"}, "two names"},
		"two endpoints":                    {map[string]string{"domain": "canary.example.com", "endpoint": "canary.example.net"}, "two names"},
		"a timeout that is none":           {map[string]string{"request_timeout": "canary"}, "request_timeout must be 1s to 5m0s"},
		"a timeout that is too short":      {map[string]string{"request_timeout": "10ms"}, "request_timeout"},
		"a timeout that is too long":       {map[string]string{"request_timeout": "301"}, "request_timeout"},
		"a flag that is neither":           {map[string]string{"disallow_env_vars": "canary"}, "disallow_env_vars must be true or false"},
		"another flag that is neither":     {map[string]string{"use_environment": "canary"}, "use_environment must be true or false"},
		"an endpoint of STS without role":  {map[string]string{"sts_endpoint": "canary.example.com"}, "role_arn"},
		"a CA that is in no file":          {map[string]string{"ca_cert": "/canary"}, "ca_cert"},
		"a secret in a file that is not":   {map[string]string{"secret_key": "file:///nowhere/secret"}, "secret_key: "},
		"a secret in no variable":          {map[string]string{"secret_key": "env://NOT_SET_AT_ALL"}, "NOT_SET_AT_ALL"},
		"credentials that nobody may find": {map[string]string{"access_key": "", "secret_key": "", "use_environment": "false"}, "use_environment=true"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(configured(tc.settings))
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "canary")
			require.NotContains(t, err.Error(), "the config's secret")
		})
	}
}

// What the client and credentials check is refused too, before anything is sent.
func TestSettingsThatNoClientTakesAreRefused(t *testing.T) {
	for name, tc := range map[string]struct{ key, value, says string }{
		"a region without an endpoint": {"region", "mars-1", "mars-1"},
		"an endpoint without TLS":      {"domain", "http://kms.example.com", "TLS"},
		"a network that is none":       {"network", "moon", "network"},
		"a damaged CA":                 {"ca_cert", "-----BEGIN CERTIFICATE-----\nx", "ca_cert"},
		"a role that is none":          {"role_arn", "vault", "role_arn"},
	} {
		t.Run(name, func(t *testing.T) {
			opts := configured(map[string]string{tc.key: tc.value})
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

func TestEnvironmentFillsWhatIsNotConfigured(t *testing.T) {
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

func TestConfigurationWinsOverTheEnvironment(t *testing.T) {
	setEnvironment(t)
	c := read(t, configured(map[string]string{"region": "cn-shanghai", "domain": "config.example.com"}))
	require.Equal(t, "key", c.keyID)
	require.Equal(t, "cn-shanghai", c.client.Region)
	require.Equal(t, "config.example.com", c.client.Endpoint)
	require.Equal(t, "LTAIconfig", c.credentials.Static.AccessKeyID)
	require.True(t, c.credentials.Static.SecurityToken.IsEmpty(), "a token of another access key")
	require.Empty(t, c.credentials.Role.ARN, "a role that was not meant for this access key")

	own := read(t, &wrapping.Options{WithKeyId: "key", WithConfigMap: map[string]string{"role_arn": "acs:ram::1:role/config"}})
	require.Equal(t, "acs:ram::1:role/config", own.credentials.Role.ARN)
	require.Equal(t, "LTAIenv", own.credentials.Static.AccessKeyID)
}

func TestEnvironmentThatIsNotAllowedIsNotRead(t *testing.T) {
	setEnvironment(t)
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIchain")
	disallow := map[string]string{"disallow_env_vars": "true"}
	for name, opts := range map[string]*wrapping.Options{
		"by configuration":                     {WithConfigMap: maps.Clone(disallow)},
		"by option":                            {WithDisallowEnvVars: true},
		"by option, against the configuration": {WithDisallowEnvVars: true, WithConfigMap: map[string]string{"disallow_env_vars": "false"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(opts)
			require.ErrorContains(t, err, "kms_key_id is required")
			opts.WithKeyId = "key"
			_, err = readConfig(opts)
			require.ErrorContains(t, err, "use_environment=true")

			asked := maps.Clone(opts.WithConfigMap)
			if asked == nil {
				asked = map[string]string{}
			}
			asked["use_environment"] = "true"
			c := read(t, &wrapping.Options{WithKeyId: "key", WithDisallowEnvVars: opts.WithDisallowEnvVars, WithConfigMap: asked})
			require.Equal(t, "cn-beijing", c.client.Region)
			require.Empty(t, c.credentials.Static.AccessKeyID, "the access key of a variable is not what was asked for")
			require.True(t, c.credentials.UseEnvironment)
		})
	}
}

func TestValuesMayLieInFilesAndVariables(t *testing.T) {
	r := newRig(t)
	secret := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(secret, []byte(r.kms.AccessKeySecret.Reveal()+"\n"), 0o600))
	t.Setenv("ANY_NAME", r.kms.AccessKeyID)
	for name, ca := range map[string]string{"a path": r.kms.CAFile, "a URL": "file://" + r.kms.CAFile, "PEM": r.kms.CACert} {
		t.Run(name, func(t *testing.T) {
			w := r.wrapper(map[string]string{"ca_cert": ca, "access_key": "env://ANY_NAME", "secret_key": "file://" + secret})
			r.opens(w, r.seal(w, "secret"), "secret")
		})
	}
}

// The chain of package credentials is asked if nothing else is there.
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
