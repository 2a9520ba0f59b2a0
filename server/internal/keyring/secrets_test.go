package keyring

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/stages"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// secret stores a secret with a version for each of values, whose ids are v0, v1 and so on.
func (r *rig) secret(name, keyID string, values ...string) *Secret {
	r.t.Helper()
	secret := NewSecret(name, "v0", testTime)
	secret.KeyID = keyID
	r.update(func(w Writer) error {
		require.NoError(r.t, w.FreeName(name))
		return w.AddSecret(secret, r.sealed(w.Reader, secret, "v0", values[0]))
	})
	for n, value := range values[1:] {
		id := "v" + string(rune('1'+n))
		r.update(func(w Writer) error {
			return w.AddSecretVersion(secret, id, r.sealed(w.Reader, secret, id, value), nil)
		})
	}
	return secret
}

func (r *rig) key(reader Reader, secret *Secret, versionID string) (by ValueKey) {
	if secret.KeyID == "" {
		return by
	}
	cmk, err := reader.CMK(secret.KeyID)
	require.NoError(r.t, err)
	by = ValueKey{CMK: cmk, Version: cmk.Primary}
	if versionID != "" {
		by.Version, err = reader.Version(cmk, versionID)
		require.NoError(r.t, err)
	}
	return by
}

func (r *rig) sealed(reader Reader, secret *Secret, id, value string) SecretValue {
	sealed, err := r.SealValue(testScope, secret.Name, id, kmsapi.SecretText, value, r.key(reader, secret, ""))
	require.NoError(r.t, err)
	return sealed
}

// openedValue returns the value of a version in the store.
func (r *rig) openedValue(name, id string) (value string, err error) {
	r.view(func(reader Reader) error {
		secret, notFound := reader.Secret(name)
		require.NoError(r.t, notFound)
		sealed, missing := reader.SecretValue(secret, id)
		if err = missing; err != nil {
			return nil
		}
		var opened []byte
		opened, err = r.OpenValue(testScope, name, id, sealed, r.key(reader, secret, sealed.KeyVersionID))
		value = string(opened)
		return nil
	})
	return value, err
}

func TestSecretsStayReadableUnderANewRootKey(t *testing.T) {
	r := newRig(t)
	keyID, _ := r.create(2, 0)
	r.secret("of/root", "", "one", "two")
	r.secret("of-key", keyID, "three")
	var cmk *CMK
	r.view(func(reader Reader) (err error) {
		cmk, err = reader.CMK(keyID)
		return err
	})
	newer, err := r.NewVersion(testScope, testTime, cmk)
	require.NoError(t, err)
	r.update(func(w Writer) error { return w.AddVersion(cmk, newer) })
	before := r.records()
	r.rekey()
	for name, want := range map[string]string{"of/root v0": "one", "of/root v1": "two", "of-key v0": "three"} {
		secret, id, _ := strings.Cut(name, " ")
		value, err := r.openedValue(secret, id)
		require.NoError(t, err)
		require.Equal(t, want, value)
	}
	after := r.records()
	path := testScope.secretValuePath("of/root", "v0")
	require.NotEqual(t, before[path], after[path], "what the root key has sealed is sealed again")
	require.Empty(t, r.problems())
}

func TestAValueThatIsMovedOrChangedDoesNotOpen(t *testing.T) {
	for kind, ofKey := range map[string]bool{"of the root key": false, "of a key": true} {
		t.Run(kind, func(t *testing.T) {
			r := newRig(t)
			keyID := ""
			if ofKey {
				keyID, _ = r.create(1, 0)
			}
			r.secret("a", keyID, "one", "two")
			r.secret("a/b", keyID, "three")
			other := Scope{Account: "654321", Region: testScope.Region}
			records := r.records()
			path := func(name, id string) string { return testScope.secretValuePath(name, id) }
			for what, move := range map[string]func(w Writer) error{
				"the version before": func(w Writer) error {
					return w.store.Put(path("a", "v1"), []byte(records[path("a", "v0")]))
				},
				"another secret": func(w Writer) error {
					return w.store.Put(path("a", "v1"), []byte(records[path("a/b", "v0")]))
				},
				"another account": func(w Writer) error {
					by := r.key(w.Reader, &Secret{KeyID: keyID}, "")
					sealed, err := r.SealValue(other, "a", "v1", kmsapi.SecretText, "theirs", by)
					if ofKey {
						require.Error(t, err, "whose key does not open here")
						return w.store.Put(path("a", "v1"), nil)
					}
					require.NoError(t, err)
					return w.putValue("a", "v1", sealed)
				},
				"another data type": func(w Writer) error {
					value, err := w.SecretValue(&Secret{Name: "a"}, "v1")
					require.NoError(t, err)
					value.DataType = kmsapi.SecretBinary
					return w.putValue("a", "v1", value)
				},
				"one bit": func(w Writer) error {
					changed := []byte(records[path("a", "v1")])
					changed[len(changed)-1] ^= 1
					return w.store.Put(path("a", "v1"), changed)
				},
			} {
				r.update(move)
				_, err := r.openedValue("a", "v1")
				require.Error(t, err, what)
				require.NotContains(t, err.Error(), "two")
				require.Len(t, r.problems(), 1, what)
				r.update(func(w Writer) error { return w.store.Put(path("a", "v1"), []byte(records[path("a", "v1")])) })
			}
			value, err := r.openedValue("a", "v1")
			require.NoError(t, err)
			require.Equal(t, "two", value)
			require.Empty(t, r.problems())
		})
	}
}

func TestWhatDoesNotFitTogetherIsFound(t *testing.T) {
	deleted := func(r *rig) *Secret {
		secret := r.secret("gone", "", "one")
		secret.DeleteDate = testTime.Add(7 * 24 * time.Hour)
		r.update(func(w Writer) error { return w.PutSecret(secret) })
		return secret
	}
	for name, damage := range map[string]struct {
		do   func(r *rig, w Writer) error
		want string
	}{
		"a value is missing": {
			func(_ *rig, w Writer) error { return w.store.Delete(testScope.secretValuePath("s", "v0")) }, "has no value",
		},
		"a value of a version that is not there": {
			func(r *rig, w Writer) error {
				return w.putValue("s", "v9", r.sealed(w.Reader, &Secret{Name: "s"}, "v9", "x"))
			},
			"has no such version",
		},
		"a value of a secret that is not there": {
			func(r *rig, w Writer) error {
				return w.putValue("t", "v0", r.sealed(w.Reader, &Secret{Name: "t"}, "v0", "x"))
			},
			"does not exist",
		},
		"tags of a secret that is not there": {
			func(_ *rig, w Writer) error { return w.PutSecretTags("t", Tags{"a": "b"}) }, "does not exist",
		},
		"a stage on a version that is not there": {
			func(_ *rig, w Writer) error {
				secret, err := w.Secret("s")
				require.NoError(t, err)
				secret.Stages = stages.Stages{kmsapi.StageCurrent: "v0", "beta": "v7"}
				return w.PutSecret(secret)
			},
			"beta is on version v7",
		},
		"no current version": {
			func(_ *rig, w Writer) error {
				secret, err := w.Secret("s")
				require.NoError(t, err)
				secret.Stages = stages.Stages{"beta": "v0"}
				return w.PutSecret(secret)
			},
			"no current version",
		},
		"the record for the sweeper is missing": {
			func(_ *rig, w Writer) error {
				secret, err := w.Secret("gone")
				require.NoError(t, err)
				return w.store.Delete(testScope.secretDuePath(secret))
			},
			"by which the sweeper finds it",
		},
		"the record for the sweeper is of another time": {
			func(_ *rig, w Writer) error {
				return w.store.Put(testScope.secretDuePath(&Secret{Name: "s", DeleteDate: testTime}), nil)
			},
			"not to be deleted at",
		},
		"the list counts wrong": {
			func(_ *rig, w Writer) error { return w.scope.secrets().Add(w.store, "nobody") }, "",
		},
		"a name that is none": {
			func(_ *rig, w Writer) error { return w.store.Put(testScope.secretPath("a b"), nil) }, "",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.secret("s", "", "one")
			deleted(r)
			require.Empty(t, r.problems())
			r.update(func(w Writer) error { return damage.do(r, w) })
			problems := r.problems()
			require.NotEmpty(t, problems)
			require.Contains(t, problems[0], damage.want)
		})
	}
}

func TestASecretWhoseKeyIsGoneIsNoFault(t *testing.T) {
	r := newRig(t)
	keyID, _ := r.create(1, 0)
	r.secret("s", keyID, "one")
	r.update(func(w Writer) error {
		cmk, err := w.CMK(keyID)
		require.NoError(t, err)
		return w.deleteCMK(cmk)
	})
	require.Empty(t, r.problems())
}

func TestSweepRemovesAllOfASecret(t *testing.T) {
	r := newRig(t)
	before := r.records()
	secret := r.secret("a/b", "", "one", "two", "three")
	secret.DeleteDate = testTime.Add(time.Hour)
	r.update(func(w Writer) error {
		require.NoError(t, w.PutSecretTags("a/b", Tags{"k": "v"}))
		return w.PutSecret(secret)
	})
	require.NoError(t, r.Sweep(t.Context(), testTime.Add(time.Hour-time.Nanosecond)))
	_, err := r.openedValue("a/b", "v1")
	require.NoError(t, err, "its time has not come")
	require.NoError(t, r.store.View(t.Context(), func(s store.Reader) error {
		overdue, err := Overdue(s, testTime.Add(time.Hour))
		require.Equal(t, []string{"secret/a/b"}, overdue)
		return err
	}))
	require.NoError(t, r.Sweep(t.Context(), testTime.Add(time.Hour)))
	require.Equal(t, before, r.records())
}

func TestANestedRecordHasOneEncoding(t *testing.T) {
	secret := NewSecret("s", "v0", testTime)
	secret.Versions = append(secret.Versions, SecretVersion{ID: "v1", CreationDate: testTime})
	encoded := encode(secret)
	decoded, err := decodeSecret("p", "s", encoded)
	require.NoError(t, err)
	require.Equal(t, secret, decoded)
	require.Equal(t, encoded, encode(decoded))
	for cut := range encoded {
		if decoded, err := decodeSecret("p", "s", encoded[:cut]); err == nil {
			require.Equal(t, encoded[:cut], encode(decoded))
		}
	}
}

// The material of a key can't open values that the root key has sealed, nor vice versa.
func TestAValueIsOpenedByWhatHasSealedItAlone(t *testing.T) {
	r := newRig(t)
	keyID, versions := r.create(1, 0)
	secret := r.secret("s", keyID, "one")
	r.update(func(w Writer) error {
		value, err := w.SecretValue(secret, "v0")
		require.NoError(t, err)
		require.Equal(t, versions[0], value.KeyVersionID)
		value.KeyVersionID = ""
		return w.putValue("s", "v0", value)
	})
	_, err := r.openedValue("s", "v0")
	require.ErrorIs(t, err, crypt.ErrOpen)
}

func TestSecretsAreCountedByScopeUntilTheyAreDeleted(t *testing.T) {
	r := newRig(t)
	counts := func(now time.Time) map[Scope]int {
		got, err := r.Overview(t.Context(), now, 0)
		require.NoError(t, err)
		return got.Secrets
	}
	require.Empty(t, counts(testTime))
	r.secret("a/b", "", "one")
	deleted := r.secret("c", "", "two")
	deleted.DeleteDate = testTime.Add(time.Hour)
	r.update(func(w Writer) error { return w.PutSecret(deleted) })
	require.Equal(t, map[Scope]int{testScope: 2}, counts(testTime))
	require.Equal(t, map[Scope]int{testScope: 1}, counts(deleted.DeleteDate), "nothing has swept it yet")
	r.update(func(w Writer) error { return w.DeleteSecret(deleted) })
	require.Equal(t, map[Scope]int{testScope: 1}, counts(testTime))
}
