package server

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAServiceWithSMNeedsAProgramThatHasIt(t *testing.T) {
	require.NoError(t, smFault(Config{}, false))
	require.NoError(t, smFault(Config{SM: true}, true))
	require.ErrorContains(t, smFault(Config{SM: true}, false), "sm: this program has no SM algorithms")
}
