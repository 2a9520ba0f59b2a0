package alicloudkms

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/url"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap/keywraptest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The markers must not appear in logs, errors, answers or storage.
const (
	markSecretKey = "marker-of-the-secret-key"
	markToken     = "marker-of-the-security-token"
	markPlaintext = "marker-of-the-plaintext"
	markMaterial  = "marker-of-the-imported-material!" // 32 bytes, the length of key material
)

// requireNoMarker also looks for the encodings in which a marker is sent.
func requireNoMarker(t *testing.T, where, text string) {
	t.Helper()
	for _, mark := range []string{markSecretKey, markToken, markPlaintext, markMaterial} {
		for _, form := range []string{
			mark, hex.EncodeToString([]byte(mark)), fmt.Sprint([]byte(mark)),
			base64.StdEncoding.EncodeToString([]byte(mark)), url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(mark))),
		} {
			require.NotContains(t, text, form, where)
		}
	}
}

// failures returns KMS's answers in turn. The first is nil, a success.
func failures() []error {
	return []error{
		nil,
		kmsapi.ErrKeyNotFound,
		kmsapi.ErrRejectedDisabled,
		kmsapi.ErrInternalFailure,
		&kmsapi.Error{Code: "SignatureDoesNotMatch", HTTPStatus: 400, Message: "server string to sign is:" + markToken +
			base64.StdEncoding.EncodeToString([]byte(markPlaintext))},
		&client.TransportError{Operation: kmsapi.OpEncrypt, Endpoint: "kms:443", Err: context.DeadlineExceeded},
		context.Canceled,
	}
}

func TestNoSecretIsLoggedReturnedInAnErrorOrStoredElsewhere(t *testing.T) {
	for i, failure := range failures() {
		t.Run(fmt.Sprintf("failure %d", i), func(t *testing.T) {
			r := newKeyRig(t, "a", "b")
			r.haveWrappingKey()
			r.write("config", body{"secret_key": markSecretKey, "security_token": markToken})
			text := base64.StdEncoding.EncodeToString([]byte(markPlaintext))
			ciphertext := r.encrypt("a", text)
			wrapped := r.wrapped([]byte(markMaterial))
			material := base64.StdEncoding.EncodeToString([]byte(markMaterial))
			r.kms.before = func(context.Context, kmsapi.Request) error { return failure }
			everyOperation(r.backend(), func(op logical.Operation, path string) {
				for _, data := range []map[string]any{
					nil,
					{"plaintext": text},
					{"plaintext": markPlaintext},
					{"plaintext": []any{markPlaintext}},
					{"plaintext": text, "nonce": markPlaintext},
					{"plaintext": text, "context": text},
					{"plaintext": text, "type": markPlaintext},
					{"plaintext": text, "encryption_context": markPlaintext},
					{"plaintext": text, "associated_data": markPlaintext},
					{"batch_input": []any{body{"plaintext": text}, body{"plaintext": markPlaintext}, markPlaintext}},
					{"batch_input": markPlaintext},
					{"batch_input": []any{}, "plaintext": text},
					{"input": markPlaintext},
					{"input": text, "hmac": markPlaintext},
					{"input": text, "hmac": "vault:v1:" + text},
					{"ciphertext": ciphertext},
					{"ciphertext": markPlaintext},
					{"ciphertext": "vault:v1:" + text},
					wrapped,
					with(wrapped, body{"hash_function": "SHA1"}),
					with(wrapped, body{"expire_time": markMaterial}),
					with(wrapped, body{"description": 5}),
					{"ciphertext": markMaterial},
					{"ciphertext": material},
					{"encrypted_key_material": markMaterial, "import_token": markToken},
					{"encrypted_key_material": material, "import_token": markToken},
					{"encrypted_key_material": []any{markMaterial}, "import_token": markToken},
					{"bits": markPlaintext},
					{"number_of_bytes": text},
					{"unknown": markPlaintext},
					{"secret_key": markSecretKey, "security_token": markToken},
					{"secret_key": []any{markSecretKey}, "security_token": markToken},
					{"secret_key": markSecretKey, "max_retries": markToken},
					{"ca_cert": markSecretKey},
					{"endpoint": "https://user:" + markSecretKey + "@kms"},
				} {
					resp, err := r.try(op, path, data)
					if err != nil {
						requireNoMarker(t, fmt.Sprintf("the error of %s %s", op, path), err.Error())
					} else if resp != nil && path != "decrypt/a" {
						requireNoMarker(t, fmt.Sprintf("the answer of %s %s", op, path), fmt.Sprintf("%+v", resp))
					} else if resp != nil {
						requireNoMarker(t, "the warnings of decrypt", fmt.Sprint(resp.Warnings))
					}
				}
				_, err := r.tryWrite("decrypt/b", body{"ciphertext": ciphertext})
				if err != nil {
					requireNoMarker(t, "a ciphertext of another key", err.Error())
				}
			})
			requireNoMarker(t, "the log", r.log.String())
			requireNoMarker(t, "a configuration that is printed", fmt.Sprintf("%+v %#v", r.kms.opened, r.kms.opened))
			names, err := logical.CollectKeys(t.Context(), r.storage)
			require.NoError(t, err)
			for _, name := range names {
				entry, err := r.storage.Get(t.Context(), name)
				require.NoError(t, err)
				if name != configPath {
					requireNoMarker(t, name, string(entry.Value))
				}
			}
		})
	}
}

func TestNoKeyMaterialIsLoggedReturnedOrStored(t *testing.T) {
	for i, failure := range failures() {
		t.Run(fmt.Sprintf("failure %d", i), func(t *testing.T) {
			r := newKeyRig(t)
			data := r.wrapped([]byte(markMaterial))
			_, private := keywraptest.Read(t)
			for _, failing := range []kmsapi.Operation{
				kmsapi.OpCreateKey, kmsapi.OpGetParametersForImport,
				kmsapi.OpImportKeyMaterial,
			} {
				r.kms.before = func(_ context.Context, q kmsapi.Request) error {
					requireNoMarker(t, "a request to KMS", fmt.Sprintf("%+v", q))
					if q.Operation() == failing {
						return failure
					}
					return nil
				}
				resp, err := r.tryWrite("keys/mine/import", data)
				requireNoMarker(t, "the answer", fmt.Sprintf("%+v %v", resp, err))
			}
			for _, mark := range []string{private.D.String(), private.Primes[0].String(), fmt.Sprintf("%x", private.D)} {
				require.NotContains(t, r.log.String(), mark)
			}
			requireNoMarker(t, "the log", r.log.String())
			names, err := logical.CollectKeys(t.Context(), r.storage)
			require.NoError(t, err)
			for _, name := range names {
				entry, err := r.storage.Get(t.Context(), name)
				require.NoError(t, err)
				requireNoMarker(t, name, string(entry.Value))
			}
		})
	}
}
