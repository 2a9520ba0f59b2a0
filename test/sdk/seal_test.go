package sdk

import (
	"context"
	"maps"
	"os"
	"testing"

	hashicorp "github.com/hashicorp/go-kms-wrapping/v2"
	openbao "github.com/openbao/go-kms-wrapping/v2"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/seal"
)

// A sealer is a seal as a server uses it: its blobs are stored as bytes, and read by whatever seal the server has
// later.
type sealer struct {
	seal   func(t *testing.T, plaintext, aad []byte) (stored []byte, keyID string)
	unseal func(t *testing.T, stored, aad []byte) ([]byte, error)
	keyID  func(t *testing.T) string
}

// wrapper is a wrapper of either wrapping library, which has its own blobs B and options O.
type wrapper[B, O any] interface {
	Encrypt(ctx context.Context, plaintext []byte, options ...O) (B, error)
	Decrypt(ctx context.Context, sealed B, options ...O) ([]byte, error)
	KeyId(ctx context.Context) (string, error)
}

// sealerOf makes a sealer of a wrapper.
func sealerOf[B proto.Message, O any](
	w wrapper[B, O], newBlob func() B, keyOf func(B) string, withAAD func([]byte) O,
) sealer {
	return sealer{
		seal: func(t *testing.T, plaintext, aad []byte) ([]byte, string) {
			t.Helper()
			sealed, err := w.Encrypt(t.Context(), plaintext, withAAD(aad))
			require.NoError(t, err)
			stored, err := proto.Marshal(sealed)
			require.NoError(t, err)
			return stored, keyOf(sealed)
		},
		unseal: func(t *testing.T, stored, aad []byte) ([]byte, error) {
			t.Helper()
			sealed := newBlob()
			require.NoError(t, proto.Unmarshal(stored, sealed))
			return w.Decrypt(t.Context(), sealed, withAAD(aad))
		},
		keyID: func(t *testing.T) string {
			t.Helper()
			id, err := w.KeyId(t.Context())
			require.NoError(t, err)
			return id
		},
	}
}

// builtIn is the seal that is part of Vault and OpenBao.
func builtIn(t *testing.T, keyID string) sealer {
	t.Helper()
	w, err := newWrapper(t, dev.access, keyID)
	require.NoError(t, err)
	newBlob := func() *hashicorp.BlobInfo { return new(hashicorp.BlobInfo) }
	return sealerOf(w, newBlob, func(b *hashicorp.BlobInfo) string { return b.KeyInfo.KeyId }, hashicorp.WithAad)
}

// plugged is our seal, configured exactly as the built-in one, except for the CA, which that one takes from
// SSL_CERT_FILE.
func plugged(t *testing.T, keyID string) sealer {
	t.Helper()
	return pluggedWith(t, keyID, map[string]string{"domain": dev.address, "ca_cert": os.Getenv("SSL_CERT_FILE")})
}

// pluggedToInstance is our seal over the dedicated gateway of an instance. It knows no other endpoint here.
func pluggedToInstance(t *testing.T, keyID string) sealer {
	t.Helper()
	return pluggedWith(t, keyID, map[string]string{
		"ca_cert": devGateway.dedicated.ca,
		"gateway": "dedicated", "kms_instance_id": devInstance, "instance_endpoint": devGateway.dedicated.listener,
	})
}

func pluggedWith(t *testing.T, keyID string, settings map[string]string) sealer {
	t.Helper()
	maps.Copy(settings, map[string]string{
		"kms_key_id": keyID, "region": kmsapi.DefaultRegion, "access_key": dev.id, "secret_key": dev.secret,
	})
	w := new(seal.Wrapper)
	_, err := w.SetConfig(t.Context(), openbao.WithConfigMap(settings))
	require.NoError(t, err)
	newBlob := func() *openbao.BlobInfo { return new(openbao.BlobInfo) }
	return sealerOf(w, newBlob, func(b *openbao.BlobInfo) string { return b.KeyInfo.KeyId }, openbao.WithAad)
}

// ways are migrations from one seal to the other and back.
var ways = map[string]struct {
	from, to func(*testing.T, string) sealer
	// newKey makes a key for both.
	newKey func(player) string
}{
	"from the built-in seal to ours":                          {builtIn, plugged, newSharedKey},
	"from ours to the built-in seal":                          {plugged, builtIn, newSharedKey},
	"from the built-in seal to ours over a dedicated gateway": {builtIn, pluggedToInstance, player.newInstanceKey},
	"from ours over a dedicated gateway to the built-in seal": {pluggedToInstance, builtIn, player.newInstanceKey},
}

// newSharedKey makes a key that is in no instance.
func newSharedKey(p player) string { return p.newKey(kmsapi.CreateKeyRequest{}).KeyId }

func TestEachSealDecryptsWhatTheOtherEncrypted(t *testing.T) {
	p := ourOwn.player(t)
	for way, seals := range ways {
		key, name := seals.newKey(p), newAlias()
		p.must(&kmsapi.CreateAliasRequest{AliasName: name, KeyId: key})
		for _, keyID := range []string{key, name} {
			t.Run(way+" by "+keyID, func(t *testing.T) {
				from, to := seals.from(t, keyID), seals.to(t, keyID)
				require.Equal(t, key, from.keyID(t))
				require.Equal(t, key, to.keyID(t))
				for _, plaintext := range [][]byte{{}, []byte("root key"), pattern(100_000)} {
					for _, aad := range [][]byte{nil, []byte("the path")} {
						stored, sealedBy := from.seal(t, plaintext, aad)
						require.Equal(t, key, sealedBy, "or a server would reseal its keys")
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

// A migration may come with a new CMK, or with an alias that now names another one.
func TestEachSealDecryptsWhatTheOtherEncryptedWithAnotherKey(t *testing.T) {
	for way, seals := range ways {
		t.Run(way, func(t *testing.T) {
			p := ourOwn.player(t)
			before, after, name := seals.newKey(p), seals.newKey(p), newAlias()
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
				_, sealedBy := to.seal(t, []byte("new"), nil)
				require.Equal(t, after, sealedBy)
				require.Equal(t, after, to.keyID(t), "or a server would not reseal its keys")
			}
		})
	}
}
