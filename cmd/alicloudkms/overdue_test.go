package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestARestoreWarnsOfKeysThatTheServiceWouldDelete(t *testing.T) {
	require.Empty(t, warningOfOverdue(nil))
	warning := warningOfOverdue([]string{"a-key"})
	require.Contains(t, warning, "WARNING: when the service starts, it deletes these keys and secrets")
	require.True(t, strings.HasSuffix(warning, "\n\n  a-key"))

	many := warningOfOverdue(make([]string, maxOverdue+5))
	require.True(t, strings.HasSuffix(many, "\n  and 5 more"))
	require.Equal(t, maxOverdue+1, strings.Count(many, "\n  "))
}
