package alicloudkms

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// entry returns the stored entry of a key.
func (r *rig) entry(name string) *keyEntry {
	r.t.Helper()
	entry, err := loadKey(r.t.Context(), r.storage, name)
	require.NoError(r.t, err)
	require.NotNil(r.t, entry)
	return entry
}

// makeCMK makes a CMK behind the engine's back, and returns its id.
func (k *directKMS) makeCMK(q *kmsapi.CreateKeyRequest) string {
	k.t.Helper()
	return k.do(q).(*kmsapi.CreateKeyResponse).KeyMetadata.KeyId
}

func (r *rig) logIsEmpty() {
	r.t.Helper()
	ids, err := framework.ListWAL(r.t.Context(), r.storage)
	require.NoError(r.t, err)
	require.Empty(r.t, ids)
}

func TestNewKMSKeyFollowsThatIsLikeTheOldOne(t *testing.T) {
	r := newRig(t)
	r.write("config", goodConfig())
	r.write("keys/a", body{"description": "of team HR", "tags": body{"team": "hr", "env": "test"}})
	old := r.keyID("a")
	r.write("keys/a/config", body{"auto_rotate_period": "720h", "bound_context": "team=hr", "deletion_allowed": true})
	r.direct().do(&kmsapi.SetDeletionProtectionRequest{
		ProtectedResourceArn: r.direct().describe(old).Arn, EnableDeletionProtection: true,
		DeletionProtectionDescription: "see HR",
	})
	r.direct().rotate(old)
	first := r.encrypt("a", hello)

	resp := r.write("keys/a/rotate", body{"new_cmk": true})
	require.Equal(t, 3, resp.Data["latest_version"])
	require.Contains(t, strings.Join(resp.Warnings, "\n"), "aliases")
	next := r.keyID("a")
	require.NotEqual(t, old, next)
	require.Equal(t, next, resp.Data["key_id"])
	was, is := r.direct().describe(old), r.direct().describe(next)
	require.Equal(t, "of team HR", withoutMarker(is.Description))
	require.Equal(t, was.ProtectionLevel, is.ProtectionLevel)
	require.Equal(t, kmsapi.RotationDisabled, was.AutomaticRotation)
	require.Equal(t, kmsapi.RotationEnabled, is.AutomaticRotation)
	require.Equal(t, "2592000s", is.RotationInterval)
	require.Equal(t, kmsapi.ProtectionEnabled, is.DeletionProtection)
	require.Equal(t, "see HR", is.DeletionProtectionDescription)
	read := r.read("keys/a").Data
	require.Equal(t, map[string]string{"team": "hr", "env": "test"}, read["tags"])
	require.Equal(t, map[string]string{"team": "hr"}, read["bound_context"])
	require.Equal(t, true, read["deletion_allowed"])
	require.EqualValues(t, 30*24*3600, read["auto_rotate_period"])

	second := r.encrypt("a", hello)
	require.Equal(t, 3, version(t, second))
	r.opens("a", first, second)
	require.Equal(t, 3, version(t, r.write("rewrap/a", body{"ciphertext": first}).Data["ciphertext"].(string)))
	require.Equal(t, []string{old, next}, r.entry("a").versions.CMKs())
	r.logIsEmpty()
}

func TestGivenKMSKeyFollows(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	direct := r.direct()
	given := direct.makeCMK(&kmsapi.CreateKeyRequest{})
	direct.rotate(given)
	old, first := r.keyID("a"), r.encrypt("a", hello)
	theirs := "vault:v1:" + r.encryptDirectly(given, hello)

	require.Equal(t, 3, r.write("keys/a/rotate", body{"key_id": given}).Data["latest_version"])
	second := r.encrypt("a", hello)
	require.Equal(t, 3, version(t, second))
	r.opens("a", first, second, theirs)
	require.NotEmpty(t, r.entry("a").Marker, "a log that stays must not let it follow again")

	require.Equal(t, 4, r.write("keys/a/rotate", body{"key_id": old}).Data["latest_version"], "back again")
	require.Equal(t, 4, version(t, r.encrypt("a", hello)))
	r.opens("a", first, second)
	require.Equal(t, []string{given, old}, ids(r.entry("a").cmks()))

	warnings := strings.Join(r.write("keys/b/rotate", body{"key_id": given}).Warnings, "\n")
	require.Contains(t, warnings, "the same KMS key")
	r.logIsEmpty()
}

// storedOrNone is storedKey for a name that may have no key.
func (r *rig) storedOrNone(name string) string {
	r.t.Helper()
	stored, err := r.storage.Get(r.t.Context(), keyPrefix+name)
	require.NoError(r.t, err)
	if stored == nil {
		return ""
	}
	return string(stored.Value)
}

func TestKMSKeyThatCannotFollowIsRefused(t *testing.T) {
	r := newKeyRig(t, "a")
	direct := r.direct()
	pair := direct.makeCMK(&kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecP256})
	disabled := direct.makeCMK(&kmsapi.CreateKeyRequest{})
	direct.do(&kmsapi.DisableKeyRequest{KeyId: disabled})
	for name, c := range map[string]struct {
		data   body
		status int
		says   string
	}{
		"its own":       {body{"key_id": r.keyID("a")}, 400, "already"},
		"a key pair":    {body{"key_id": pair}, 400, "EC_P256"},
		"a disabled":    {body{"key_id": disabled}, 409, "Disabled"},
		"one of no one": {body{"key_id": "1234abcd-12ab-34cd-56ef-1234567890ab"}, 404, "not found"},
		"none":          {body{"key_id": ""}, 400, "key_id is required"},
		"both":          {body{"key_id": disabled, "new_cmk": true}, 400, "not both"},
	} {
		t.Run(name, func(t *testing.T) {
			stored := r.storedKey("a")
			_, err := r.tryWrite("keys/a/rotate", c.data)
			refused(t, err, c.status, c.says)
			require.Equal(t, stored, r.storedKey("a"))
			r.logIsEmpty()
		})
	}
}

func TestRotationIsPutRightWhereverItStops(t *testing.T) {
	for name, c := range map[string]struct {
		op     kmsapi.Operation
		made   bool
		status int
	}{
		"KMS refuses to turn off the rotation":   {kmsapi.OpUpdateRotationPolicy, false, 403},
		"KMS refuses to make a KMS key":          {kmsapi.OpCreateKey, false, 403},
		"no answer about turning it off":         {kmsapi.OpUpdateRotationPolicy, false, 502},
		"no answer about a KMS key, of none":     {kmsapi.OpCreateKey, false, 502},
		"no answer about a KMS key that it made": {kmsapi.OpCreateKey, true, 502},
	} {
		for _, again := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				r := newKeyRig(t, "a")
				old := r.keyID("a")
				r.write("keys/a/config", body{"auto_rotate_period": "720h"})
				once := 0
				fail := func(_ context.Context, q kmsapi.Request) error {
					if q.Operation() != c.op {
						return nil
					}
					if once++; once > 1 {
						return nil
					}
					if c.status == 403 {
						return answered(kmsapi.ErrNoPermission)
					}
					return lost(c.op)
				}
				if c.made {
					r.kms.after = fail
				} else {
					r.kms.before = fail
				}
				_, err := r.tryWrite("keys/a/rotate", body{"new_cmk": true})
				refused(t, err, c.status)
				require.Equal(t, old, r.keyID("a"))
				if again {
					r.write("keys/a/rotate", body{"new_cmk": true})
				}
				require.NoError(t, r.settleNow())
				r.logIsEmpty()
				want := 1
				if again || c.made {
					want = 2
				}
				require.Equal(t, want, r.entry("a").versions.Newest())
				require.Equal(t, want-1, r.kms.count(kmsapi.OpCreateKey)-1-boolToInt(c.op == kmsapi.OpCreateKey && !c.made))
				is := r.direct().describe(r.keyID("a"))
				require.Equal(t, kmsapi.RotationEnabled, is.AutomaticRotation)
				if want == 2 {
					require.Equal(t, kmsapi.RotationDisabled, r.direct().describe(old).AutomaticRotation)
				}
			})
		}
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

func TestInterruptedRotationNeverTouchesAnotherKey(t *testing.T) {
	for name, meanwhile := range map[string]func(r *rig){
		"it was deregistered": func(r *rig) { r.write("keys/a/deregister", nil) },
		"it was deregistered and registered again": func(r *rig) {
			id := r.keyID("a")
			r.write("keys/a/deregister", nil)
			r.write("keys/a/register", body{"key_id": id})
		},
		"it was deregistered and made again": func(r *rig) {
			r.write("keys/a/deregister", nil)
			r.write("keys/a", nil)
		},
		"another KMS key followed": func(r *rig) {
			r.write("keys/a/rotate", body{"key_id": r.direct().makeCMK(&kmsapi.CreateKeyRequest{})})
		},
		"it was given a new KMS key": func(r *rig) {
			r.write("keys/a/config", body{"deletion_allowed": true})
			r.remove("keys/a", nil)
			r.write("keys/a", body{"recreate": true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.kms.after = func(_ context.Context, q kmsapi.Request) error {
				if q.Operation() == kmsapi.OpCreateKey {
					return lost(q.Operation())
				}
				return nil
			}
			_, err := r.tryWrite("keys/a/rotate", body{"new_cmk": true})
			refused(t, err, 502)
			r.kms.after = nil
			meanwhile(r)
			stored := r.storedOrNone("a")
			require.NoError(t, r.settleNow())
			require.Equal(t, stored, r.storedOrNone("a"))
			r.logIsEmpty()
		})
	}
}

func TestInterruptedRotationOfAKeyThatIsGoneDoesNotHinderAnother(t *testing.T) {
	r := newKeyRig(t)
	_, err := framework.PutWAL(t.Context(), r.storage, followKind, creation{
		Name: "a", Region: "cn-hangzhou", Marker: "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
		Follows: "1234abcd-12ab-34cd-56ef-1234567890ab",
	})
	require.NoError(t, err)
	r.write("keys/a", nil)
	stored := r.storedKey("a")
	require.NoError(t, r.settleNow())
	r.logIsEmpty()
	require.Equal(t, stored, r.storedKey("a"))
}
