package seal

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/openbao/go-kms-wrapping/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/credentials"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// defaultRegion is that of the wrapper that this one replaces. The rest of this module has another.
	defaultRegion     = "cn-beijing"
	maxRequestTimeout = 5 * time.Minute
)

// A setting is a key of the configuration.
type setting struct {
	// variables are environment variables that are used if the setting is not configured: the first that is set.
	variables []string
	// credential settings are taken from the environment together or not at all.
	credential bool
	// gateway is the only one that the setting is for, and empty for a setting of both. The environment is not read for
	// settings of the other gateway.
	gateway string
}

var settings = map[string]setting{
	"kms_key_id":        {variables: []string{"ALICLOUDKMS_WRAPPER_KEY_ID", "VAULT_ALICLOUDKMS_SEAL_KEY_ID"}},
	"region":            {variables: []string{"ALICLOUD_REGION"}},
	"domain":            {gateway: sharedGateway, variables: []string{"ALICLOUD_DOMAIN"}},
	"network":           {},
	"gateway":           {variables: []string{"ALICLOUD_KMS_GATEWAY"}},
	"kms_instance_id":   {gateway: dedicatedGateway, variables: []string{"ALICLOUD_KMS_INSTANCE_ID"}},
	"instance_endpoint": {gateway: dedicatedGateway, variables: []string{"ALICLOUD_KMS_INSTANCE_ENDPOINT"}},
	"tls_server_name":   {},
	"ca_cert":           {},
	"request_timeout":   {},
	"access_key":        {credential: true, variables: []string{"ALICLOUD_ACCESS_KEY"}},
	"secret_key":        {credential: true, variables: []string{"ALICLOUD_SECRET_KEY"}},
	"security_token":    {credential: true, variables: []string{"ALICLOUD_ACCESS_KEY_STS_TOKEN"}},
	"role_arn":          {credential: true, variables: []string{"ALICLOUD_ROLE_ARN"}},
	"role_session_name": {credential: true, variables: []string{"ALICLOUD_ROLE_SESSION_NAME"}},
	"role_external_id":  {credential: true},
	"sts_endpoint":      {credential: true},
	"use_environment":   {},
	"disallow_env_vars": {},
}

// synonyms maps other names of settings to their own.
var synonyms = map[string]string{"endpoint": "domain", "access_secret": "secret_key"}

// values are the settings' values. An empty one counts as missing.
type values map[string]string

// A config is the configuration given to SetConfig, checked as far as that needs no client.
type config struct {
	keyID string
	// instance is the KMS instance whose dedicated gateway is used, and empty for the shared gateway.
	instance    string
	client      client.Config
	credentials credentials.Config
}

// readConfig reads the configuration, and the environment where it may.
func readConfig(opts *wrapping.Options) (config, error) {
	v, err := readValues(opts.WithConfigMap)
	if err != nil {
		return config{}, err
	}
	if v["kms_key_id"] == "" {
		v["kms_key_id"] = opts.WithKeyId
	}
	disallowed, err := v.flag("disallow_env_vars", opts.WithDisallowEnvVars)
	if err != nil {
		return config{}, err
	}
	disallowed = disallowed || opts.WithDisallowEnvVars
	if !disallowed {
		if err := v.addEnvironment(); err != nil {
			return config{}, err
		}
	}
	useEnvironment, err := v.flag("use_environment", !disallowed)
	if err != nil {
		return config{}, err
	}
	return v.config(useEnvironment)
}

// readValues returns the configuration under the settings' own names.
func readValues(given map[string]string) (values, error) {
	v := values{}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		name := cmp.Or(synonyms[key], key)
		if _, ok := settings[name]; !ok {
			known := slices.Concat(slices.Collect(maps.Keys(settings)), slices.Collect(maps.Keys(synonyms)))
			slices.Sort(known)
			return nil, fmt.Errorf("the seal has no setting %q; its settings are: %s", key, strings.Join(known, ", "))
		}
		value, err := resolve(key, given[key])
		if err != nil {
			return nil, err
		}
		if v[name] != "" && value != "" && v[name] != value {
			return nil, fmt.Errorf("%s is set under two names to different values; leave %s out", name, key)
		}
		v[name] = cmp.Or(value, v[name])
	}
	return v, nil
}

// resolve returns the value, or the content of the file or variable that it refers to, without the line break at the
// end of a file. Errors name the file or variable, but show no content.
func resolve(key, value string) (string, error) {
	if err := wrapping.ParsePaths(&value); err != nil {
		return "", fmt.Errorf("%s: %w", key, err)
	}
	return strings.TrimSpace(value), nil
}

// addEnvironment adds what is not configured. Credentials are not mixed: a configured access key is used on its own.
func (v values) addEnvironment() error {
	own := v["access_key"] != "" || v["secret_key"] != "" || v["security_token"] != ""
	if err := v.addVariables("gateway"); err != nil {
		return err
	}
	for name, s := range settings {
		if own && s.credential || !v.has(s) {
			continue
		}
		if err := v.addVariables(name); err != nil {
			return err
		}
	}
	return nil
}

// addVariables sets a setting that is not configured to the first of its variables that is set.
func (v values) addVariables(name string) error {
	if v[name] != "" {
		return nil
	}
	for _, variable := range settings[name].variables {
		value, err := resolve(variable, os.Getenv(variable))
		if err != nil {
			return err
		}
		v[name] = cmp.Or(v[name], value)
	}
	return nil
}

func (v values) flag(name string, otherwise bool) (bool, error) {
	if v[name] == "" {
		return otherwise, nil
	}
	set, err := strconv.ParseBool(v[name])
	if err != nil {
		return false, fmt.Errorf("%s must be true or false", name)
	}
	return set, nil
}

// config translates v for client and credentials.
func (v values) config(useEnvironment bool) (config, error) {
	if v["kms_key_id"] == "" {
		return config{}, errors.New("kms_key_id is required: the id of a CMK, or alias/NAME")
	}
	if err := errors.Join(v.checkGateway(), v.checkCredentials(useEnvironment)); err != nil {
		return config{}, err
	}
	timeout, err := v.timeout()
	if err != nil {
		return config{}, err
	}
	caCert, err := v.caCert()
	if err != nil {
		return config{}, err
	}
	region, network := cmp.Or(v["region"], defaultRegion), kmsapi.Network(v["network"])
	endpoint, serverName := v.endpoint()
	return config{
		keyID: v["kms_key_id"], instance: v["kms_instance_id"],
		client: client.Config{
			Region: region, Network: network, Endpoint: endpoint, CACert: caCert, TLSServerName: serverName,
			RequestTimeout: timeout, UserAgent: userAgent,
		},
		credentials: credentials.Config{
			Static: client.Static{
				AccessKeyID:     v["access_key"],
				AccessKeySecret: kmsapi.NewSecret(v["secret_key"]),
				SecurityToken:   kmsapi.NewSecret(v["security_token"]),
			},
			UseEnvironment: useEnvironment,
			Role: credentials.Role{
				ARN: v["role_arn"], SessionName: v["role_session_name"], ExternalID: v["role_external_id"],
				Region: region, Network: network, Endpoint: v["sts_endpoint"], CACert: caCert,
			},
		},
	}, nil
}

func (v values) checkCredentials(useEnvironment bool) error {
	switch {
	case v["access_key"] == "" && (v["secret_key"] != "" || v["security_token"] != ""):
		return errors.New("secret_key and security_token need an access_key, and there is none")
	case v["access_key"] != "" && v["secret_key"] == "":
		return errors.New("access_key is set without its secret_key")
	case v["access_key"] == "" && !useEnvironment:
		return errors.New("access_key and secret_key are required, unless use_environment=true lets the seal look for credentials in the environment")
	case v["role_arn"] == "" && (v["role_external_id"] != "" || v["sts_endpoint"] != ""):
		return errors.New("role_external_id and sts_endpoint need a role_arn, and there is none")
	default:
		return nil
	}
}

// timeout parses request_timeout. 0 means the client's default.
func (v values) timeout() (time.Duration, error) {
	value := v["request_timeout"]
	if value == "" {
		return 0, nil
	}
	if _, err := strconv.Atoi(value); err == nil {
		value += "s"
	}
	timeout, err := time.ParseDuration(value)
	if err != nil || timeout < time.Second || timeout > maxRequestTimeout {
		return 0, fmt.Errorf("request_timeout must be 1s to %s", maxRequestTimeout)
	}
	return timeout, nil
}

// caCert returns ca_cert, which is PEM or the path of a file with it.
func (v values) caCert() (string, error) {
	value := v["ca_cert"]
	if value == "" || strings.Contains(value, "-----BEGIN") {
		return value, nil
	}
	pem, err := os.ReadFile(value)
	if err != nil {
		// The error would show the value, which may be anything.
		return "", errors.New("ca_cert is neither PEM nor the path of a file that can be read")
	}
	return string(pem), nil
}

// metadata is what a server shows of its seal at start, under the names that earlier wrappers used.
func (c config) metadata() map[string]string {
	shown := map[string]string{"region": c.client.Region, "kms_key_id": c.keyID}
	switch {
	case c.instance != "":
		shown["gateway"], shown["kms_instance_id"] = dedicatedGateway, c.instance
		shown["instance_endpoint"] = c.client.Endpoint
	case c.client.Endpoint != "":
		shown["domain"] = c.client.Endpoint
	}
	return shown
}
