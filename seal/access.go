package seal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/credentials"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const maxRequestTimeout = 5 * time.Minute

// An access is how KMS is reached, and with which credentials.
type access struct {
	// instance is the KMS instance whose dedicated gateway is used, and empty for the shared gateway.
	instance    string
	client      client.Config
	credentials credentials.Config
}

// access translates v for packages client and credentials. The environment's proxy and certificate files may be used
// only if environment is set.
func (v values) access(useEnvironment, environment bool) (access, error) {
	if err := errors.Join(v.checkGateway(), v.checkCredentials()); err != nil {
		return access{}, err
	}
	timeout, err := v.timeout()
	if err != nil {
		return access{}, err
	}
	caCert, err := v.caCert(environment)
	if err != nil {
		return access{}, err
	}
	proxy, err := v.proxy(environment)
	if err != nil {
		return access{}, err
	}
	network := kmsapi.Network(v["network"])
	endpoint, serverName := v.endpoint()
	return access{
		instance: v["kms_instance_id"],
		client: client.Config{
			Region: v["region"], Network: network, Endpoint: endpoint, CACert: caCert, TLSServerName: serverName,
			RequestTimeout: timeout, UserAgent: userAgent, Proxy: proxy,
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
				Region: v["region"], Network: network, Endpoint: v["sts_endpoint"], CACert: caCert, Proxy: proxy,
			},
		},
	}, nil
}

func (v values) checkCredentials() error {
	switch {
	case v["access_key"] == "" && (v["secret_key"] != "" || v["security_token"] != ""):
		return errors.New("secret_key and security_token need an access_key")
	case v["access_key"] != "" && v["secret_key"] == "":
		return errors.New("access_key is set without its secret_key")
	case v["role_arn"] == "" && (v["role_external_id"] != "" || v["sts_endpoint"] != ""):
		return errors.New("role_external_id and sts_endpoint need a role_arn")
	default:
		return nil
	}
}

// connect makes a client, without I/O. A nil clock is [time.Now].
func (a access) connect(clock func() time.Time) (*client.Client, error) {
	a.client.Clock, a.credentials.Clock = clock, clock
	provider, err := credentials.New(a.credentials)
	if err != nil {
		return nil, a.blame(err)
	}
	a.client.Credentials = provider
	kms, err := client.New(a.client)
	return kms, a.blame(err)
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

// caCert returns ca_cert, which is PEM or, if files may be read, the path of a PEM file.
func (v values) caCert(files bool) (string, error) {
	value := v["ca_cert"]
	if value == "" || strings.Contains(value, "-----BEGIN") {
		return value, nil
	}
	if !files {
		return "", errors.New("ca_cert must be the PEM itself: files of the server can't be read here")
	}
	pem, err := os.ReadFile(value)
	if err != nil {
		// The system's error would show the value, which may be anything, even a secret.
		return "", errors.New("ca_cert is neither PEM nor the path of a file that can be read")
	}
	return string(pem), nil
}

// proxy returns the proxy of requests. Without a setting it is the environment's, or none if the environment may not be
// used.
func (v values) proxy(environment bool) (func(*http.Request) (*url.URL, error), error) {
	switch {
	case v["proxy"] == "" && environment:
		return http.ProxyFromEnvironment, nil
	case v["proxy"] == "":
		return http.ProxyURL(nil), nil
	}
	proxy, err := url.Parse(v["proxy"])
	if err != nil || proxy.Host == "" || proxy.Scheme != "http" && proxy.Scheme != "https" {
		// The URL may contain a password.
		return nil, errors.New("proxy must be a URL such as http://proxy.example.com:3128")
	}
	return http.ProxyURL(proxy), nil
}

// settingOf maps fields of [client.Config] and [credentials.Config] to their settings.
var settingOf = map[string]string{
	"Region": "region", "Network": "network", "CACert": "ca_cert", "TLSServerName": "tls_server_name",
	"RequestTimeout": "request_timeout",
	"Role.ARN":       "role_arn", "Role.SessionName": "role_session_name", "Role.ExternalID": "role_external_id",
	"Role.Endpoint": "sts_endpoint", "Role.Region": "region", "Role.CACert": "ca_cert",
}

// blame adds the name of the setting to an error about a field of the client's or the credentials' configuration.
func (a access) blame(err error) error {
	wrong, ok := errors.AsType[*client.ConfigError](err)
	if !ok {
		return err
	}
	name := settingOf[wrong.Field]
	switch {
	case wrong.Field == "Endpoint" && a.instance != "":
		name = "instance_endpoint"
	case wrong.Field == "Endpoint":
		name = "domain"
	case name == "":
		return err
	}
	return fmt.Errorf("%s %w", name, wrong.Err)
}
