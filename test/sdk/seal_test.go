package sdk

import (
	"os"
	"testing"

	hashicorp "github.com/hashicorp/go-kms-wrapping/v2"
	openbao "github.com/openbao/go-kms-wrapping/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/seal"
)

// A sealer is a seal as a server uses it: its output is stored as bytes, and read by the seal that the server has
// later.
type sealer struct {
	seal   func(t *testing.T, plaintext, aad []byte) (stored []byte, keyID string)
	unseal func(t *testing.T, stored, aad []byte) ([]byte, error)
	keyID  func(t *testing.T) string
}

// builtIn is the seal that is built into Vault and OpenBao.
func builtIn(t *testing.T, keyID string) sealer {
	t.Helper()
	w, err := newWrapper(t, dev.access, keyID)
	require.NoError(t, err)
	return sealer{
		seal: func(t *testing.T, plaintext, aad []byte) ([]byte, string) {
			t.Helper()
			blob, err := w.Encrypt(t.Context(), plaintext, hashicorp.WithAad(aad))
			require.NoError(t, err)
			stored, err := proto.Marshal(blob)
			require.NoError(t, err)
			return stored, blob.KeyInfo.KeyId
		},
		unseal: func(t *testing.T, stored, aad []byte) ([]byte, error) {
			t.Helper()
			blob := new(hashicorp.BlobInfo)
			require.NoError(t, proto.Unmarshal(stored, blob))
			return w.Decrypt(t.Context(), blob, hashicorp.WithAad(aad))
		},
		keyID: func(t *testing.T) string {
			t.Helper()
			id, err := w.KeyId(t.Context())
			require.NoError(t, err)
			return id
		},
	}
}

// plugged is our seal, with the same configuration as the built-in one, and the CA that the built-in one reads from
// SSL_CERT_FILE.
func plugged(t *testing.T, keyID string) sealer {
	t.Helper()
	w := new(seal.Wrapper)
	_, err := w.SetConfig(t.Context(), openbao.WithConfigMap(map[string]string{
		"kms_key_id": keyID, "region": kmsapi.DefaultRegion, "domain": dev.address, "access_key": dev.id,
		"secret_key": dev.secret, "ca_cert": os.Getenv("SSL_CERT_FILE"),
	}))
	require.NoError(t, err)
	return sealer{
		seal: func(t *testing.T, plaintext, aad []byte) ([]byte, string) {
			t.Helper()
			blob, err := w.Encrypt(t.Context(), plaintext, openbao.WithAad(aad))
			require.NoError(t, err)
			stored, err := proto.Marshal(blob)
			require.NoError(t, err)
			return stored, blob.KeyInfo.KeyId
		},
		unseal: func(t *testing.T, stored, aad []byte) ([]byte, error) {
			t.Helper()
			blob := new(openbao.BlobInfo)
			require.NoError(t, proto.Unmarshal(stored, blob))
			return w.Decrypt(t.Context(), blob, openbao.WithAad(aad))
		},
		keyID: func(t *testing.T) string {
			t.Helper()
			id, err := w.KeyId(t.Context())
			require.NoError(t, err)
			return id
		},
	}
}

// ways lead from one seal to the other, as in a migration, and back.
var ways = map[string]struct {
	from, to func(*testing.T, string) sealer
}{
	"from the built-in seal to ours": {builtIn, plugged},
	"from ours to the built-in seal": {plugged, builtIn},
}

func TestSealsUnsealWhatTheOtherHasSealed(t *testing.T) {
	p := dialects[len(dialects)-1].player(t)
	key, name := p.newKey(kmsapi.CreateKeyRequest{}).KeyId, newAlias()
	p.must(&kmsapi.CreateAliasRequest{AliasName: name, KeyId: key})
	for way, seals := range ways {
		for _, keyID := range []string{key, name} {
			t.Run(way+" by "+keyID, func(t *testing.T) {
				from, to := seals.from(t, keyID), seals.to(t, keyID)
				require.Equal(t, key, from.keyID(t))
				require.Equal(t, key, to.keyID(t))
				for _, plaintext := range [][]byte{{}, []byte("root key"), pattern(100_000)} {
					for _, aad := range [][]byte{nil, []byte("the path")} {
						stored, sealedBy := from.seal(t, plaintext, aad)
						require.Equal(t, key, sealedBy, "or a server would seal its keys again")
						opened, err := to.unseal(t, stored, aad)
						require.NoError(t, err)
						require.Equal(t, string(plaintext), string(opened))

						_, err = to.unseal(t, stored, []byte("another path"))
						require.Error(t, err)
					}
				}
			})
		}
	}
}

// A migration may be combined with a new CMK, or with an alias that points at another one.
func TestSealsUnsealWhatTheOtherHasSealedWithAnotherKey(t *testing.T) {
	for way, seals := range ways {
		t.Run(way, func(t *testing.T) {
			p := dialects[len(dialects)-1].player(t)
			before, after := p.newKey(kmsapi.CreateKeyRequest{}).KeyId, p.newKey(kmsapi.CreateKeyRequest{}).KeyId
			name := newAlias()
			p.must(&kmsapi.CreateAliasRequest{AliasName: name, KeyId: before})
			byID, _ := seals.from(t, before).seal(t, []byte("by id"), nil)
			byAlias, _ := seals.from(t, name).seal(t, []byte("by alias"), nil)

			p.must(&kmsapi.UpdateAliasRequest{AliasName: name, KeyId: after})
			for _, keyID := range []string{after, name} {
				to := seals.to(t, keyID)
				for text, stored := range map[string][]byte{"by id": byID, "by alias": byAlias} {
					opened, err := to.unseal(t, stored, nil)
					require.NoError(t, err)
					require.Equal(t, text, string(opened))
				}
				_, sealedBy := to.seal(t, []byte("again"), nil)
				require.Equal(t, after, sealedBy)
				require.Equal(t, after, to.keyID(t), "or a server would not seal its keys again")
			}
		})
	}
}
