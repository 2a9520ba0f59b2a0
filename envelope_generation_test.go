package alicloudkms

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// newSharedRig makes the names a and b of one CMK with imported material, and c of another, all in envelope mode. All
// have used their data keys.
func newSharedRig(t *testing.T) *rig {
	t.Helper()
	r := newRig(t)
	r.write("config", with(goodConfig(), body{"cache_ttl": 77}))
	r.write("keys/a/import", r.wrapped(ourMaterial))
	r.write("keys/b/register", body{"key_id": r.keyID("a")})
	r.write("keys/c", body{"encryption": "envelope"})
	for _, name := range []string{"a", "b"} {
		r.write("keys/"+name+"/config", body{"encryption": "envelope", "deletion_allowed": true})
	}
	r.warm()
	return r
}

// warm caches the data keys of a, b and c.
func (r *rig) warm() {
	r.t.Helper()
	for _, name := range []string{"a", "b", "c"} {
		r.encrypt(name, hello)
	}
	require.Equal(r.t, 3, r.backend().dataKeys.Stats().Cached)
}

// A stateRequest is a request that changes the state of the CMK of the name a.
type stateRequest struct {
	op   logical.Operation
	path string
	// data are its fields, which may depend on the rig. It may be nil.
	data func(*rig) body
	// arrange brings the CMK into a state that the request changes.
	arrange func(*rig)
	// sends is the operation that changes the state.
	sends kmsapi.Operation
	// usable says that the data keys may be used afterwards.
	usable bool
}

func (s stateRequest) do(r *rig) (*logical.Response, error) {
	data := body{}
	if s.data != nil {
		data = s.data(r)
	}
	return r.try(s.op, s.path, data)
}

// in returns a function that does something to the CMK of a behind the engine's back.
func in(do func(*directKMS, ...string)) func(*rig) {
	return func(r *rig) { do(r.direct(), r.keyID("a")) }
}

func withoutMaterial(k *directKMS, cmks ...string) {
	k.do(&kmsapi.DeleteKeyMaterialRequest{KeyId: cmks[0]})
}

// stateRequests returns all requests that change the state of a CMK.
func stateRequests() map[string]stateRequest {
	const update, remove = logical.UpdateOperation, logical.DeleteOperation
	return map[string]stateRequest{
		"disable":         {update, "keys/a/disable", nil, in(asTheyAre), kmsapi.OpDisableKey, false},
		"enable":          {update, "keys/a/enable", nil, in(disabled), kmsapi.OpEnableKey, true},
		"delete":          {remove, "keys/a", nil, in(asTheyAre), kmsapi.OpScheduleKeyDeletion, false},
		"cancel_deletion": {update, "keys/a/cancel_deletion", nil, in(scheduled), kmsapi.OpCancelKeyDeletion, true},
		"material":        {remove, "keys/a/material", nil, in(asTheyAre), kmsapi.OpDeleteKeyMaterial, false},
		"import": {
			update, "keys/a/import", func(r *rig) body { return r.wrapped(ourMaterial) }, in(withoutMaterial),
			kmsapi.OpImportKeyMaterial, true,
		},
		"trim": {
			update, "keys/a/trim", func(*rig) body { return body{"min_available_version": 3, "delete_cmks": true} },
			func(r *rig) { r.leaveCMK() }, kmsapi.OpScheduleKeyDeletion, false,
		},
	}
}

// leaveCMK rotates a to another CMK, so that trim may delete the one that b has.
func (r *rig) leaveCMK() {
	r.t.Helper()
	r.write("keys/a/rotate", body{"key_id": r.direct().makeCMK(&kmsapi.CreateKeyRequest{})})
	r.write("keys/a/config", body{"min_decryption_version": 3, "min_encryption_version": 3})
	r.warm()
}

func TestDataKeysOfAllNamesAreGoneWhenAChangeOfStateIsAnswered(t *testing.T) {
	for name, s := range stateRequests() {
		t.Run(name, func(t *testing.T) {
			r := newSharedRig(t)
			s.arrange(r)
			before := r.generations3()
			_, err := s.do(r)
			require.NoError(t, err)
			require.Equal(t, 1, r.backend().dataKeys.Stats().Cached, "that of c is left")
			after := r.generations3()
			require.NotEqual(t, before[0], after[0])
			require.NotEqual(t, before[1], after[1])
			require.Equal(t, before[2], after[2])
			for _, key := range []string{"a", "b"} {
				if name == "trim" && key == "a" {
					continue // It has another KMS key now.
				}
				_, err := r.tryWrite("encrypt/"+key, body{"plaintext": hello})
				require.Equal(t, s.usable, err == nil)
				if err != nil {
					refused(t, err, 409, "Decrypt: KMS refused")
				}
			}
			r.encrypt("c", hello)
		})
	}
}

// generations3 returns the generations of the keys a, b and c.
func (r *rig) generations3() (all []string) {
	r.t.Helper()
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, r.entry(name).Generation)
	}
	return all
}

func TestDataKeysAreGoneThoughOtherNodesDoNotLearnOfIt(t *testing.T) {
	// The storage calls that only the generations need.
	for kind, what := range map[string]string{"put": "the entry of b", "list": "the names of keys"} {
		for name, s := range stateRequests() {
			t.Run(name+", "+what, func(t *testing.T) {
				r := newSharedRig(t)
				s.arrange(r)
				data := body{}
				if s.data != nil {
					data = s.data(r)
				}
				before := r.entry("b").Generation
				r.kms.after = func(_ context.Context, q kmsapi.Request) error {
					if q.Operation() == s.sends {
						r.storage.reset(kind, -1)
					}
					return nil
				}
				_, err := r.try(s.op, s.path, data)
				r.kms.after = nil
				refused(t, err, 500, "cache_ttl, which is 77 s", "send the same request again")
				require.Zero(t, r.backend().dataKeys.Stats().Cached)
				r.storage.reset("", 0)
				require.Equal(t, before, r.entry("b").Generation)
				_, err = r.tryWrite("encrypt/b", body{"plaintext": hello})
				require.Equal(t, s.usable, err == nil)

				_, err = r.try(s.op, s.path, data)
				if name == "cancel_deletion" || name == "delete" {
					require.Error(t, err, "KMS has done it")
				} else {
					require.NoError(t, err)
				}
				require.NotEqual(t, before, r.entry("b").Generation)
			})
		}
	}
}

func TestTrimThatIsNotStoredIsFinishedByARepeat(t *testing.T) {
	trim := body{"min_available_version": 3, "delete_cmks": true}
	for n, what := range map[int]string{1: "the versions", 2: "that of a", 3: "that of b", 4: "the KMS keys"} {
		t.Run(what, func(t *testing.T) {
			r := newSharedRig(t)
			r.leaveCMK()
			old, before := r.keyID("b"), r.entry("b").Generation
			r.storage.reset("put", n)
			_, err := r.tryWrite("keys/a/trim", trim)
			require.ErrorContains(t, err, errStorage.Error())
			require.Equal(t, n > 1, r.direct().describe(old).KeyState == kmsapi.PendingDeletion)
			r.storage.reset("", 0)
			require.Equal(t, []string{old}, r.write("keys/a/trim", trim).Data["deleted_key_ids"])
			require.NotEqual(t, before, r.entry("b").Generation)
			require.Empty(t, r.entry("a").leftCMKs())
			require.Empty(t, r.write("keys/a/trim", trim).Data["deleted_key_ids"])
		})
	}
}

func TestChangeOfAKeyDropsItsDataKeysAndNoOthers(t *testing.T) {
	for name, do := range map[string]func(*rig){
		"config":     func(r *rig) { r.write("keys/a/config", nil) },
		"rotate":     func(r *rig) { r.write("keys/a/rotate", nil) },
		"deregister": func(r *rig) { r.write("keys/a/deregister", nil) },
		"a configuration that is not stored": func(r *rig) {
			r.storage.reset("put", 1)
			_, err := r.tryWrite("keys/a/config", nil)
			require.ErrorIs(r.t, err, errStorage)
		},
		"a deregistration that is not stored": func(r *rig) {
			r.storage.reset("delete", 1)
			_, err := r.tryWrite("keys/a/deregister", nil)
			require.ErrorIs(r.t, err, errStorage)
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newSharedRig(t)
			do(r)
			require.Equal(t, 2, r.backend().dataKeys.Stats().Cached)
		})
	}
}

func TestRegisteredNameUsesNoDataKeyOfTheNameBefore(t *testing.T) {
	r := newSharedRig(t)
	ciphertext, id := r.encrypt("a", hello), r.keyID("a")
	r.write("keys/a/deregister", nil)
	r.write("keys/a/register", body{"key_id": id})
	calls := r.kms.total()
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
	refused(t, err, 403, "not made by this key")
	require.Equal(t, calls, r.kms.total())
	r.write("keys/a/config", body{"encryption": "envelope"})
	_, err = r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
	refused(t, err, 403, "not made by this key")
}

func TestOnlyTheMaterialOfTheCurrentKMSKeyIsDeleted(t *testing.T) {
	r := newSharedRig(t)
	old := r.keyID("a")
	first := r.encrypt("a", hello)
	r.write("keys/a/import_version", r.wrapped(otherMaterial))
	second := r.encrypt("a", hello)
	require.Nil(t, r.do(logical.DeleteOperation, "keys/a/material", nil))
	require.Equal(t, []kmsapi.KeyState{kmsapi.Enabled, kmsapi.PendingImport}, r.direct().states(old, r.keyID("a")))
	require.Equal(t, hello, r.decrypt("a", first))
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": second})
	refused(t, err, 409, "vault transit import")
	r.write("keys/a/import", r.wrapped(otherMaterial))
	require.Equal(t, hello, r.decrypt("a", second))
}

func TestFailedDeletionOfMaterialIsNotStored(t *testing.T) {
	r := newSharedRig(t)
	r.fails(kmsapi.OpDeleteKeyMaterial, answered(kmsapi.ErrNoPermission))
	r.storage.reset("", 0)
	_, err := r.try(logical.DeleteOperation, "keys/a/material", nil)
	refused(t, err, 403, "kms:DeleteKeyMaterial")
	require.Zero(t, r.storage.calls["put"])
	require.Equal(t, 3, r.backend().dataKeys.Stats().Cached)
	r.fails(kmsapi.OpDeleteKeyMaterial, lost(kmsapi.OpDeleteKeyMaterial))
	_, err = r.try(logical.DeleteOperation, "keys/a/material", nil)
	refused(t, err, 502, "may have deleted")
	require.Equal(t, 2, r.storage.calls["put"], "KMS may have done it")
	require.Equal(t, 1, r.backend().dataKeys.Stats().Cached)
	require.NotContains(t, r.log.String(), "key material was deleted")
}

func TestImportThatKMSRefusesTouchesNothing(t *testing.T) {
	r := newSharedRig(t)
	data := r.wrapped(otherMaterial)
	r.storage.reset("", 0)
	_, err := r.tryWrite("keys/a/import", data)
	refused(t, err, 400, "only one material")
	require.Zero(t, r.storage.calls["put"])
	require.Equal(t, 3, r.backend().dataKeys.Stats().Cached)

	data = r.wrapped(ourMaterial)
	r.kms.after = failing(kmsapi.OpImportKeyMaterial, lost(kmsapi.OpImportKeyMaterial))
	r.storage.reset("put", -1)
	_, err = r.tryWrite("keys/a/import", data)
	refused(t, err, 502, "cache_ttl, which is 77 s")
	require.Equal(t, 1, strings.Count(err.Error(), "send the same request again"))
}
