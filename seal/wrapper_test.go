package seal

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/openbao/go-kms-wrapping/v2"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestTheSealOpensWhatItSealed(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		r.alias("alias/unseal", r.key)
		plaintexts := map[string]string{
			"nothing": "", "a byte": "x", "more than KMS takes": strings.Repeat("secret ", 20_000),
		}
		for _, keyID := range []string{r.key, "alias/unseal"} {
			w, other := r.wrapper(map[string]string{"kms_key_id": keyID}), r.wrapper(nil)
			require.Equal(t, r.key, r.current(w), "it reports the KMS key behind an alias before anything is sealed")
			for name, plaintext := range plaintexts {
				t.Run(name+" by "+keyID, func(t *testing.T) {
					r.opens(w, r.seal(w, plaintext), plaintext)
					aad := wrapping.WithAad([]byte("a path"))
					blob := r.seal(w, plaintext, aad, nil)
					require.Equal(t, r.key, blob.KeyInfo.KeyId)
					r.opens(other, blob, plaintext, aad, nil)
					_, err := other.Decrypt(t.Context(), blob)
					require.ErrorIs(t, err, ErrAltered)
				})
			}
		}
	})
}

// The layout is that of the wrapper that this one replaces, so it must never change.
func TestBlobLayoutIsStable(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		blob := r.seal(r.wrapper(nil), "secret")
		require.Len(t, blob.Iv, 12)
		require.Len(t, blob.Ciphertext, len("secret")+16)
		require.Zero(t, blob.KeyInfo.Mechanism)
		opened, err := r.admin.Decrypt(t.Context(), &kmsapi.DecryptRequest{CiphertextBlob: string(blob.KeyInfo.WrappedKey)})
		require.NoError(t, err)
		require.Len(t, opened.Plaintext.Reveal(), 44, "base64 of 32 bytes")
	})
}

func TestKeyIdFollowsTheAlias(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		r.alias("alias/unseal", r.key)
		w := r.wrapper(map[string]string{"kms_key_id": "alias/unseal"})
		old := r.seal(w, "secret")

		next := r.newKey()
		r.alias("alias/unseal", next)
		require.Equal(t, r.key, r.current(w), "it does not know yet")
		require.Equal(t, next, r.seal(w, "another").KeyInfo.KeyId)
		require.Equal(t, next, r.current(w), "the server sees that its stored keys must be sealed again")
		r.opens(w, old, "secret")
		require.Equal(t, next, r.current(w), "to open a blob does not make its key the current one")
	})
}

func TestOldBlobsOpenAfterAChangeOfTheKey(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		old := r.seal(r.wrapper(nil), "secret")
		next := r.newKey()
		w := r.wrapper(map[string]string{"kms_key_id": next})
		require.Equal(t, next, r.current(w))
		r.opens(w, old, "secret")
		r.disable(r.key)
		_, err := w.Decrypt(t.Context(), old)
		require.ErrorContains(t, err, r.key, "the old key must be enabled")
	})
}

// Servers do this every ten minutes, on each node.
func TestAHealthCheckCostsTwoCalls(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		w := r.wrapper(nil)
		since := len(r.audited(0))
		r.opens(w, r.seal(w, "Heartbeat 1"), "Heartbeat 1")
		r.current(w)
		require.Equal(t, []string{"Encrypt", "Decrypt"}, r.audited(since))
	})
}

// A disabled key does not prevent a server from starting: it stays sealed until the key is enabled.
func TestADisabledKeyFailsCallsUntilItIsEnabled(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		blob := r.seal(r.wrapper(nil), "secret")
		r.disable(r.key)
		w := r.wrapper(nil)
		_, err := w.Decrypt(t.Context(), blob)
		require.ErrorIs(t, err, kmsapi.ErrRejectedDisabled)
		r.enable(r.key)
		r.opens(w, blob, "secret")
	})
}

func TestNothingWorksBeforeSetConfigAndAfterFinalize(t *testing.T) {
	r := newRig(t)
	finalized := r.wrapper(nil)
	blob := r.seal(finalized, "secret")
	require.NoError(t, finalized.Finalize(t.Context()))
	for name, w := range map[string]*Wrapper{"before SetConfig": {}, "after Finalize": finalized} {
		t.Run(name, func(t *testing.T) {
			_, err := w.Encrypt(t.Context(), []byte("secret"))
			require.ErrorIs(t, err, ErrNotConfigured)
			_, err = w.Decrypt(t.Context(), blob)
			require.ErrorIs(t, err, ErrNotConfigured)
			_, err = w.KeyId(t.Context())
			require.ErrorIs(t, err, ErrNotConfigured)
			require.ErrorIs(t, w.Init(t.Context()), ErrNotConfigured)
			require.NoError(t, w.Finalize(t.Context()))
			kind, err := w.Type(t.Context())
			require.NoError(t, err)
			require.Equal(t, Type, kind)
		})
	}
}

func TestSetConfigReplacesAllOrNothing(t *testing.T) {
	r := newRig(t)
	w := r.wrapper(nil)
	blob := r.seal(w, "secret")
	for name, changes := range map[string]map[string]string{
		"a setting that does not exist": {"reigon": "cn-hangzhou"},
		"a key that does not exist":     {"kms_key_id": "8d6b5f50-7e57-4a0e-9d6f-000000000000"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.SetConfig(t.Context(), wrapping.WithConfigMap(r.settings(changes)))
			require.Error(t, err)
			require.Equal(t, r.key, r.current(w))
			r.opens(w, blob, "secret")
		})
	}
	next := r.newKey()
	configured, err := w.SetConfig(t.Context(), wrapping.WithConfigMap(r.settings(map[string]string{"kms_key_id": next})))
	require.NoError(t, err)
	shown := map[string]string{"region": r.kms.Region, "kms_key_id": next, "domain": r.kms.Endpoint}
	require.Equal(t, shown, configured.Metadata)
	require.Equal(t, next, r.current(w))
}

func TestAlteredBlobsDoNotOpen(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		w := r.wrapper(nil)
		flip := func(b []byte) { b[len(b)/2] ^= 1 }
		wrap := func(plaintext string) func(*wrapping.BlobInfo) {
			request := &kmsapi.EncryptRequest{KeyId: r.key, Plaintext: kmsapi.NewSecret(plaintext)}
			wrapped, err := r.admin.Encrypt(t.Context(), request)
			require.NoError(t, err)
			return func(b *wrapping.BlobInfo) { b.KeyInfo.WrappedKey = []byte(wrapped.CiphertextBlob) }
		}
		other := r.seal(w, "other").KeyInfo
		for name, tc := range map[string]struct {
			alter func(*wrapping.BlobInfo)
			want  error
		}{
			"another nonce":              {func(b *wrapping.BlobInfo) { flip(b.Iv) }, ErrAltered},
			"another ciphertext":         {func(b *wrapping.BlobInfo) { flip(b.Ciphertext) }, ErrAltered},
			"a cut ciphertext":           {func(b *wrapping.BlobInfo) { b.Ciphertext = b.Ciphertext[:3] }, ErrAltered},
			"no nonce and no ciphertext": {func(b *wrapping.BlobInfo) { b.Iv, b.Ciphertext = nil, nil }, ErrAltered},
			"the key of another blob":    {func(b *wrapping.BlobInfo) { b.KeyInfo = other }, ErrAltered},
			"a key of another length":    {wrap("c2hvcnQ="), ErrAltered},
			"a key that is not base64":   {wrap("***canary***"), ErrAltered},
			"a key that KMS did not wrap": {
				func(b *wrapping.BlobInfo) { b.KeyInfo.WrappedKey = []byte("canary") }, kmsapi.ErrInvalidParameter,
			},
			"no key":                    {func(b *wrapping.BlobInfo) { b.KeyInfo.WrappedKey = nil }, errNoBlob},
			"no information on the key": {func(b *wrapping.BlobInfo) { b.KeyInfo = nil }, errNoBlob},
		} {
			t.Run(name, func(t *testing.T) {
				blob := r.seal(w, "secret")
				tc.alter(blob)
				opened, err := w.Decrypt(t.Context(), blob)
				require.ErrorIs(t, err, tc.want)
				require.NotContains(t, err.Error(), "canary")
				require.Nil(t, opened)
			})
		}
		_, err := w.Decrypt(t.Context(), nil)
		require.ErrorIs(t, err, errNoBlob)
		newer := r.seal(w, "secret")
		newer.KeyInfo.Mechanism = 1
		_, err = w.Decrypt(t.Context(), newer)
		require.ErrorContains(t, err, "mechanism 1")
	})
}

// OpenBao 2.5.0 stored the nonce at the beginning of the ciphertext.
func TestTheNonceMayPrecedeTheCiphertext(t *testing.T) {
	r := newRig(t)
	w := r.wrapper(nil)
	blob := r.seal(w, "secret")
	blob.Ciphertext, blob.Iv = append(blob.Iv, blob.Ciphertext...), nil
	r.opens(w, blob, "secret")
}

func TestOneWrapperSealsWithOneKey(t *testing.T) {
	r := newRig(t)
	w := r.wrapper(nil)
	_, err := w.Encrypt(t.Context(), []byte("secret"), wrapping.WithKeyId(r.newKey()))
	require.ErrorIs(t, err, errOtherKeyID)
	r.opens(w, r.seal(w, "secret", wrapping.WithKeyId(r.key)), "secret")

	foreign := func() any { return "an option of another package" }
	_, err = w.Encrypt(t.Context(), []byte("secret"), foreign)
	require.Error(t, err)
	_, err = w.Decrypt(t.Context(), r.seal(w, "secret"), foreign)
	require.Error(t, err)
	_, err = w.SetConfig(t.Context(), foreign)
	require.Error(t, err)
}

// For the race detector: opening a blob must not write to it.
func TestABlobIsOpenedConcurrently(t *testing.T) {
	r := newRig(t)
	w := r.wrapper(nil)
	blob := r.seal(w, "secret")
	roomy := r.seal(w, "secret")
	roomy.Iv = append(make([]byte, 0, 100), roomy.Iv...)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for _, b := range []*wrapping.BlobInfo{blob, roomy} {
				opened, err := w.Decrypt(t.Context(), b)
				if err != nil || string(opened) != "secret" {
					t.Error(string(opened), err)
				}
			}
		})
		all.Go(func() {
			if _, err := w.Encrypt(t.Context(), []byte("other")); err != nil {
				t.Error(err)
			}
			if _, err := w.KeyId(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

func TestTheWrapperPrintsNoSecret(t *testing.T) {
	w := newRig(t).wrapper(nil)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		require.Equal(t, "seal alicloudkms", fmt.Sprintf(verb, w))
	}
}
