package testlog_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
)

// ending is a test that ends when its cleanup is called.
type ending struct {
	testing.TB
	output  bytes.Buffer
	cleanup func()
}

func (e *ending) Output() io.Writer { return &e.output }
func (e *ending) Cleanup(f func())  { e.cleanup = f }

func TestNothingIsWrittenToATestThatHasEnded(t *testing.T) {
	e := &ending{TB: t}
	output := testlog.Output(e)
	for _, line := range []string{"one\n", "two\n"} {
		n, err := io.WriteString(output, line)
		require.NoError(t, err)
		require.Equal(t, len(line), n)
		e.cleanup()
	}
	require.Equal(t, "one\n", e.output.String())
}
