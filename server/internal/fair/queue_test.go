package fair

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTheAccountServedLongestAgoIsNext(t *testing.T) {
	q := NewQueue[int](10)
	came := map[<-chan int]string{}
	join := func(names ...string) {
		for _, name := range names {
			turn, ok := q.Join(name[:1])
			require.True(t, ok)
			came[turn] = name
		}
	}
	next := func() string {
		turn := q.Next()
		if turn == nil {
			return ""
		}
		turn <- 0
		for wait, name := range came {
			if len(wait) == 1 {
				<-wait
				return name
			}
		}
		return "?"
	}
	join("a1", "a2", "a3", "b1", "b2")
	require.Equal(t, "a1", next(), "of new accounts the one that came first")
	require.Equal(t, "b1", next())
	join("c1")
	require.Equal(t, "c1", next(), "an account that was never served is first")
	require.Equal(t, "a2", next())
	require.Equal(t, "b2", next())
	require.Equal(t, "a3", next())
	require.Empty(t, next())
	join("a4", "c2")
	require.Equal(t, "c2", next(), "although a4 came before")
	require.Equal(t, "a4", next())
}
