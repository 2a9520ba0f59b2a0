package once

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReservationIsForOneAtATime(t *testing.T) {
	r := NewReservations()
	release, ok := r.Take("a")
	require.True(t, ok)
	_, ok = r.Take("a")
	require.False(t, ok)
	other, ok := r.Take("b")
	require.True(t, ok)
	other()
	release()
	release, ok = r.Take("a")
	require.True(t, ok)
	release()
}
