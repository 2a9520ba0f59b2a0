package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
)

// everyPath has a different path in every field that names a file.
const everyPath = `
listener {
  address       = "127.0.0.1:0"
  tls_cert_file = "a"
  tls_key_file  = "b"
}
storage  { path = "c" }
root_key { file = "d" }
account "1" {
  access_key "one" {
    secret_file         = "e"
    security_token_file = "f"
  }
}
instance "kst-one" {
  ca_cert_file = "g"
  listener {
    address       = "127.0.0.1:0"
    tls_cert_file = "h"
    tls_key_file  = "i"
  }
}
audit { file = "j" }
operations { socket = "k" }
`

// everyPathOfANode is everyPath for a service on etcd.
var everyPathOfANode = strings.Replace(everyPath, `storage  { path = "c" }`, `
etcd {
  endpoints     = ["https://127.0.0.1:2379"]
  ca_file       = "c"
  cert_file     = "l"
  key_file      = "m"
  username      = "kms"
  password_file = "n"
}
cluster {
  address   = "127.0.0.1:0"
  ca_file   = "o"
  cert_file = "p"
  key_file  = "q"
}`, 1)

func TestRelativePathsAreRelativeToTheConfigurationFile(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(t.TempDir())
	path := filepath.Join(dir, "server.hcl")
	for text, paths := range map[string]int{everyPath: 11, everyPathOfANode: 17} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		c, err := config.Load(path)
		require.NoError(t, err)
		found := slices.DeleteFunc(filesIn(reflect.ValueOf(c)), func(file string) bool { return file == "" })
		require.Len(t, found, paths, "each path field is in the test")
		for _, file := range found {
			require.Equal(t, dir, filepath.Dir(file))
		}
	}
}

func TestAbsolutePathsStay(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "server.hcl")
	for _, text := range []string{everyPath, everyPathOfANode} {
		absolute := regexp.MustCompile(`"([a-q])"`).ReplaceAllString(text, `"/$1"`)
		require.NoError(t, os.WriteFile(path, []byte(absolute), 0o600))
		c, err := config.Load(path)
		require.NoError(t, err)
		for _, file := range filesIn(reflect.ValueOf(c)) {
			if file != "" { // empty for a storage that is not set
				require.Equal(t, "/", filepath.Dir(file))
			}
		}
	}
}

var pathField = regexp.MustCompile(`(File|Path|Socket)$`)

// filesIn returns the values of all fields in v that name files, recognized by the names of the fields. A new field
// must be added to everyPath.
func filesIn(v reflect.Value) (found []string) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			return filesIn(v.Elem())
		}
	case reflect.Slice:
		for i := range v.Len() {
			found = append(found, filesIn(v.Index(i))...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			field := v.Field(i)
			if field.Kind() == reflect.String && pathField.MatchString(v.Type().Field(i).Name) {
				found = append(found, field.String())
			}
			found = append(found, filesIn(field)...)
		}
	}
	return found
}

// In earlier versions, relative paths were relative to the working directory.
func TestAStoreInTheWorkingDirectoryIsNotLeftBehind(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(t.TempDir())
	path := filepath.Join(dir, "server.hcl")
	require.NoError(t, os.WriteFile(path, []byte(everyPath), 0o600))
	require.NoError(t, os.WriteFile("c", nil, 0o600))
	_, err := config.Load(path)
	require.EqualError(t, err, path+":7: storage: path: relative paths are relative to this file's folder, where there "+
		"is no c, but there is one in the working directory; give its absolute path, or move it")

	require.NoError(t, os.WriteFile(filepath.Join(dir, "c"), nil, 0o600))
	_, err = config.Load(path)
	require.NoError(t, err, "the store is where the file says")
}
