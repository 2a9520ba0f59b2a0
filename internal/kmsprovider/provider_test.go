package kmsprovider

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	kms "k8s.io/kms/apis/v2"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

func TestWhatIsSealedOpensAgain(t *testing.T) {
	r := newRig(t)
	made := seal(t, r.Provider, "a seed of 32 bytes for data keys")
	require.Regexp(t, `^acs:kms:cn-hangzhou:[0-9]+:key/`+r.backend.Key.ID+`/[0-9a-f-]{36}$`, made.KeyId)
	require.Equal(t, made.KeyId, r.status().KeyId)
	require.NotContains(t, string(made.Ciphertext), "a seed")
	opened, err := open(t, r.Provider, made)
	require.NoError(t, err)
	require.Equal(t, "a seed of 32 bytes for data keys", opened)
}

func TestARotationIsSeenByTheNextCheckOrTheNextEncrypt(t *testing.T) {
	for name, see := range map[string]func(*rig){
		"check":   func(r *rig) { require.NoError(r.t, r.Check(r.t.Context())) },
		"encrypt": func(r *rig) { seal(r.t, r.Provider, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			old := seal(t, r.Provider, "x")
			_, err := r.client.CreateKeyVersion(t.Context(), &kmsapi.CreateKeyVersionRequest{KeyId: r.backend.Key.ID})
			require.NoError(t, err)
			require.Equal(t, old.KeyId, r.status().KeyId)
			see(r)
			require.NotEqual(t, old.KeyId, r.status().KeyId)
			require.Equal(t, r.status().KeyId, seal(t, r.Provider, "x").KeyId)
			opened, err := open(t, r.Provider, old)
			require.NoError(t, err)
			require.Equal(t, "x", opened)
		})
	}
}

func TestOnlyListedKeysDecrypt(t *testing.T) {
	r := newRig(t)
	other := r.provide(&KMS{Client: r.client, Key: r.newKey(), Cluster: "prod"})
	foreign, own := seal(t, other, "x"), seal(t, r.Provider, "x")

	sent := r.client.sent.Load()
	_, err := open(t, r.Provider, foreign)
	require.Equal(t, codes.PermissionDenied, codeOf(err))
	require.ErrorContains(t, err, "-previous-key")
	require.Equal(t, sent, r.client.sent.Load(), "KMS would have opened it")

	for name, forged := range map[string]*kms.EncryptResponse{
		"another key":     {Ciphertext: foreign.Ciphertext, KeyId: own.KeyId},
		"another version": {Ciphertext: own.Ciphertext, KeyId: own.KeyId[:len(own.KeyId)-1] + "-"},
		"no key":          {Ciphertext: own.Ciphertext, KeyId: "1"},
	} {
		_, err = open(t, r.Provider, forged)
		require.Equal(t, codes.PermissionDenied, codeOf(err), name)
	}
	r.backend.Previous = []Key{{ID: keyOf(t, foreign)}}
	opened, err := open(t, r.Provider, foreign)
	require.NoError(t, err)
	require.Equal(t, "x", opened)
}

// keyOf returns the id of the KMS key in a key id.
func keyOf(t *testing.T, made *kms.EncryptResponse) string {
	t.Helper()
	named, ok := parseKeyVersion(made.KeyId)
	require.True(t, ok)
	return named.key.id
}

func TestAnotherClusterIsRefused(t *testing.T) {
	r := newRig(t)
	other := r.provide(&KMS{Client: r.client, Key: r.backend.Key, Cluster: "test"})
	_, err := open(t, other, seal(t, r.Provider, "x"))
	require.Equal(t, codes.InvalidArgument, codeOf(err))
	require.ErrorContains(t, err, `a cluster other than "test"`)
}

func TestWhatCouldNotBeReadIsNotStored(t *testing.T) {
	r := newRig(t)
	require.NoError(t, r.kms.Reload(kmstest.Allowing(kmsapi.OpEncrypt, kmsapi.OpDescribeKey)))
	_, err := r.Encrypt(t.Context(), &kms.EncryptRequest{Plaintext: []byte("x")})
	require.Equal(t, codes.PermissionDenied, codeOf(err))
	require.ErrorContains(t, err, "does not open, so it is not stored")
	_, err = r.TryOut(t.Context())
	require.Error(t, err)
}

func TestSizes(t *testing.T) {
	r := newRig(t)
	longest := strings.Repeat("x", maxPlaintext)
	made := seal(t, r.Provider, longest)
	require.LessOrEqual(t, len(made.Ciphertext), maxCiphertext)
	for _, n := range []int{0, maxPlaintext + 1} {
		_, err := r.Encrypt(t.Context(), &kms.EncryptRequest{Plaintext: make([]byte, n)})
		require.Equal(t, codes.InvalidArgument, codeOf(err))
	}
	later := map[string][]byte{formatAnnotation: []byte("2")}
	for name, bad := range map[string]*kms.EncryptResponse{
		"no ciphertext":   {KeyId: made.KeyId},
		"a long one":      {KeyId: made.KeyId, Ciphertext: make([]byte, maxCiphertext+1)},
		"no key id":       {Ciphertext: made.Ciphertext},
		"a long key id":   {Ciphertext: made.Ciphertext, KeyId: strings.Repeat("k", maxKeyID+1)},
		"a later format":  {Ciphertext: made.Ciphertext, KeyId: made.KeyId, Annotations: later},
		"an altered one":  {Ciphertext: append(made.Ciphertext[:60:60], make([]byte, 40)...), KeyId: made.KeyId},
		"random bytes":    {Ciphertext: make([]byte, 100), KeyId: made.KeyId},
		"one of no bytes": {Ciphertext: []byte{0}, KeyId: made.KeyId},
	} {
		_, err := open(t, r.Provider, bad)
		require.Error(t, err, name)
	}
}

func TestAKeyThatCannotEncryptIsSeen(t *testing.T) {
	r := newRig(t)
	_, err := r.client.DisableKey(t.Context(), &kmsapi.DisableKeyRequest{KeyId: r.backend.Key.ID})
	require.NoError(t, err)
	require.Error(t, r.Check(t.Context()))
	require.Contains(t, r.status().Healthz, "Rejected.Disabled")
	require.Empty(t, r.status().KeyId)
	_, err = r.client.EnableKey(t.Context(), &kmsapi.EnableKeyRequest{KeyId: r.backend.Key.ID})
	require.NoError(t, err)
	require.NoError(t, r.Check(t.Context()))
	require.Equal(t, "ok", r.status().Healthz)
}

func TestATryFindsAPreviousKeyThatIsNoLongerThere(t *testing.T) {
	r := newRig(t)
	r.backend.Previous = []Key{r.newKey()}
	keyID, err := r.TryOut(t.Context())
	require.NoError(t, err)
	require.Equal(t, r.status().KeyId, keyID)
	previous := r.backend.Previous[0]
	_, err = r.client.DisableKey(t.Context(), &kmsapi.DisableKeyRequest{KeyId: previous.ID})
	require.NoError(t, err)
	_, err = r.TryOut(t.Context())
	require.ErrorIs(t, err, kmsapi.ErrRejectedDisabled)
	require.ErrorContains(t, err, "the previous key "+previous.ID)
	r.backend.Previous = []Key{{ID: "misspelt"}}
	_, err = r.TryOut(t.Context())
	require.ErrorIs(t, err, kmsapi.ErrKeyNotFound)
}

func TestAnAwayKMSIsSeenAndComesBack(t *testing.T) {
	r := newRig(t)
	before := r.status()
	r.kms.Stop()
	require.Error(t, r.Check(t.Context()))
	require.Contains(t, r.status().Healthz, "DescribeKey at")
	r.kms.Start()
	require.NoError(t, r.Check(t.Context()))
	require.Equal(t, before.KeyId, r.status().KeyId)
}

// hanging is a backend that answers when the context ends.
type hanging struct{ Backend }

func (hanging) Current(ctx context.Context) (string, error) {
	<-ctx.Done()
	return "", ctx.Err()
}

func TestStatusWaitsForNothing(t *testing.T) {
	r := newRig(t)
	stuck := r.provide(hanging{})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- stuck.Check(ctx) }()
	began := time.Now()
	answer, err := stuck.Status(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, noCheckYet, answer.Healthz)
	require.Less(t, time.Since(began), checkTimeout)
	cancel()
	require.ErrorIs(t, <-ended, context.Canceled)
	answer, err = stuck.Status(t.Context(), nil)
	require.NoError(t, err)
	require.Equal(t, noCheckYet, answer.Healthz, "that the provider stops says nothing of the key")
}

func TestADedicatedGatewayIsEnough(t *testing.T) {
	service := kmstest.Configured(t, kmstest.NoInternetAccess)
	r := &rig{t: t, kms: service, client: dial(t, service)}
	made, err := r.client.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{DKMSInstanceId: service.Instance.ID})
	require.NoError(t, err)
	dedicated := &counted{Client: r.client.Instance(service.Instance.ID)}
	key, err := ParseKey(made.KeyMetadata.Arn)
	require.NoError(t, err)
	r.Provider = r.provide(&KMS{Client: dedicated, Key: key, Cluster: "prod", Dedicated: true})
	require.NoError(t, r.kms.Reload(kmstest.Allowing(kmsapi.OpEncrypt, kmsapi.OpDecrypt)))
	require.NoError(t, r.Check(t.Context()))
	opened, err := open(t, r.Provider, seal(t, r.Provider, "x"))
	require.NoError(t, err)
	require.Equal(t, "x", opened)
	require.Equal(t, r.status().KeyId, seal(t, r.Provider, "x").KeyId)
}
