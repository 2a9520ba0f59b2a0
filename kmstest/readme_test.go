package kmstest_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// The lines between its first and its last are in README.md.
func TestTheExampleOfTheReadme(t *testing.T) {
	ctx := t.Context()
	kms := kmstest.New(t)
	c, err := client.New(kms.ClientConfig())
	require.NoError(t, err)
	defer c.Close()

	key, err := c.CreateKey(ctx, &kmsapi.CreateKeyRequest{Description: "payroll"})
	require.NoError(t, err)
	salary := kmsapi.EncryptionContext{"employee": "4711"}
	blob, err := c.EncryptBytes(ctx, key.KeyMetadata.KeyId, []byte("hello"), salary)
	require.NoError(t, err)
	plaintext, _, err := c.DecryptBytes(ctx, blob, salary)
	require.NoError(t, err)
	require.Equal(t, "hello", string(plaintext))

	kms.Advance(24 * time.Hour) // its clock is the test's
}

func TestTheReadmeHasTheExample(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	_, rest, found := strings.Cut(string(readme), "```go\n")
	require.True(t, found)
	block, _, _ := strings.Cut(rest, "```")
	require.Contains(t, string(source), block)
}
