package server_test

import (
	"flag"
	"maps"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// TestTheServiceBehavesLikeItsModel runs the same random steps on a service and a model of it, with keys, aliases, tags
// and secrets, over days and restarts. For more of them: go test -run Model ./server -rapid.checks=1000.
func TestTheServiceBehavesLikeItsModel(t *testing.T) {
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue && os.Getenv("RAPID_CHECKS") == "" {
		require.NoError(t, checks.Value.Set("10"))
		t.Cleanup(func() { require.NoError(t, checks.Value.Set(checks.DefValue)) })
	}
	rapid.Check(t, func(rt *rapid.T) {
		kms := kmstest.WithOptions(t, kmstest.SM, server.Options{KeyPairs: vectorPair})
		defer kms.Stop()
		m := &model{t: t, kms: kms, client: newClient(t, kms), aliases: map[string]*modelKey{}}
		m.secrets = map[string]*modelSecret{}
		defer m.client.Close()
		rt.Repeat(rapid.StateMachineActions(m))
		m.compareAll(rt)
	})
}

// model is what a service should hold. Its exported methods are the steps of a run: each does the same to the service
// and to the model, and compares their answers.
type model struct {
	t      testing.TB
	kms    *kmstest.KMS
	client *client.Client
	// day counts the days that have passed. Each move of the clock adds another minute, so an event that is due in n
	// days has happened once day has grown by n, and not before.
	day int
	// keys are in the order of their creation, including those that are gone.
	keys    []*modelKey
	aliases map[string]*modelKey
	secrets map[string]*modelSecret
}

// modelKey is a CMK.
type modelKey struct {
	id string
	modelSpec
	external bool
	state    kmsapi.KeyState
	gone     bool
	// material is nil for a CMK of origin EXTERNAL while there is none.
	material []byte
	// deleteDay and expireDay are the days of the deletion and of the material's expiry; expireDay is 0 if it never
	// expires.
	deleteDay, expireDay int
	tags                 map[string]string
	description          string
	protected            bool
	// blob is a ciphertext of the CMK, once there is one. For an asymmetric CMK, made has the signatures and
	// ciphertexts of its versions, and public their public keys, by version id.
	blob   string
	made   []madeByVersion
	public map[string]string
	// versions are the ids of its versions, the oldest first. A version that the sweeper made has "" until its id is
	// known. interval is in days, and 0 without automatic rotation; rotationDay is the day of the next one.
	versions              []string
	interval, rotationDay int
}

// pick draws a CMK, which may be gone.
func (m *model) pick(t *rapid.T) *modelKey {
	if len(m.keys) == 0 {
		t.Skip("no key")
	}
	return m.keys[rapid.IntRange(0, len(m.keys)-1).Draw(t, "key")]
}

func (m *model) name(t *rapid.T) string {
	return rapid.SampledFrom([]string{"alias/a", "alias/a/b", "alias/a-b", "alias/B"}).Draw(t, "name")
}

// agree compares an error of the service with the one that the model expects; nil means success.
func agree(t *rapid.T, want *kmsapi.Error, got error) {
	t.Helper()
	if want == nil {
		require.NoError(t, got)
		return
	}
	require.ErrorIs(t, got, want)
}

// refusal returns why the model refuses an operation on a CMK: it is gone, or its state is in errs. It returns nil
// otherwise.
func (k *modelKey) refusal(errs map[kmsapi.KeyState]*kmsapi.Error) *kmsapi.Error {
	if k.gone {
		return kmsapi.ErrKeyNotFound
	}
	return errs[k.state]
}

// The model's refusals, by state.
var (
	useRefused = map[kmsapi.KeyState]*kmsapi.Error{
		kmsapi.Disabled: kmsapi.ErrRejectedDisabled, kmsapi.PendingDeletion: kmsapi.ErrRejectedPendingDeletion,
		kmsapi.PendingImport: kmsapi.ErrRejectedPendingImport,
	}
	switchRefused = map[kmsapi.KeyState]*kmsapi.Error{
		kmsapi.PendingDeletion: kmsapi.ErrStateModifiedFailed, kmsapi.PendingImport: kmsapi.ErrStateModifiedFailed,
	}
	changeRefused = map[kmsapi.KeyState]*kmsapi.Error{kmsapi.PendingDeletion: kmsapi.ErrStateModifiedFailed}
	cancelRefused = map[kmsapi.KeyState]*kmsapi.Error{
		kmsapi.Enabled: kmsapi.ErrStateModifiedFailed, kmsapi.Disabled: kmsapi.ErrStateModifiedFailed,
		kmsapi.PendingImport: kmsapi.ErrStateModifiedFailed,
	}
	tagRefused = map[kmsapi.KeyState]*kmsapi.Error{kmsapi.PendingDeletion: kmsapi.ErrRejectedPendingDeletion}
)

// MoveClock moves the clock by some days.
func (m *model) MoveClock(t *rapid.T) {
	days := rapid.IntRange(1, 8).Draw(t, "days")
	m.kms.Advance(time.Duration(days)*24*time.Hour + time.Minute)
	m.day += days
	for _, k := range m.keys {
		if k.state == kmsapi.PendingDeletion && m.day >= k.deleteDay {
			k.gone = true
			maps.DeleteFunc(m.aliases, func(_ string, of *modelKey) bool { return of == k })
		}
		if k.expireDay > 0 && m.day >= k.expireDay {
			k.loseMaterial()
		}
	}
	maps.DeleteFunc(m.secrets, func(_ string, s *modelSecret) bool { return s.deleteDay > 0 && m.day >= s.deleteDay })
}

func (m *model) Sweep(t *rapid.T) {
	require.NoError(t, m.kms.Sweep())
	for _, k := range m.keys {
		k.rotateIfDue(m)
	}
}

// Restart moves the clock to the end of a second first, because a service that starts again waits for the next one.
func (m *model) Restart(*rapid.T) {
	m.kms.Stop()
	const left = 50 * time.Millisecond
	m.kms.Advance(2*time.Second - left - time.Duration(m.kms.Now().Nanosecond()))
	m.kms.Start()
}
