package keyring

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyindex"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keystate"
)

// filtered is a keyring that undergoes random changes while its CMKs are filtered.
type filtered struct {
	*rig
	random *rand.Rand
	now    time.Time
	// keyIDs are the ids of all CMKs that ever existed.
	keyIDs []string
}

// TestFiltersFindWhatAScanFinds compares filtered pages with a scan of all CMKs, while CMKs change, updates fail, days
// pass, and sweeps and restarts happen.
func TestFiltersFindWhatAScanFinds(t *testing.T) {
	seed := rand.Uint64()
	t.Log("the seed is", seed)
	f := &filtered{newRig(t), rand.New(rand.NewPCG(seed, 0)), testTime, nil}
	for range 500 {
		switch f.random.IntN(20) {
		case 0:
			f.now = f.now.Add(time.Duration(f.random.IntN(72)) * time.Hour)
		case 1:
			require.NoError(t, f.Sweep(t.Context(), f.now))
		case 2:
			require.NoError(t, f.store.Close())
			f.open()
		case 3, 4, 5:
			f.create()
		default:
			f.change()
		}
		f.compare()
	}
}

var errUndone = errors.New("the update is undone")

// attempt runs an update, and makes about one in four fail.
func (f *filtered) attempt(change func(Writer) error) {
	f.t.Helper()
	want := error(nil)
	if f.random.IntN(4) == 0 {
		want = errUndone
	}
	err := f.Update(f.t.Context(), testScope, f.now, func(w Writer) error { return errors.Join(change(w), want) })
	require.ErrorIs(f.t, err, want)
}

// one returns a random one of some values.
func one[T any](f *filtered, of ...T) T { return of[f.random.IntN(len(of))] }

func (f *filtered) create() {
	cmk, err := f.NewCMK(testScope, f.now, Attributes{
		Origin:          one(f, kmsapi.OriginKMS, kmsapi.OriginExternal),
		ProtectionLevel: one(f, kmsapi.ProtectionSoftware, kmsapi.ProtectionHSM),
	})
	require.NoError(f.t, err)
	f.keyIDs = append(f.keyIDs, cmk.KeyID)
	f.attempt(func(w Writer) error { return errors.Join(w.AddCMK(cmk), w.PutTags(cmk.KeyID, f.tags())) })
}

func (f *filtered) tags() Tags {
	tags := Tags{}
	for range f.random.IntN(3) {
		tags[one(f, "team", "hr")] = one(f, "", "hr", "it")
	}
	return tags
}

// change changes the tags or the state of a CMK.
func (f *filtered) change() {
	if len(f.keyIDs) == 0 {
		return
	}
	keyID := one(f, f.keyIDs...)
	f.attempt(func(w Writer) error {
		cmk, err := w.CMK(keyID)
		if errors.Is(err, kmsapi.ErrKeyNotFound) {
			return nil
		}
		if err != nil || f.random.IntN(3) == 0 {
			return errors.Join(err, w.PutTags(keyID, f.tags()))
		}
		cmk.Become(f.step(cmk.Lifecycle))
		return w.PutCMK(cmk)
	})
}

// step returns a life after a random operation, or unchanged if that is refused.
func (f *filtered) step(l keystate.Lifecycle) (next keystate.Lifecycle) {
	switch f.random.IntN(6) {
	case 0:
		next, _ = l.Enable(f.now)
	case 1:
		next, _ = l.Disable(f.now)
	case 2:
		next, _ = l.ScheduleDeletion(f.now, 7+f.random.IntN(3))
	case 3:
		next, _ = l.CancelDeletion(f.now)
	case 4:
		next, _ = l.DeleteMaterial(f.now)
	default:
		if next = l; l.Origin == kmsapi.OriginExternal {
			next, _ = l.Import(f.now, f.now.Add(time.Duration(f.random.IntN(200))*time.Hour).Truncate(time.Second))
		}
	}
	return next
}

// filter draws a filter.
func (f *filtered) filter() (filter Filter) {
	if f.random.IntN(2) == 0 {
		filter.TagKeys = []string{one(f, "team", "hr", "none")}
	}
	if f.random.IntN(2) == 0 {
		filter.TagValues = []string{one(f, "", "hr"), one(f, "it", "none")}
	}
	if f.random.IntN(2) == 0 {
		state := one(f, kmsapi.Enabled, kmsapi.Disabled, kmsapi.PendingDeletion, kmsapi.PendingImport)
		filter.Accepts = func(c keyindex.Class) bool { return c.State == string(state) }
	}
	return filter
}

// compare compares a page with the scan.
func (f *filtered) compare() {
	f.t.Helper()
	filter, want := f.filter(), []string{}
	require.NoError(f.t, f.View(f.t.Context(), testScope, f.now, func(r Reader) error {
		all, err := r.CMKs(1, len(f.keyIDs)+1)
		for _, keyID := range all.Items {
			passes, err := r.passes(filter, keyID)
			require.NoError(f.t, err)
			if passes {
				want = append(want, keyID)
			}
		}
		return err
	}))
	size := 1 + f.random.IntN(4)
	number := 1 + f.random.IntN(len(want)/size+1)
	got, err := f.FilteredCMKs(f.t.Context(), testScope, f.now, filter, number, size)
	require.NoError(f.t, err)
	first := min((number-1)*size, len(want))
	require.Equal(f.t, Page[string]{Items: want[first:min(first+size, len(want))], Total: len(want)}, got)
}

// TestAnIndexThatIsLoadedAmidChangesMissesNone filters in many requests while CMKs are being created.
func TestAnIndexThatIsLoadedAmidChangesMissesNone(t *testing.T) {
	r := newRig(t)
	r.create(1, 1)
	var group sync.WaitGroup
	for n := range 8 {
		group.Go(func() {
			for i := range 5 {
				tag := Tags{"n": fmt.Sprint(n, i)}
				cmk, err := r.NewCMK(testScope, testTime, Attributes{Origin: kmsapi.OriginKMS})
				if err == nil {
					err = r.Update(t.Context(), testScope, testTime, func(w Writer) error {
						return errors.Join(w.AddCMK(cmk), w.PutTags(cmk.KeyID, tag))
					})
				}
				page, listErr := r.FilteredCMKs(t.Context(), testScope, testTime, Filter{TagValues: []string{tag["n"]}}, 1, 10)
				if err != nil || listErr != nil || !slices.Equal(page.Items, []string{cmk.KeyID}) {
					t.Error("a key that was made is not found", err, listErr, page)
				}
			}
		})
	}
	group.Wait()
	page, err := r.FilteredCMKs(t.Context(), testScope, testTime, Filter{TagKeys: []string{"n"}}, 1, 100)
	require.NoError(t, err)
	require.Equal(t, 40, page.Total)
	require.Len(t, page.Items, 40)
}

func TestARequestThatGivesUpLeavesTheIndexToTheNext(t *testing.T) {
	r := newRig(t)
	keyID, _ := r.create(1, 1)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := r.FilteredCMKs(gone, testScope, testTime, Filter{TagKeys: []string{"tag 0"}}, 1, 10)
	require.ErrorIs(t, err, context.Canceled)
	page, err := r.FilteredCMKs(t.Context(), testScope, testTime, Filter{TagKeys: []string{"tag 0"}}, 1, 10)
	require.NoError(t, err)
	require.Equal(t, []string{keyID}, page.Items)
}
