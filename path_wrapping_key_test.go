package alicloudkms

import (
	"bytes"
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/keywrap/keywraptest"
)

// haveWrappingKey stores the wrapping key of the vectors, because a new one takes seconds.
func (r *rig) haveWrappingKey() *rsa.PublicKey {
	r.t.Helper()
	v, key := keywraptest.Read(r.t)
	r.storeRaw(wrappingKeyPath, storedWrappingKey{PKCS8: v.WrappingKey})
	return &key.PublicKey
}

func (r *rig) storeRaw(path string, value any) {
	r.t.Helper()
	text, err := json.Marshal(value)
	require.NoError(r.t, err)
	require.NoError(r.t, r.storage.InmemStorage.Put(r.t.Context(), &logical.StorageEntry{Key: path, Value: text}))
}

func (r *rig) wrappingKey() *rsa.PublicKey {
	r.t.Helper()
	text := r.read("wrapping_key").Data["public_key"].(string)
	block, rest := pem.Decode([]byte(text))
	require.NotNil(r.t, block)
	require.Empty(r.t, rest)
	require.Equal(r.t, "PUBLIC KEY", block.Type)
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	require.NoError(r.t, err)
	return key.(*rsa.PublicKey)
}

func TestConcurrentFirstReadsGetOneWrappingKeyEvenIfSomeAreCancelled(t *testing.T) {
	r := newRig(t)
	started := make(chan struct{})
	gone, leave := context.WithCancel(t.Context())
	var once, group sync.WaitGroup
	once.Add(1)
	r.storage.onGet = func(string) { // The first caller cancels its request while its key is being made.
		r.storage.onGet = nil
		close(started)
		leave()
	}
	group.Go(func() {
		_, err := r.tryIn(gone, logical.ReadOperation, "wrapping_key", nil)
		refused(t, err, 503, "try again")
		once.Done()
	})
	<-started
	answers := make([]string, 4)
	for i := range answers {
		group.Go(func() {
			resp, err := r.try(logical.ReadOperation, "wrapping_key", nil)
			if err == nil {
				answers[i] = resp.Data["public_key"].(string)
			}
		})
	}
	group.Wait()
	once.Wait()
	key := r.wrappingKey()
	require.Equal(t, wrappingKeyBits, key.N.BitLen())
	for _, answer := range answers {
		require.Equal(t, r.read("wrapping_key").Data["public_key"], answer)
	}
	require.Equal(t, 1, r.storage.calls["put"])
	require.NotContains(t, r.log.String(), "PRIVATE")
}

func TestWrappingKeyOutlivesARestart(t *testing.T) {
	r := newRig(t)
	key := r.haveWrappingKey()
	require.Equal(t, key, r.wrappingKey())
	conf := logical.TestBackendConfig()
	b, err := newBackend(t.Context(), conf, r.process())
	require.NoError(t, err)
	r.b = b
	require.Equal(t, key, r.wrappingKey())
	require.Zero(t, r.storage.calls["put"])
}

func TestWrappingKeyThatCannotBeStoredIsNotShown(t *testing.T) {
	r := newRig(t)
	r.storage.reset("put", 1)
	resp, err := r.try(logical.ReadOperation, "wrapping_key", nil)
	require.ErrorIs(t, err, errStorage)
	require.Nil(t, resp)
	require.Equal(t, r.wrappingKey(), r.wrappingKey())
	require.Equal(t, 2, r.storage.calls["put"])
	r.storage.reset("get", 1)
	_, err = r.try(logical.ReadOperation, "wrapping_key", nil)
	require.ErrorIs(t, err, errStorage)
}

func TestDamagedWrappingKeyIsNeverReplaced(t *testing.T) {
	v, _ := keywraptest.Read(t)
	for name, stored := range map[string]any{
		"not the expected JSON": "hidden",
		"empty":                 storedWrappingKey{},
		"cut":                   storedWrappingKey{PKCS8: v.WrappingKey[:1000]},
		"with a bit changed":    storedWrappingKey{PKCS8: keywraptest.Flip(bytes.Clone(v.WrappingKey), 700)},
		"garbage":               storedWrappingKey{PKCS8: []byte("0\x81\x87not a key")},
		"another field":         body{"pem": "hidden"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			r.storeRaw(wrappingKeyPath, stored)
			before, err := r.storage.InmemStorage.Get(t.Context(), wrappingKeyPath)
			require.NoError(t, err)
			r.storage.reset("", 0)
			for _, try := range []func() (*logical.Response, error){
				func() (*logical.Response, error) { return r.try(logical.ReadOperation, "wrapping_key", nil) },
				func() (*logical.Response, error) {
					return r.tryWrite("keys/mine/import", body{"ciphertext": b64(v.Ciphertexts["SHA256"])})
				},
			} {
				_, err = try()
				require.ErrorContains(t, err, "damaged")
				require.NotContains(t, err.Error(), "hidden")
			}
			after, err := r.storage.InmemStorage.Get(t.Context(), wrappingKeyPath)
			require.NoError(t, err)
			require.Equal(t, before, after)
			require.Zero(t, r.storage.calls["put"])
			require.Zero(t, r.kms.count("CreateKey"))
		})
	}
	r := newRig(t)
	small, err := rsaOf(2048)
	require.NoError(t, err)
	r.storeRaw(wrappingKeyPath, storedWrappingKey{PKCS8: small})
	_, err = r.try(logical.ReadOperation, "wrapping_key", nil)
	require.ErrorContains(t, err, "4096 bits")
	require.False(t, strings.Contains(r.log.String(), "was made"))
}
