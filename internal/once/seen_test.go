package once

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMessageIsFirstOnce(t *testing.T) {
	s := NewSeen()
	require.True(t, s.First("a"))
	require.True(t, s.First("b"))
	require.False(t, s.First("a"))
}

func TestSeenStartsOverWhenItIsFull(t *testing.T) {
	s := NewSeen()
	for n := range maxSeen {
		require.True(t, s.First(strconv.Itoa(n)))
	}
	require.False(t, s.First("0"))
	require.True(t, s.First("one more"))
	require.Len(t, s.messages, 1)
	require.True(t, s.First("0"))
}
