package crypt

import (
	"bytes"
	"encoding/base64"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func newRootKey(t testing.TB) *RootKey {
	t.Helper()
	root, err := NewRootKey(nil)
	require.NoError(t, err)
	return root
}

func TestChecksTellRootKeysApart(t *testing.T) {
	root := newRootKey(t)
	check, err := root.SealCheck()
	require.NoError(t, err)
	require.NoError(t, root.VerifyCheck(check))
	require.ErrorIs(t, newRootKey(t).VerifyCheck(check), ErrWrongRootKey)
	require.ErrorIs(t, root.VerifyCheck(nil), ErrWrongRootKey)
	require.ErrorIs(t, root.VerifyCheck(append(check, 0)), ErrWrongRootKey)

	_, err = root.Unwrap("", kmsapi.KeySpecAES256, check)
	require.Equal(t, ErrOpen, err, "a check is not material")
	wrapped, err := root.Wrap("", newMaterial(t, kmsapi.KeySpecAES256))
	require.NoError(t, err)
	require.ErrorIs(t, root.VerifyCheck(wrapped), ErrWrongRootKey, "and material is not a check")
}

func TestRootKeyFilesLoad(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	root := newRootKey(t)
	require.NoError(t, root.WriteFile(path))
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())

	loaded, err := LoadRootKey(path)
	require.NoError(t, err)
	require.Equal(t, root.key.secret, loaded.key.secret)
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	require.ErrorIs(t, newRootKey(t).WriteFile(path), fs.ErrExist)
	after, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, before, after, "an existing root key is never overwritten")
}

func TestRootKeyFileContents(t *testing.T) {
	secret := bytes.Repeat([]byte{0xfb}, 32)
	good := base64.StdEncoding.EncodeToString(secret)
	for name, test := range map[string]struct {
		text, wantErr string
	}{
		"base64":                     {good, ""},
		"base64 and a newline":       {good + "\n", ""},
		"base64 and a DOS newline":   {good + "\r\n", ""},
		"newlines and blanks around": {"\n" + good + " \r\n\n", ""},
		"a byte order mark":          {"\ufeff" + good + "\r\n", ""},
		"folded":                     {good[:20] + "\r\n" + good[20:] + "\r\n", ""},
		"a space inside":             {good[:20] + " " + good[20:], "is not base64"},
		"nothing":                    {"", "holds 0 bytes"},
		"31 bytes":                   {base64.StdEncoding.EncodeToString(secret[:31]), "holds 31 bytes"},
		"33 bytes":                   {base64.StdEncoding.EncodeToString(append(secret, 1)), "holds 33 bytes"},
		"no padding":                 {strings.TrimRight(good, "="), "is not base64"},
		"the URL alphabet":           {base64.URLEncoding.EncodeToString(secret), "is not base64"},
		"stray bits in the end":      {good[:42] + "t=", "is not base64"},
		"the bytes themselves":       {string(secret), "is not base64"},
		"zeros":                      {base64.StdEncoding.EncodeToString(make([]byte, 32)), "holds only zeros"},
		"a key with a comment after": {good + "\n# root key\n", "is not base64"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "root.key")
			require.NoError(t, os.WriteFile(path, []byte(test.text), 0o600))
			root, err := LoadRootKey(path)
			if test.wantErr == "" {
				require.NoError(t, err)
				require.Equal(t, secret, root.key.secret[:])
				return
			}
			require.ErrorContains(t, err, test.wantErr)
			require.ErrorContains(t, err, path)
			require.ErrorContains(t, err, "openssl rand -base64 32")
			require.NotContains(t, err.Error(), good[:8], "an error shows nothing of the key")
		})
	}
}

func TestAFileThatMayHoldSomethingElseIsNotToBeOverwritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "root.key")
	require.NoError(t, os.WriteFile(path, make([]byte, 1<<20), 0o600))
	_, err := LoadRootKey(path)
	require.EqualError(t, err, path+" has more than 1024 bytes")
	require.NoError(t, os.Chmod(path, 0o644))
	_, err = LoadRootKey(path)
	require.EqualError(t, err, path+
		" has mode 0644, so users other than its owner can access it; run: chmod 600 "+path)
}

func TestRootKeyFilesThatOthersCanAccessAreRefused(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "root.key")
	link := filepath.Join(dir, "link")
	require.NoError(t, newRootKey(t).WriteFile(path))
	require.NoError(t, os.Symlink(path, link))
	for mode, good := range map[fs.FileMode]bool{
		0o600: true, 0o400: true, 0o700: true,
		0o640: false, 0o604: false, 0o620: false, 0o602: false, 0o610: false, 0o644: false, 0o777: false,
	} {
		require.NoError(t, os.Chmod(path, mode))
		for _, name := range []string{path, link} {
			_, err := LoadRootKey(name)
			if good {
				require.NoError(t, err, "%o", mode)
			} else {
				require.ErrorContains(t, err, "users other than its owner", "%o", mode)
			}
		}
	}
}

func TestOtherFilesAreNotRootKeys(t *testing.T) {
	dir := t.TempDir()
	_, err := LoadRootKey(filepath.Join(dir, "missing"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "openssl rand -base64 32")

	_, err = LoadRootKey(dir)
	require.ErrorContains(t, err, "not a regular file")

	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o600))
	_, err = LoadRootKey(pipe)
	require.ErrorContains(t, err, "not a regular file")

	require.ErrorIs(t, newRootKey(t).WriteFile(filepath.Join(dir, "missing", "root.key")), fs.ErrNotExist)
}
