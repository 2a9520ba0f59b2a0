package server

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// WithCopiesOfOneWrappingKey returns o with wrapping keys that are nearly free, for a benchmark of everything else.
func (o Options) WithCopiesOfOneWrappingKey() Options { return o.WithAWrappingKeyEvery(0) }

// WithAWrappingKeyEvery returns o with copies of one wrapping key, each of which takes as long as given.
func (o Options) WithAWrappingKeyEvery(takes time.Duration) Options {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der := x509.MarshalPKCS1PrivateKey(private)
	o.generate = func() (*wrapping.Key, error) {
		time.Sleep(takes)
		return wrapping.ParseKey(der)
	}
	return o
}
