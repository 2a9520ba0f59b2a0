package server_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// BenchmarkSignTLS measures AsymmetricSign over TLS with 16 connections, with the client in the same process.
func BenchmarkSignTLS(b *testing.B) {
	const parallel = 16
	for spec, algorithm := range map[string]string{
		kmsapi.KeySpecP256: kmsapi.SignECDSA, kmsapi.KeySpecRSA2048: kmsapi.SignPSS,
	} {
		b.Run(spec, func(b *testing.B) {
			kms := kmstest.WithOptions(b, func(*server.Config) {}, server.Options{KeyPairs: vectorPair})
			c, err := client.New(client.Config{
				Endpoint: kms.Endpoint, CACert: kms.CACert, Region: kms.Region,
				Credentials: client.Static{AccessKeyID: kms.AccessKeyID, AccessKeySecret: kms.AccessKeySecret},
			})
			require.NoError(b, err)
			b.Cleanup(c.Close)
			created, err := c.CreateKey(b.Context(), &kmsapi.CreateKeyRequest{KeySpec: spec})
			require.NoError(b, err)
			keyID := created.KeyMetadata.KeyId
			versions, err := c.ListKeyVersions(b.Context(), &kmsapi.ListKeyVersionsRequest{KeyId: keyID})
			require.NoError(b, err)
			request := kmsapi.AsymmetricSignRequest{
				KeyId: keyID, KeyVersionId: versions.KeyVersions.KeyVersion[0].KeyVersionId, Algorithm: algorithm,
				Digest: aDigest,
			}
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
						if _, err := c.AsymmetricSign(b.Context(), &request); err != nil {
							b.Error(err)
						}
					}
				})
			}
			group.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
		})
	}
}
