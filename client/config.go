package client

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	defaultMaxRetries     = 3
	defaultRequestTimeout = 10 * time.Second
	defaultUserAgent      = "alicloudkms-client"
)

// Config says which KMS to call, with which credentials, and with which retries and timeouts. Only Credentials is
// required.
type Config struct {
	// Region is sent as RegionId with every request. Empty means [kmsapi.DefaultRegion].
	Region string
	// Network chooses between the region's endpoints. Empty means [kmsapi.NetworkPublic].
	Network kmsapi.Network
	// Endpoint replaces the endpoint of the region and network (§1.2): "host", "host:port", or either with "https://"
	// before it. "http://" is for loopback addresses and localhost only. Empty means that region and network decide.
	Endpoint string
	// CACert holds the PEM certificates of the only authorities to trust. Empty means those of the system.
	CACert string
	// TLSServerName is the host name that the server's certificate must have. Empty means the endpoint's host. It is
	// needed if the endpoint is an address, or a name of your own.
	TLSServerName string
	// Instances has the KMS instances whose dedicated gateways are used, by their ids, such as
	// "kst-hzz62f1cb66fa42qo7p3x". See [Client.Instance].
	Instances map[string]Instance
	// Credentials provides the credentials that sign requests.
	Credentials Provider
	// MaxRetries is how many attempts may follow the first. 0 means 3; a negative number means no retries.
	MaxRetries int
	// RequestTimeout limits one attempt, from connecting to the end of the answer. 0 means 10 seconds. The limit of a
	// whole call is its context's deadline.
	RequestTimeout time.Duration
	// UserAgent is the header of that name. Empty means "alicloudkms-client".
	UserAgent string
	// Proxy returns the proxy of a request, or nil for none, as in [http.Transport]. If Proxy itself is nil, the
	// environment decides: [http.ProxyFromEnvironment].
	Proxy func(*http.Request) (*url.URL, error) `json:"-"`

	// Clock returns the time. Nil means [time.Now].
	Clock func() time.Time `json:"-"`
	// Nonce returns a string that was never used before. Nil means 130 random bits.
	Nonce func() string `json:"-"`
	// Jitter picks the wait before another attempt, from 0 to limit. Nil means uniformly random.
	Jitter func(limit time.Duration) time.Duration `json:"-"`
}

// withDefaults returns cfg with every zero value replaced by its default.
func (cfg Config) withDefaults() Config {
	setDefault(&cfg.Region, kmsapi.DefaultRegion)
	setDefault(&cfg.Network, kmsapi.NetworkPublic)
	setDefault(&cfg.MaxRetries, defaultMaxRetries)
	cfg.MaxRetries = max(cfg.MaxRetries, 0)
	setDefault(&cfg.RequestTimeout, defaultRequestTimeout)
	setDefault(&cfg.UserAgent, defaultUserAgent)
	if cfg.Proxy == nil {
		cfg.Proxy = http.ProxyFromEnvironment
	}
	if cfg.Clock == nil {
		cfg.Clock = time.Now
	}
	if cfg.Nonce == nil {
		cfg.Nonce = rand.Text
	}
	if cfg.Jitter == nil {
		cfg.Jitter = func(limit time.Duration) time.Duration { return mathrand.N(limit + 1) }
	}
	return cfg
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// A ConfigError says which field of a [Config] can't be used. A program whose settings have other names can report the
// error with those.
type ConfigError struct {
	// Field is the name of the field, such as "CACert".
	Field string
	// Instance is the id of the KMS instance if it is a field of an [Instance], and empty for one of the Config itself.
	Instance string
	// Err ends a sentence that begins with the field.
	Err error
}

// Error names the field and what is wrong with it.
func (e *ConfigError) Error() string {
	if e.Instance != "" {
		return fmt.Sprintf("Instances[%.64q].%s %v", e.Instance, e.Field, e.Err)
	}
	return fmt.Sprintf("%s %v", e.Field, e.Err)
}

// Unwrap returns the cause.
func (e *ConfigError) Unwrap() error { return e.Err }

// unusable returns a [ConfigError] whose Err is made from format and args.
func unusable(field, format string, args ...any) error {
	return &ConfigError{Field: field, Err: fmt.Errorf(format, args...)}
}

// check finds what is wrong with the fields that need no parsing.
func (cfg Config) check() error {
	switch {
	case cfg.Network != kmsapi.NetworkPublic && cfg.Network != kmsapi.NetworkVPC:
		return unusable("Network", "%.64q is neither %q nor %q", cfg.Network, kmsapi.NetworkPublic, kmsapi.NetworkVPC)
	case cfg.RequestTimeout < 0:
		return unusable("RequestTimeout", "is %s; give a positive one, or 0 for %s", cfg.RequestTimeout,
			defaultRequestTimeout)
	case strings.ContainsFunc(cfg.UserAgent, unicode.IsControl):
		return unusable("UserAgent", "has a control character in it")
	case cfg.Credentials == nil:
		return unusable("Credentials", "%w", errNoCredentials)
	}
	if static, ok := cfg.Credentials.(Static); ok {
		if err := checkCredentials(Credentials(static)); err != nil {
			return unusable("Credentials", "can't be used: %w", err)
		}
	}
	return nil
}

// regionEndpoint returns the endpoint of the region and network.
func (cfg Config) regionEndpoint() (string, error) {
	if _, known := kmsapi.FindRegion(cfg.Region); !known {
		return "", unusable("Region", "%.64q is not in the API reference; %s. For another region, give its endpoint",
			cfg.Region, kmsapi.SuggestRegion(cfg.Region, nil))
	}
	host, err := kmsapi.Endpoint(cfg.Region, cfg.Network)
	if err != nil {
		return "", unusable("Network", "%q can't be used: %w", cfg.Network, err)
	}
	return host, nil
}

// parseCACert reads PEM certificates. It is stricter than [x509.CertPool.AppendCertsFromPEM], which skips what it can't
// read, so that a damaged bundle is reported at once and not at the first call. It returns nil, the system's pool, for
// an empty string. Errors are the end of a sentence.
func parseCACert(text string) (*x509.CertPool, error) {
	if text == "" {
		return nil, nil
	}
	pool := x509.NewCertPool()
	rest := []byte(text)
	for count := 1; ; count++ {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil && count == 1:
			return nil, noPEM(text)
		case block == nil && strings.Contains(string(rest), "-----BEGIN"):
			return nil, fmt.Errorf("is damaged in block %d", count)
		case block == nil:
			return pool, nil
		case block.Type != "CERTIFICATE":
			return nil, fmt.Errorf("may hold certificates only, and block %d is a %.64q", count, block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("is damaged in certificate %d: %w", count, err)
		}
		pool.AddCert(cert)
	}
}

func noPEM(text string) error {
	const wanted = `holds no PEM certificate; it must be the text that begins with "-----BEGIN CERTIFICATE-----"`
	if strings.Contains(text, "\n") {
		return errors.New(wanted)
	}
	return errors.New(wanted + ", not the name of a file")
}
