package kmstest_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

func TestAServiceWithoutTestLeavesNothingBehind(t *testing.T) {
	kms, stop := kmstest.NewWithoutTest()
	require.DirExists(t, kms.DataDir)
	require.NoError(t, kms.Sweep())
	kms.Restart()
	stop()
	_, err := os.Stat(kms.DataDir)
	require.ErrorIs(t, err, os.ErrNotExist)
	require.Panics(t, kms.Start, "what would fail a test")
}
