package keyring

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/crypt"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// tryOpen opens a keyring on the open store of the rig.
func (r *rig) tryOpen() error {
	_, _, err := Open(r.t.Context(), r.store, r.root, Options{Logger: discard})
	return err
}

func (r *rig) move(state MoveState) {
	r.t.Helper()
	require.NoError(r.t, r.store.Update(r.t.Context(), func(w store.Writer) error {
		return BeginMove(w, Move{ID: "m", State: state, Other: "elsewhere", At: testTime})
	}))
}

func TestAStoreThatMovesIsNotOpened(t *testing.T) {
	for state, message := range map[MoveState]string{
		Departed: "the store has moved to elsewhere (2026-11-22T09:00:00Z) and is no longer used",
		Arriving: "the store is a copy that is not in use yet: its migration from elsewhere has not ended; " +
			"run the same alicloudkms migrate again",
	} {
		t.Run(string(state), func(t *testing.T) {
			r := newRig(t)
			before := r.records()
			r.move(state)
			require.EqualError(t, r.tryOpen(), message)
			require.NoError(t, r.store.View(t.Context(), func(reader store.Reader) error {
				require.EqualError(t, VerifyRootKey(reader, r.root), message)
				layout, err := reader.Get(schemaPath)
				require.Equal(t, string(state), string(layout), "no other program would open it either")
				m, found, err2 := ReadMove(reader)
				require.NoError(t, err2)
				require.True(t, found)
				require.Equal(t, "4", m.Layout)
				return err
			}))
			ended := r.store.Update(t.Context(), EndMove)
			if state == Departed {
				require.Error(t, ended, "the other store is in use")
				return
			}
			require.NoError(t, ended)
			require.NoError(t, r.tryOpen())
			require.Len(t, r.records(), len(before)+1)
			require.Error(t, r.store.Update(t.Context(), EndMove), "it has ended")
		})
	}
}

func TestAMoveOfWhichNothingIsKnown(t *testing.T) {
	for name, value := range map[string]string{"no record": "", "damaged": "{"} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			require.NoError(t, r.store.Update(t.Context(), func(w store.Writer) error {
				if value != "" {
					if err := w.Put(movePath, []byte(value)); err != nil {
						return err
					}
				}
				return w.Put(schemaPath, []byte(Departed))
			}))
			require.ErrorContains(t, r.tryOpen(), "record meta/move")
			require.NoError(t, r.store.View(t.Context(), func(reader store.Reader) error {
				require.NotErrorIs(t, VerifyRootKey(reader, r.root), store.ErrNotFound, "it is not a new store")
				return nil
			}))
		})
	}
}

func TestAMovingStoreIsCheckedWithItsRootKey(t *testing.T) {
	r := newRig(t)
	r.create(2, 1)
	r.move(Arriving)
	check := func(root *crypt.RootKey, moving MoveState) (Report, error) {
		return Check(t.Context(), openArchive{r.store}, root, CheckOptions{
			ParseNonce: func(string) error { return nil }, Moving: moving,
		})
	}
	report, err := check(r.root, Arriving)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	require.Equal(t, 1, report.Keys)
	report, err = check(r.root, Departed)
	require.NoError(t, err)
	require.Len(t, report.Problems, 1)
	require.Contains(t, report.Problems[0], "its migration from elsewhere has not ended")
	other, err := crypt.NewRootKey(nil)
	require.NoError(t, err)
	_, err = check(other, Arriving)
	require.ErrorIs(t, err, crypt.ErrWrongRootKey)
}

// openArchive is an open store as an [Archive].
type openArchive struct{ store.Store }

func (openArchive) Verify(context.Context, func(error) bool) error { return nil }
func (openArchive) Len(context.Context) (int, error)               { return 0, nil }
