package alicloudkms

import (
	"context"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// instantKMS answers Encrypt, Decrypt and AsymmetricSign at once, so that only the engine's own time is measured.
type instantKMS struct{ kms }

// instantSecret is the base64 of every data key, and of every other plaintext of instantKMS.
var instantSecret = zeros(envelope.KeySize)

func (instantKMS) Do(_ context.Context, r kmsapi.Request) (kmsapi.Response, error) {
	switch r.Operation() {
	case kmsapi.OpEncrypt:
		return &kmsapi.EncryptResponse{KeyId: "id", CiphertextBlob: "QUJD"}, nil
	case kmsapi.OpAsymmetricSign:
		return &kmsapi.AsymmetricSignResponse{KeyId: "pair", KeyVersionId: "version", Value: signatureOfNobody}, nil
	default:
		return &kmsapi.DecryptResponse{KeyId: "id", Plaintext: kmsapi.NewSecret(instantSecret)}, nil
	}
}

// zeros returns the base64 of n zero bytes.
func zeros(n int) string { return base64.StdEncoding.EncodeToString(make([]byte, n)) }

// instantEnvelope returns the entry of a key with a data key.
func instantEnvelope() *keyEntry {
	return &keyEntry{
		format: formatEnvelope, storedCMK: storedCMK{KeyID: "id"}, Region: "cn-hangzhou",
		Encryption: encryptionEnvelope, EnvelopeID: envelope.ID{1},
		versions: versions.New(versions.Row{CMK: "id", WrappedKey: zeros(124)}),
	}
}

// signatureOfNobody is a DER signature, but not one of instantPair.
const signatureOfNobody = "MEQCIF5rDpNI/rgr7kqTTU5JlzrveqkYb+fmn0iSNukSz2M7AiBYTmoNJHQDxhZuf3EqFfz5DAYXwK/nu43Mxn+ShKG/cA=="

// instantPair returns the entry of a key on the curve secp256r1.
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

// newInstantBackend makes an engine with keys of three kinds ("a", "envelope", "pair"), on a KMS that takes no time.
func newInstantBackend(t testing.TB) (*backend, logical.Storage) {
	t.Helper()
	conf := logical.TestBackendConfig()
	conf.StorageView, conf.Logger = &logical.InmemStorage{}, hclog.NewNullLogger()
	instant := newProcess(func(client.Config) (kms, error) { return instantKMS{}, nil })
	b, err := newBackend(context.Background(), conf, instant)
	require.NoError(t, err)
	for path, value := range map[string]any{
		configPath:             with(goodConfig(), nil),
		keyPrefix + "a":        &keyEntry{storedCMK: storedCMK{KeyID: "id"}, Region: "cn-hangzhou"},
		keyPrefix + "envelope": instantEnvelope(),
		keyPrefix + "pair":     instantPair(t),
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
	benchmarkRequest(b, "encrypt/a", body{"batch_input": slices.Repeat([]any{body{"plaintext": hello}}, 100)})
}

func BenchmarkEnvelopeEncrypt(b *testing.B) {
	benchmarkRequest(b, "encrypt/envelope", body{"plaintext": zeros(1 << 10)})
}

func BenchmarkEnvelopeDecrypt(b *testing.B) {
	benchmarkRequest(b, "decrypt/envelope", body{"ciphertext": instantMessage(b, zeros(1<<10))})
}

// instantMessage returns a ciphertext that the envelope key of every instant backend opens.
func instantMessage(t testing.TB, plaintext string) any {
	t.Helper()
	engine, storage := newInstantBackend(t)
	resp, err := engine.HandleRequest(context.Background(),
		instantRequest(storage, "encrypt/envelope", body{"plaintext": plaintext}))
	require.NoError(t, err)
	return resp.Data["ciphertext"]
}

func BenchmarkEnvelopeBatchOf100(b *testing.B) {
	benchmarkRequest(b, "encrypt/envelope", body{"batch_input": slices.Repeat([]any{body{"plaintext": zeros(64)}}, 100)})
}

func benchmarkRequest(b *testing.B, path string, data body) {
	engine, storage := newInstantBackend(b)
	b.ReportAllocs()
	for b.Loop() {
		resp, err := engine.HandleRequest(context.Background(), instantRequest(storage, path, data))
		if err != nil {
			b.Fatal(err)
		}
		if body := resp.Data[logical.HTTPRawBody]; body != nil {
			b.Fatal(body) // Items failed.
		}
	}
}

// instantRequest makes a request with a copy of the items, because the engine drops them as it goes.
func instantRequest(storage logical.Storage, path string, data body) *logical.Request {
	if items, ok := data["batch_input"].([]any); ok {
		data = body{"batch_input": slices.Clone(items)}
	}
	return &logical.Request{Operation: logical.UpdateOperation, Path: path, Data: data, Storage: storage}
}
