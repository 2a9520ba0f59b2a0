package keyring

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// become changes a CMK and stores it.
func (r *rig) become(keyID string, change func(*CMK)) {
	r.t.Helper()
	r.update(func(w Writer) error {
		cmk, err := w.stored(keyID)
		require.NoError(r.t, err)
		change(cmk)
		return w.PutCMK(cmk)
	})
}

func (r *rig) deleteAt(keyID string, at time.Time) {
	r.t.Helper()
	r.become(keyID, func(c *CMK) {
		after := c.Lifecycle
		after.State, after.DeleteDate = kmsapi.PendingDeletion, at
		c.Become(after)
	})
}

func TestAnOverviewHasTheNextEventsInTheirOrder(t *testing.T) {
	r := newRig(t)
	second := testTime.Truncate(time.Second)
	later, _ := r.create(1, 0)
	r.deleteAt(later, second.Add(3*time.Hour))
	expiring, _ := r.create(1, 0)
	r.become(expiring, func(c *CMK) {
		after := c.Lifecycle
		after.Origin, after.MaterialExpireTime = kmsapi.OriginExternal, second.Add(2*time.Hour)
		c.Become(after)
	})
	sooner, _ := r.create(1, 0)
	r.deleteAt(sooner, second.Add(time.Hour))
	rotated := r.createRotated()
	secret := r.secret("a/b", "", "one")
	secret.DeleteDate = second.Add(4 * time.Hour)
	r.update(func(w Writer) error { return w.PutSecret(secret) })

	got, err := r.Overview(t.Context(), testTime, 10)
	require.NoError(t, err)
	require.Equal(t, Overview{
		Keys:    map[Group]int{{testScope, kmsapi.PendingDeletion}: 2, {testScope, kmsapi.Enabled}: 2},
		Secrets: map[Scope]int{testScope: 1},
		Losses: []Event{
			{testScope, sooner, second.Add(time.Hour), LossOfKey},
			{testScope, expiring, second.Add(2 * time.Hour), LossOfMaterial},
			{testScope, later, second.Add(3 * time.Hour), LossOfKey},
		},
		SecretDeletions: []Event{{Scope: testScope, ID: "a/b", At: second.Add(4 * time.Hour)}},
		Rotations:       []Event{{Scope: testScope, ID: rotated.KeyID, At: rotated.NextRotation()}},
	}, got)
	got, err = r.Overview(t.Context(), testTime, 2)
	require.NoError(t, err)
	require.Len(t, got.Losses, 2)
	got, err = r.Overview(t.Context(), second.Add(90*time.Minute), 10)
	require.NoError(t, err)
	require.Equal(t, 1, got.Keys[Group{testScope, kmsapi.PendingDeletion}], "the other is gone")
	require.Len(t, got.Losses, 3, "it is not swept yet")
}

// countingStore counts the records that its readers read.
type countingStore struct {
	store.Store
	reads int
}

func (s *countingStore) View(ctx context.Context, fn func(store.Reader) error) error {
	return s.Store.View(ctx, func(r store.Reader) error {
		counting := &countingReader{Reader: r}
		defer func() { s.reads += counting.reads }()
		return fn(counting)
	})
}

func TestAnOverviewReadsNoMoreOfManyKeys(t *testing.T) {
	r := newRig(t)
	read := func() int {
		counting := &countingStore{Store: r.store}
		r.Keyring.store = counting
		defer func() { r.Keyring.store = r.store }()
		got, err := r.Overview(t.Context(), testTime, 5)
		require.NoError(t, err)
		require.Len(t, got.Losses, 5)
		require.Len(t, got.Rotations, 5)
		return counting.reads
	}
	add := func(n int) {
		for i := range n {
			keyID, _ := r.create(1, 0)
			r.deleteAt(keyID, testTime.Truncate(time.Second).Add(time.Duration(i+1)*time.Minute))
			r.createRotated()
		}
	}
	add(6)
	few := read()
	add(60)
	require.Equal(t, few, read())
}

// Anyone with write access to the store can put records there that no service writes.
func TestAnOverviewOfForgedRecordsIsAnErrorAndNoPanic(t *testing.T) {
	for _, path := range []string{
		"state/x", "state/a/b", "due/2026-11-22T09:00:01Z/1", "due/soon/1/r/k", "list/secret/x", "rotation/",
	} {
		t.Run(path, func(t *testing.T) {
			r := newRig(t)
			kept := r.createRotated()
			require.NoError(t, r.store.Update(t.Context(), func(w store.Writer) error {
				return w.Put(path, fmt.Append(nil, 1))
			}))
			got, err := r.Overview(t.Context(), testTime, 5)
			require.Error(t, err)
			if path != "rotation/" {
				require.Equal(t, kept.KeyID, got.Rotations[0].ID, "the rest is there")
			}
		})
	}
	t.Run("an event of no key", func(t *testing.T) {
		r := newRig(t)
		require.NoError(t, r.store.Update(t.Context(), func(w store.Writer) error {
			return w.Put("due/2027-01-01T00:00:00Z/1/r/<script>", nil)
		}))
		got, err := r.Overview(t.Context(), testTime, 5)
		require.NoError(t, err)
		require.Equal(t, LossUnknown, got.Losses[0].Loss)
		require.Equal(t, "<script>", got.Losses[0].ID)
	})
}
