package server_test

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// benchmarkTLS measures calls over TLS by parallel callers. The client is in the same process, so its allocations count
// too. prepare returns the call to measure.
func benchmarkTLS(
	b *testing.B, parallel int, prepare func(b *testing.B, c *client.Client) func(context.Context) error,
) {
	kms := kmstest.WithOptions(b, kmstest.SM, server.Options{KeyPairs: vectorPair})
	call := prepare(b, newClient(b, kms))
	work := make(chan struct{}, b.N)
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	b.ReportAllocs()
	b.ResetTimer()
	var group sync.WaitGroup
	for range parallel {
		group.Go(func() {
			for range work {
				if err := call(b.Context()); err != nil {
					b.Error(err)
				}
			}
		})
	}
	group.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}

// BenchmarkTLS measures Encrypt.
func BenchmarkTLS(b *testing.B) {
	for _, parallel := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("c=%d", parallel), func(b *testing.B) {
			benchmarkTLS(b, parallel, func(b *testing.B, c *client.Client) func(context.Context) error {
				created, err := c.CreateKey(b.Context(), &kmsapi.CreateKeyRequest{})
				require.NoError(b, err)
				return func(ctx context.Context) error {
					_, err := c.Encrypt(ctx, &kmsapi.EncryptRequest{
						KeyId: created.KeyMetadata.KeyId, Plaintext: kmsapi.NewSecret("c2VjcmV0"),
						EncryptionContext: kmsapi.EncryptionContext{"app": "payroll"},
					})
					return err
				}
			})
		})
	}
}

// BenchmarkSignTLS measures AsymmetricSign with 16 connections.
func BenchmarkSignTLS(b *testing.B) {
	for spec, algorithm := range map[string]string{
		kmsapi.KeySpecP256: kmsapi.SignECDSA, kmsapi.KeySpecRSA2048: kmsapi.SignPSS, kmsapi.KeySpecSM2: kmsapi.SignSM2,
	} {
		b.Run(spec, func(b *testing.B) {
			benchmarkTLS(b, 16, func(b *testing.B, c *client.Client) func(context.Context) error {
				created, err := c.CreateKey(b.Context(), &kmsapi.CreateKeyRequest{KeySpec: spec})
				require.NoError(b, err)
				keyID := created.KeyMetadata.KeyId
				versions, err := c.ListKeyVersions(b.Context(), &kmsapi.ListKeyVersionsRequest{KeyId: keyID})
				require.NoError(b, err)
				request := kmsapi.AsymmetricSignRequest{
					KeyId: keyID, KeyVersionId: versions.KeyVersions.KeyVersion[0].KeyVersionId, Algorithm: algorithm,
					Digest: aDigest,
				}
				return func(ctx context.Context) error {
					_, err := c.AsymmetricSign(ctx, &request)
					return err
				}
			})
		})
	}
}
