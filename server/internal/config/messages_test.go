package config_test

import (
	_ "embed"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/config"
)

// wholeConfig has a value in every field. Tests of package server read it too.
//
//go:embed testdata/whole.hcl
var wholeConfig string

// load loads a configuration file, and returns the message of the error without the file's folder.
func load(t *testing.T, text string) (config.Config, string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "kms-") // The path of a socket in it must be short.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	path := filepath.Join(dir, "kms.hcl")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	c, err := config.Load(path)
	if err == nil {
		return c, ""
	}
	return c, strings.ReplaceAll(err.Error(), dir+"/", "")
}

// A fault is a named situation, the change of wholeConfig that causes it, and the message that the operator reads.
type fault struct{ name, old, changed, want string }

// requireFaults requires the full messages of faults that are found without opening another file.
func requireFaults(t *testing.T, faults []fault) {
	t.Helper()
	requireFaultsOf(t, wholeConfig, faults)
}

// requireFaultsOf is requireFaults for changes of another configuration.
func requireFaultsOf(t *testing.T, whole string, faults []fault) {
	t.Helper()
	for _, f := range faults {
		t.Run(f.name, func(t *testing.T) {
			changed := strings.Replace(whole, f.old, f.changed, 1)
			require.NotEqual(t, whole, changed)
			_, got := load(t, changed)
			require.Equal(t, f.want, got)
			require.NotContains(t, got, `"two"`, "no secret in an error")
		})
	}
}

func TestAConfigurationWithoutFaultsIsGood(t *testing.T) {
	c, fault := load(t, wholeConfig)
	require.Empty(t, fault)
	require.Equal(t, "kms.hcl", filepath.Base(c.File()))
}

func TestAConfigurationFileThatIsNotThere(t *testing.T) {
	_, err := config.Load(filepath.Join(t.TempDir(), "none.hcl"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestAllFaultsAreFoundAtOnceInTheOrderOfTheirLines(t *testing.T) {
	_, got := load(t, strings.NewReplacer(`"5m"`, `"five"`, `"hardware"`, `"firmware"`, `127.0.0.1:0`, `nowhere`).
		Replace(wholeConfig))
	require.Equal(t, `kms.hcl:8: listener: address: "nowhere" is not host:port, such as "127.0.0.1:8443"
kms.hcl:38: instance "kst-shh1": kind: "firmware" is neither "software" nor "hardware"
kms.hcl:48: instance "kst-shh1": listener: address: "nowhere" is not host:port, such as "127.0.0.1:8443"
kms.hcl:54: limits: timestamp_window: "five" is not a duration from 1s to 24h, such as "15m"`, got)
}

func TestAFileOfAnotherKindFillsNoTerminal(t *testing.T) {
	for text, want := range map[string]string{
		"\x00bolt":                       "kms.hcl: it is not a text file, so it can't be a configuration",
		"caf\xe9":                        "kms.hcl: it is not a text file, so it can't be a configuration",
		strings.Repeat("#\n", 4<<20):     "kms.hcl: it is not a text file, so it can't be a configuration",
		strings.Repeat("export '\n", 90): "\nkms.hcl: and ",
	} {
		_, got := load(t, text)
		require.Contains(t, got, want)
		require.LessOrEqual(t, strings.Count(got, "\n"), 20)
	}
}

func TestFaultsOfAConfigurationWithoutAFileNameTheirParts(t *testing.T) {
	key := config.AccessKey{ID: "LTAIone", Secret: "x"}
	c := config.Config{
		Listener: config.Listener{Address: "127.0.0.1:0", PlainHTTP: true},
		Storage:  config.Storage{Path: "kms.db"},
		Accounts: []config.Account{{ID: "1", AccessKeys: []config.AccessKey{key, key}}},
	}
	require.EqualError(t, c.Validate(), `account "1": access_key "LTAIone": it is defined twice`)
	require.Empty(t, c.File())
}

// Everything that can be read from a file with faults is read, so that a service can be found and asked to reload it.
func TestAFileWithFaultsIsReadAsFarAsPossible(t *testing.T) {
	for _, spoilt := range []string{
		strings.Replace(wholeConfig, "address ", "adress ", 1),
		strings.Replace(wholeConfig, `"5m"`, `"five"`, 1),
		wholeConfig + "audit {",
		strings.Replace(wholeConfig, `"5m"`, `"5m`, 1),
		"storage = {{\n" + wholeConfig,
	} {
		c, fault := load(t, spoilt)
		require.NotEmpty(t, fault)
		require.Equal(t, filepath.Join(filepath.Dir(c.File()), "kms.sock"), c.SocketPath())
	}
	c, _ := load(t, "listener }\nstorage{path=\"/x/kms.db\"}\noperations {}")
	require.Equal(t, "/x/kms.db.sock", c.SocketPath())
	for _, text := range []string{"listener {", "operations", "operations {", "storage { path =", "\"", ""} {
		c, _ := load(t, text)
		require.Empty(t, c.Storage.Path)
	}
}
