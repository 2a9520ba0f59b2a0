package once

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRecentRemembersForAWhile(t *testing.T) {
	now := time.Unix(0, 0)
	r := NewRecent(time.Minute, func() time.Time { return now })
	require.False(t, r.Has("a"))
	r.Note("a")
	require.False(t, r.Has("b"))
	now = now.Add(time.Minute - 1)
	require.True(t, r.Has("a"))
	now = now.Add(1)
	require.False(t, r.Has("a"))
	r.Note("a")
	require.True(t, r.Has("a"), "again")
}

func TestRecentStartsOverWhenItIsFull(t *testing.T) {
	r := NewRecent(time.Minute, time.Now)
	for n := range maxSeen {
		r.Note(strconv.Itoa(n))
	}
	require.True(t, r.Has("0"))
	r.Note("one more")
	require.False(t, r.Has("0"))
	require.Len(t, r.noted, 1)
}
