package seal

import (
	"cmp"
	"errors"
	"fmt"
	"os"
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

// A config is the configuration given to SetConfig, checked as far as that needs no client.
type config struct {
	keyID string
	// previous are the ids of other CMKs whose blobs open. If restricted is set, no others do.
	previous   []string
	restricted bool
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

// config translates v for client and credentials.
func (v values) config(useEnvironment bool) (config, error) {
	if v["kms_key_id"] == "" {
		return config{}, errors.New("kms_key_id is required: the id of a KMS key, or alias/NAME")
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
	previous, restricted, err := v.previous()
	if err != nil {
		return config{}, err
	}
	region, network := cmp.Or(v["region"], defaultRegion), kmsapi.Network(v["network"])
	endpoint, serverName := v.endpoint()
	return config{
		keyID: v["kms_key_id"], previous: previous, restricted: restricted, instance: v["kms_instance_id"],
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

// previous parses previous_kms_key_ids. An empty list restricts too: it allows no CMK but the configured one.
func (v values) previous() (ids []string, restricted bool, err error) {
	list, restricted := v["previous_kms_key_ids"]
	if strings.TrimSpace(list) == "" {
		return nil, restricted, nil
	}
	for id := range strings.SplitSeq(list, ",") {
		id = strings.TrimSpace(id)
		if id == "" || strings.ContainsAny(id, "/: ") {
			return nil, false, errors.New("previous_kms_key_ids must be ids of KMS keys, separated by commas; an alias or ARN is not an id")
		}
		ids = append(ids, id)
	}
	return ids, restricted, nil
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

// settingOf has the settings that become fields of [client.Config] and [credentials.Config].
var settingOf = map[string]string{
	"Region": "region", "Network": "network", "CACert": "ca_cert", "TLSServerName": "tls_server_name",
	"RequestTimeout": "request_timeout",
	"Role.ARN":       "role_arn", "Role.SessionName": "role_session_name", "Role.ExternalID": "role_external_id",
	"Role.Endpoint": "sts_endpoint", "Role.Region": "region", "Role.CACert": "ca_cert",
}

// blame gives an error about a field of the client's or the credentials' configuration the name of its setting.
func (c config) blame(err error) error {
	wrong, ok := errors.AsType[*client.ConfigError](err)
	if !ok {
		return err
	}
	name := settingOf[wrong.Field]
	switch {
	case wrong.Field == "Endpoint" && c.instance != "":
		name = "instance_endpoint"
	case wrong.Field == "Endpoint":
		name = "domain"
	case name == "":
		return err
	}
	return fmt.Errorf("%s %w", name, wrong.Err)
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
