package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARestoreWarnsOfKeysThatTheServiceWouldDelete(t *testing.T) {
	var out strings.Builder
	warnOfOverdue(&out, nil)
	require.Empty(t, out.String())
	warnOfOverdue(&out, []string{"a-key"})
	require.Contains(t, out.String(), "WARNING: when the service starts, it deletes these keys")
	require.True(t, strings.HasSuffix(out.String(), "\n  a-key\n"))

	out.Reset()
	warnOfOverdue(&out, make([]string, 25))
	require.True(t, strings.HasSuffix(out.String(), "\n  and 5 more\n"))
	require.Equal(t, 20+4, strings.Count(out.String(), "\n"))
}
