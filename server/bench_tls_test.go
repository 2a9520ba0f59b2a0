package server_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// BenchmarkTLS measures Encrypt over TLS, with the client in the same process: its allocations are counted too.
func BenchmarkTLS(b *testing.B) {
	for _, parallel := range []int{1, 16, 64} {
		b.Run(fmt.Sprintf("c=%d", parallel), func(b *testing.B) {
			kms := kmstest.New(b)
			c, err := client.New(client.Config{
				Endpoint: kms.Endpoint, CACert: kms.CACert, Region: kms.Region,
				Credentials: client.Static{AccessKeyID: kms.AccessKeyID, AccessKeySecret: kms.AccessKeySecret},
			})
			require.NoError(b, err)
			b.Cleanup(c.Close)
			created, err := c.CreateKey(b.Context(), &kmsapi.CreateKeyRequest{})
			require.NoError(b, err)
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
						_, err := c.Encrypt(b.Context(), &kmsapi.EncryptRequest{
							KeyId: created.KeyMetadata.KeyId, Plaintext: kmsapi.NewSecret("c2VjcmV0"),
							EncryptionContext: kmsapi.EncryptionContext{"app": "payroll"},
						})
						if err != nil {
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
