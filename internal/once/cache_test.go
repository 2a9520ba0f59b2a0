package once

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// value makes a load function for a number.
func value(n int) func() (*int, error) { return func() (*int, error) { return &n, nil } }

func newIntCache() (c *Cache[int], discarded *[]int) {
	discarded = new([]int)
	return NewCache(func(n *int) { *discarded = append(*discarded, *n) }), discarded
}

func TestCacheLoadsOnce(t *testing.T) {
	c, _ := newIntCache()
	first, err := c.Get("a", value(1))
	require.NoError(t, err)
	again, err := c.Get("a", value(2))
	require.NoError(t, err)
	require.Same(t, first, again)
	other, err := c.Get("b", value(3))
	require.NoError(t, err)
	require.Equal(t, 3, *other)
}

func TestCacheKeepsNeitherErrorsNorAbsence(t *testing.T) {
	c, _ := newIntCache()
	failure := errors.New("no")
	_, err := c.Get("a", func() (*int, error) { return nil, failure })
	require.ErrorIs(t, err, failure)
	none, err := c.Get("a", func() (*int, error) { return nil, nil })
	require.NoError(t, err)
	require.Nil(t, none)
	got, err := c.Get("a", value(1))
	require.NoError(t, err)
	require.Equal(t, 1, *got)
}

func TestCacheForgetsWhatAWriteOvertook(t *testing.T) {
	c, _ := newIntCache()
	old, err := c.Get("a", func() (*int, error) {
		stale := 1
		c.Forget("a") // A write happens between the read of storage and its return.
		return &stale, nil
	})
	require.NoError(t, err)
	require.Equal(t, 1, *old, "the request that began before the write may see the old value")
	fresh, err := c.Get("a", value(2))
	require.NoError(t, err)
	require.Equal(t, 2, *fresh, "no later request may")
}

func TestCacheDiscardsWhatLeavesIt(t *testing.T) {
	c, discarded := newIntCache()
	winner, err := c.Get("a", func() (*int, error) {
		_, err := c.Get("a", value(1)) // Another load of the same name is faster.
		require.NoError(t, err)
		return value(2)()
	})
	require.NoError(t, err)
	require.Equal(t, 1, *winner)
	require.Equal(t, []int{2}, *discarded)
	c.Forget("a")
	require.Equal(t, []int{2, 1}, *discarded)
	c.Forget("a")
	require.Equal(t, []int{2, 1}, *discarded, "once")
	_, err = c.Get("b", value(3))
	require.NoError(t, err)
	c.ForgetAll()
	require.Equal(t, []int{2, 1, 3}, *discarded)
}
