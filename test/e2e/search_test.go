package e2e

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestSearchFindsASecretInEveryEncoding(t *testing.T) {
	var c confidential
	c.add("a secret & more")
	for name, content := range map[string]string{
		"in clear":    "x a secret & more x",
		"in base64":   "x YSBzZWNyZXQgJiBtb3Jl x",
		"in hex":      "x 61207365637265742026206d6f7265 x",
		"URL-encoded": "x a+secret+%26+more x",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.Mkdir(filepath.Join(dir, "below"), 0o700))
			require.NoError(t, os.WriteFile(filepath.Join(dir, "below", "some.log"), []byte(content), 0o600))
			require.ErrorContains(t, c.search(dir), name)
		})
	}
	clean := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(clean, "some.log"), []byte("nothing"), 0o600))
	require.NoError(t, c.search(clean))
	require.NoError(t, searchForRaces(clean))
	require.NoError(t, os.WriteFile(filepath.Join(clean, "some.log"), []byte("WARNING: DATA RACE"), 0o600))
	require.Error(t, searchForRaces(clean))
}
