package server

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// WithCopiesOfOneWrappingKey returns o with wrapping keys that are nearly free, for a benchmark of everything else.
func (o Options) WithCopiesOfOneWrappingKey() Options {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der := x509.MarshalPKCS1PrivateKey(private)
	o.generate = func() (*wrapping.Key, error) { return wrapping.ParseKey(der) }
	return o
}
