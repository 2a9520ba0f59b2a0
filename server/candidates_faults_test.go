package server_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

func TestANodeStepsDownIfItCanNotWriteItsAuditLog(t *testing.T) {
	tr := newTrial(t)
	disk := filepath.Join(t.TempDir(), "audit.log")
	require.NoError(t, os.Symlink("/dev/full", disk)) // a device on which every write fails
	one := tr.start("one", func(c *server.Config) { c.Audit.File = disk })
	one.awaitActive()
	two := tr.start("two")
	tr.awaitInTime("two may stand", func() bool { return two.NodeHealth().Refusal == nil })
	require.True(t, one.NodeHealth().Active, "nothing has failed yet")
	one.do("ListKeys").refused(t, kmsapi.ErrServiceUnavailable)
	tr.awaitInTime("two is the active one", func() bool { return two.NodeHealth().Active })
	two.awaitServing()
	require.ErrorContains(t, one.NodeHealth().Refusal, "its audit log can't be written")
	one.must("ListKeys")

	two.close()
	tr.awaitInTime("there is no node", func() bool { return one.NodeHealth().ActiveNode == "" })
	require.NoError(t, os.Remove(disk))
	_, err := one.Reload(one.config)
	require.NoError(t, err)
	tr.awaitInTime("one is the active one again", func() bool { return one.NodeHealth().Active })
}

func TestANodeThatIsRefusedInTheMomentThatItWinsDoesNotTakeOver(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	two := tr.start("two")
	tr.awaitInTime("two may stand", func() bool { return two.NodeHealth().Refusal == nil })
	won, goOn := make(chan struct{}), make(chan struct{})
	pause := func() {
		close(won)
		<-goOn
	}
	two.won.Store(&pause)
	one.close()
	<-won
	refuse(two)
	tr.awaitInTime("two may not stand", func() bool { return two.NodeHealth().Refusal != nil })
	close(goOn)
	tr.awaitInTime("two gives the term up", func() bool { return tr.term() == nil })
	require.NotContains(t, two.log.String(), "is the active one now")
}

func TestNoNodeBeginsANewStoreInPlaceOfOneThatWasDeleted(t *testing.T) {
	for _, tc := range []struct {
		name, prefix, refusal string
	}{
		{"all of it", "", "the store is empty, and was not before"},
		{"the layout", "meta/schema", "it has records, but not those of its layout"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tr := newTrial(t)
			one := tr.start("one")
			one.awaitActive()
			one.createKey()
			two := tr.start("two")
			tr.awaitInTime("two may stand", func() bool { return two.NodeHealth().Refusal == nil })
			tr.cluster.noTerms.Store(true)
			tr.deleteAll(tc.prefix)
			tr.term().end(errDisk)
			tr.cluster.noTerms.Store(false)
			for _, n := range []*trialNode{one, two} {
				tr.awaitInTime("it may not stand", func() bool { return n.NodeHealth().Refusal != nil })
				require.ErrorContains(t, n.NodeHealth().Err, tc.refusal)
				n.do("ListKeys").refused(t, kmsapi.ErrServiceUnavailable)
			}
		})
	}
}

// The node has not been checked since it made the store.
func TestANodeThatHasMadeAStoreBeginsNoOtherInItsPlace(t *testing.T) {
	tr := newTrial(t)
	one := tr.start("one")
	one.awaitActive()
	tr.cluster.noTerms.Store(true)
	tr.deleteAll("")
	tr.term().end(errDisk)
	tr.cluster.noTerms.Store(false)
	tr.awaitInTime("it may not stand", func() bool { return one.NodeHealth().Refusal != nil })
	require.ErrorContains(t, one.NodeHealth().Err, "the store is empty, and was not before")
}

// deleteAll deletes the records below a prefix, as an operator might by hand.
func (tr *trial) deleteAll(prefix string) {
	tr.t.Helper()
	require.NoError(tr.t, tr.cluster.store.Update(tr.t.Context(), func(w store.Writer) error {
		for {
			key, err := w.Nth(prefix, "", 1)
			if errors.Is(err, store.ErrNotFound) {
				return nil
			}
			if err := errors.Join(err, w.Delete(key)); err != nil {
				return err
			}
		}
	}))
}
