package client

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
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

// Config says which KMS to call, as whom, and how patiently. Only Credentials is required.
type Config struct {
	// Region is sent as RegionId with every request. Empty means [kmsapi.DefaultRegion].
	Region string
	// Network chooses between the region's endpoints. Empty means [kmsapi.NetworkPublic].
	Network kmsapi.Network
	// Endpoint replaces the one of region and network (§1.2): "host", "host:port", or either with "https://" before it.
	// "http://" is for loopback addresses and localhost only. Empty means that region and network decide.
	Endpoint string
	// CACert holds the PEM certificates of the only authorities to trust. Empty means those of the system.
	CACert string
	// Credentials gives what requests are signed with.
	Credentials Provider
	// MaxRetries is how many attempts may follow the first. 0 means 3; a negative number means none.
	MaxRetries int
	// RequestTimeout limits one attempt, from connecting to the end of the answer. 0 means 10 seconds. The limit of a
	// whole call is its context's deadline.
	RequestTimeout time.Duration
	// UserAgent is the header of that name. Empty means "alicloudkms-client".
	UserAgent string

	// Clock tells the time. Nil means [time.Now].
	Clock func() time.Time `json:"-"`
	// Nonce returns a string that was never used before. Nil means 130 random bits.
	Nonce func() string `json:"-"`
	// Jitter picks the wait before another attempt, from 0 to limit. Nil means an evenly random one.
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

// check finds what is wrong with the fields that need no parsing.
func (cfg Config) check() error {
	switch {
	case cfg.Network != kmsapi.NetworkPublic && cfg.Network != kmsapi.NetworkVPC:
		return fmt.Errorf("network %q is neither %q nor %q", cfg.Network, kmsapi.NetworkPublic, kmsapi.NetworkVPC)
	case cfg.RequestTimeout < 0:
		return fmt.Errorf("request_timeout is %s; give a positive one, or 0 for %s", cfg.RequestTimeout,
			defaultRequestTimeout)
	case strings.ContainsFunc(cfg.UserAgent, unicode.IsControl):
		return errors.New("the user agent has a control character in it")
	case cfg.Credentials == nil:
		return errNoCredentials
	}
	if static, ok := cfg.Credentials.(Static); ok {
		return checkCredentials(Credentials(static))
	}
	return nil
}

// parseCACert reads PEM certificates. It is stricter than [x509.CertPool.AppendCertsFromPEM], which skips what it can't
// read, so that a damaged bundle is found now and not at the first call. An empty string gives nil, the system's own.
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
			return nil, errors.New(`ca_cert holds no PEM certificate; it must be the text that begins with "-----BEGIN CERTIFICATE-----"`)
		case block == nil && strings.Contains(string(rest), "-----BEGIN"):
			return nil, fmt.Errorf("block %d of ca_cert is damaged", count)
		case block == nil:
			return pool, nil
		case block.Type != "CERTIFICATE":
			return nil, fmt.Errorf("block %d of ca_cert is a %s; it may hold certificates only", count, block.Type)
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of ca_cert is damaged: %w", count, err)
		}
		pool.AddCert(cert)
	}
}
