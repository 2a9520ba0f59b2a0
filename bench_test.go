package alicloudkms

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// instantKMS answers Encrypt, Decrypt and AsymmetricSign at once, so that what is left is the engine's own.
type instantKMS struct{ kms }

func (instantKMS) Do(_ context.Context, r kmsapi.Request) (kmsapi.Response, error) {
	switch r.Operation() {
	case kmsapi.OpEncrypt:
		return &kmsapi.EncryptResponse{KeyId: "id", CiphertextBlob: "QUJD"}, nil
	case kmsapi.OpAsymmetricSign:
		return &kmsapi.AsymmetricSignResponse{KeyId: "pair", KeyVersionId: "version", Value: signatureOfNobody}, nil
	default:
		return &kmsapi.DecryptResponse{KeyId: "id", Plaintext: kmsapi.NewSecret(hello)}, nil
	}
}

// signatureOfNobody is a signature in DER, though not one of instantPair.
const signatureOfNobody = "MEQCIF5rDpNI/rgr7kqTTU5JlzrveqkYb+fmn0iSNukSz2M7AiBYTmoNJHQDxhZuf3EqFfz5DAYXwK/nu43Mxn+ShKG/cA=="

// instantPair is the entry of a key on the curve secp256r1.
func instantPair(t testing.TB) *keyEntry {
	t.Helper()
	public, err := os.ReadFile(filepath.Join("server", "internal", "asymmetric", "testdata", "prime256v1.pub.pem"))
	require.NoError(t, err)
	return &keyEntry{
		format: formatVersions, storedCMK: storedCMK{KeyID: "pair"}, Region: "cn-hangzhou",
		KeySpec: kmsapi.KeySpecP256, KeyUsage: kmsapi.KeyUsageSignVerify,
		versions: versions.New(versions.Row{CMK: "pair", KeyVersionID: "version", PublicKey: string(public)}),
	}
}

// newInstantBackend makes an engine with the key "a", and the key pair "pair", on a KMS that takes no time.
func newInstantBackend(t testing.TB) (*backend, logical.Storage) {
	t.Helper()
	conf := logical.TestBackendConfig()
	conf.StorageView, conf.Logger = &logical.InmemStorage{}, hclog.NewNullLogger()
	instant := newProcess(func(client.Config) (kms, error) { return instantKMS{}, nil })
	b, err := newBackend(context.Background(), conf, instant)
	require.NoError(t, err)
	for path, value := range map[string]any{
		configPath:         with(goodConfig(), nil),
		keyPrefix + "a":    &keyEntry{storedCMK: storedCMK{KeyID: "id"}, Region: "cn-hangzhou"},
		keyPrefix + "pair": instantPair(t),
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

func BenchmarkSign(b *testing.B) {
	benchmarkRequest(b, "sign/pair", body{"input": hello})
}

func BenchmarkSignJWS(b *testing.B) {
	benchmarkRequest(b, "sign/pair", body{"input": hello, "marshaling_algorithm": "jws"})
}

func BenchmarkVerify(b *testing.B) {
	benchmarkRequest(b, "verify/pair", body{"input": hello, "signature": "vault:v1:" + signatureOfNobody})
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
