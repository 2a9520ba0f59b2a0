package private_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/private"
)

func TestAFileThatTheWrongUsersCanAccessIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	require.NoError(t, os.WriteFile(path, []byte("secret"), 0o600))
	for _, tc := range []struct {
		name string
		mode os.FileMode
		rule private.Rule
		want string
	}{
		{"of its owner", 0o600, private.OwnerOnly, ""},
		{"that its owner can only read", 0o400, private.OwnerOnly, ""},
		{
			"that its group can read", 0o640, private.OwnerOnly,
			path + " has mode 0640, so users other than its owner can access it; run: chmod 600 " + path,
		},
		{
			"that everybody can write", 0o602, private.OwnerOnly,
			path + " has mode 0602, so users other than its owner can access it; run: chmod 600 " + path,
		},
		{"that its group may read", 0o640, private.OwnerAndGroup, ""},
		{
			"that everybody can read", 0o644, private.OwnerAndGroup,
			path + " has mode 0644, so every user can access it; run: chmod o-rwx " + path,
		},
		{"that everybody may read", 0o666, private.Anyone, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.NoError(t, os.Chmod(path, tc.mode))
			content, err := private.Read(path, tc.rule, 100)
			if tc.want == "" {
				require.NoError(t, err)
				require.Equal(t, "secret", string(content))
				return
			}
			require.EqualError(t, err, tc.want)
			require.Empty(t, content)
		})
	}
}

func TestWhatIsNotASmallRegularFileIsRefused(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, syscall.Mkfifo(at("pipe"), 0o600))
	require.NoError(t, os.WriteFile(at("large"), make([]byte, 101), 0o600))
	for name, want := range map[string]string{
		"pipe":  at("pipe") + " is not a regular file",
		"":      dir + " is not a regular file",
		"large": at("large") + " has more than 100 bytes",
		"none":  "open " + at("none") + ": no such file or directory",
	} {
		_, err := private.Read(filepath.Join(dir, name), private.OwnerOnly, 100)
		require.EqualError(t, err, want)
	}
	require.NoError(t, os.Symlink("large", at("link")))
	content, err := private.Read(at("link"), private.OwnerOnly, 101)
	require.NoError(t, err)
	require.Len(t, content, 101)
}

func TestTheCommandCanBePasted(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it's my key")
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	_, err := private.Read(path, private.OwnerAndGroup, 1)
	require.ErrorContains(t, err, "run: chmod o-rwx '"+filepath.Dir(path)+`/it'\''s my key'`)
}
