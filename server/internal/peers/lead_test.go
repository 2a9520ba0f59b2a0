package peers

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheActiveNodeIsComparedWithNoneBeforeIt(t *testing.T) {
	s := newSite(t)
	before, _ := s.watched("a", func(s *Description) { s.Config, s.RootKey = []byte("new"), []byte("other") })
	node, w := s.watched("b", nil)
	require.NoError(t, node.Compare(t.Context(), before.peer))
	require.ErrorIs(t, node.Candidate(), ErrRootKey)
	node.BecomeActive()
	w.pass(ConfigGrace)
	require.NoError(t, node.Candidate())
}
