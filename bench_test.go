package alicloudkms

import (
	"context"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// instantKMS answers Encrypt and Decrypt at once, so that what is left is the engine's own.
type instantKMS struct{ kms }

func (instantKMS) Do(_ context.Context, r kmsapi.Request) (kmsapi.Response, error) {
	if r.Operation() == kmsapi.OpEncrypt {
		return &kmsapi.EncryptResponse{KeyId: "id", CiphertextBlob: "QUJD"}, nil
	}
	return &kmsapi.DecryptResponse{KeyId: "id", Plaintext: kmsapi.NewSecret(hello)}, nil
}

// newInstantBackend makes an engine with the key "a", on a KMS that takes no time.
func newInstantBackend(t testing.TB) (*backend, logical.Storage) {
	t.Helper()
	conf := logical.TestBackendConfig()
	conf.StorageView, conf.Logger = &logical.InmemStorage{}, hclog.NewNullLogger()
	instant := newProcess(func(client.Config) (kms, error) { return instantKMS{}, nil })
	b, err := newBackend(context.Background(), conf, instant)
	require.NoError(t, err)
	for path, value := range map[string]any{
		configPath:      with(goodConfig(), nil),
		keyPrefix + "a": &keyEntry{storedCMK: storedCMK{KeyID: "id"}, Region: "cn-hangzhou"},
	} {
		entry, err := logical.StorageEntryJSON(path, value)
		require.NoError(t, err)
		require.NoError(t, conf.StorageView.Put(context.Background(), entry))
	}
	return b, conf.StorageView
}

func BenchmarkEncrypt(b *testing.B) {
	benchmarkRequest(b, "encrypt/a", body{"plaintext": hello})
}

func BenchmarkDecrypt(b *testing.B) {
	benchmarkRequest(b, "decrypt/a", body{"ciphertext": "vault:v1:QUJD"})
}

func BenchmarkBatchOf100(b *testing.B) {
	items := make([]any, 100)
	for i := range items {
		items[i] = body{"plaintext": hello}
	}
	benchmarkRequest(b, "encrypt/a", body{"batch_input": items})
}

func benchmarkRequest(b *testing.B, path string, data map[string]any) {
	engine, storage := newInstantBackend(b)
	b.ReportAllocs()
	for b.Loop() {
		_, err := engine.HandleRequest(context.Background(),
			&logical.Request{Operation: logical.UpdateOperation, Path: path, Data: data, Storage: storage})
		if err != nil {
			b.Fatal(err)
		}
	}
}
