package server

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/wrapping"
)

// WithCopiesOfOneWrappingKey returns o with wrapping keys that cost almost nothing, for a benchmark of everything else.
func (o Options) WithCopiesOfOneWrappingKey() Options { return o.WithAWrappingKeyEvery(0) }

// WithAWrappingKeyEvery returns o with copies of one wrapping key. Making each copy takes the given time.
func (o Options) WithAWrappingKeyEvery(takes time.Duration) Options {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der := x509.MarshalPKCS1PrivateKey(private)
	o.generate = func() (*wrapping.Key, error) {
		time.Sleep(takes)
		return wrapping.ParseKey(kmsapi.WrappingKeySpecRSA2048, der)
	}
	return o
}

// WithKeyPairsFrom returns o with key pairs that generate makes.
func (o Options) WithKeyPairsFrom(generate func(spec string) (*asymmetric.Key, error)) Options {
	o.generatePair = generate
	return o
}

// PrimaryVersion returns the newest version of a CMK of the default region.
func (s *service) PrimaryVersion(ctx context.Context, account, keyID string) (id string, err error) {
	scope := keyring.Scope{Account: account, Region: kmsapi.DefaultRegion}
	err = s.keys.View(ctx, scope, s.clock(), func(r keyring.Reader) error {
		cmk, err := r.CMK(keyID)
		if err == nil {
			id = cmk.Primary.ID
		}
		return err
	})
	return id, err
}
