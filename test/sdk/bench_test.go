package sdk

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	kmsv3 "github.com/alibabacloud-go/kms-20160120/v3/client"
	openapiutil "github.com/alibabacloud-go/openapi-util/service"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"
	kmsv1 "github.com/aliyun/alibaba-cloud-sdk-go/services/kms"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// The one request that every client signs and sends.
const (
	benchPlaintext = "cGF5cm9sbCwgNjQgYnl0ZXMgb2YgaXQsIGFzIGEgZGF0YSBrZXkgb3IgYSBwYXNzd29yZCBtYXkgaGF2ZSE="
	benchContext   = `{"app":"payroll"}`
)

// BenchmarkSignAndEncode measures everything before a request is sent: its parameters, its signature, and the request
// of net/http. For the new SDK it measures less: only the string to sign and the signature, which can be called
// separately.
func BenchmarkSignAndEncode(b *testing.B) {
	const keyID = "08c33a6f-4e0a-4a1b-a3fa-7ddfa1d4fb73"
	b.Run("ours", func(b *testing.B) {
		credentials := signature.Credentials{AccessKeyID: dev.id, AccessKeySecret: kmsapi.NewSecret(dev.secret)}
		request := &kmsapi.EncryptRequest{
			KeyId: keyID, Plaintext: kmsapi.NewSecret(benchPlaintext),
			EncryptionContext: kmsapi.EncryptionContext{"app": "payroll"},
		}
		b.ReportAllocs()
		for b.Loop() {
			params := kmsapi.AppendParams(append(make(kmsapi.Params, 0, 8), kmsapi.Param{Name: "Action", Value: "Encrypt"},
				kmsapi.Param{Name: "Format", Value: "JSON"}, kmsapi.Param{Name: "RegionId", Value: kmsapi.DefaultRegion}), request)
			form := signature.SignV1(http.MethodPost, params, credentials, rand.Text(), time.Now()).Form()
			if _, err := http.NewRequest(http.MethodPost, "https://"+dev.address+"/", strings.NewReader(form)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("alibaba-cloud-sdk-go", func(b *testing.B) {
		client := newV1(b, dev, dev.access, kmsapi.DefaultRegion)
		b.ReportAllocs()
		for b.Loop() {
			request := kmsv1.CreateEncryptRequest()
			request.KeyId, request.Plaintext, request.EncryptionContext = keyID, benchPlaintext, benchContext
			if err := client.BuildRequestWithSigner(request, nil); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("kms-20160120", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			signLikeV3(keyID)
		}
	})
}

// BenchmarkEncrypt measures requests over TLS to the service, which runs in another process.
func BenchmarkEncrypt(b *testing.B) {
	for _, parallel := range []int{1, 16, 64} {
		for _, dialect := range []struct {
			name string
			dial func(b *testing.B) func(keyID string) error
		}{{"ours", encryptOurs}, {"alibaba-cloud-sdk-go", encryptV1}, {"kms-20160120", encryptV3}} {
			b.Run(fmt.Sprintf("c=%d/%s", parallel, dialect.name), func(b *testing.B) {
				created := kmsapi.CreateKeyResponse{}
				require.NoError(b, dialOurs(b, dev, dev.access).call(&kmsapi.CreateKeyRequest{}, &created))
				encrypt := dialect.dial(b)
				require.NoError(b, encrypt(created.KeyMetadata.KeyId))
				b.ResetTimer()
				inParallel(b, parallel, func() error { return encrypt(created.KeyMetadata.KeyId) })
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
			})
		}
	}
}

// inParallel runs do b.N times in total, in a number of goroutines.
func inParallel(b *testing.B, goroutines int, do func() error) {
	work := make(chan struct{}, b.N)
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for range work {
				if err := do(); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

func encryptOurs(b *testing.B) func(string) error {
	c := dialOurs(b, dev, dev.access).(ours).client
	return func(keyID string) error {
		_, err := c.Encrypt(b.Context(), &kmsapi.EncryptRequest{
			KeyId: keyID, Plaintext: kmsapi.NewSecret(benchPlaintext),
			EncryptionContext: kmsapi.EncryptionContext{"app": "payroll"},
		})
		return err
	}
}

func encryptV1(b *testing.B) func(string) error {
	// Its client is not made for parallel use: each request sets the timeouts of all requests.
	clients := sync.Pool{New: func() any { return newV1(b, dev, dev.access, kmsapi.DefaultRegion) }}
	return func(keyID string) error {
		client := clients.Get().(*kmsv1.Client)
		defer clients.Put(client)
		request := kmsv1.CreateEncryptRequest()
		request.KeyId, request.Plaintext, request.EncryptionContext = keyID, benchPlaintext, benchContext
		_, err := client.Encrypt(request)
		return err
	}
}

func encryptV3(b *testing.B) func(string) error {
	client := dialV3("")(b, dev, dev.access).(v3).client
	return func(keyID string) error {
		_, err := client.Encrypt(&kmsv3.EncryptRequest{
			KeyId: tea.String(keyID), Plaintext: tea.String(benchPlaintext), EncryptionContext: map[string]any{"app": "payroll"},
		})
		return err
	}
}

// signLikeV3 does what the SDK does between filling in a request and sending it, as far as those parts are exported.
func signLikeV3(keyID string) string {
	algorithm := tea.String("ACS3-HMAC-SHA256")
	query := openapiutil.Query(map[string]any{
		"KeyId": keyID, "Plaintext": benchPlaintext,
		"EncryptionContext": tea.StringValue(util.ToJSONString(map[string]any{"app": "payroll"})),
	})
	request := tea.NewRequest()
	request.Method, request.Pathname, request.Query = tea.String(http.MethodPost), tea.String("/"), query
	hash := openapiutil.HexEncode(openapiutil.Hash(util.ToBytes(tea.String("")), algorithm))
	request.Headers = map[string]*string{
		"host": tea.String(dev.address), "x-acs-version": tea.String(kmsapi.Version), "x-acs-action": tea.String("Encrypt"),
		"x-acs-date": openapiutil.GetTimestamp(), "x-acs-signature-nonce": util.GetNonce(),
		"accept":     tea.String("application/json"),
		"user-agent": tea.String("bench"), "x-acs-content-sha256": hash,
	}
	return tea.StringValue(
		openapiutil.GetAuthorization(request, algorithm, hash, tea.String(dev.id), tea.String(dev.secret)))
}
