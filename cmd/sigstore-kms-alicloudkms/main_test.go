package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain makes the test binary the plugin if it has that name.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == name {
		main()
		return
	}
	os.Exit(m.Run())
}

// run runs the plugin, with the test's environment, without a message.
func run(t *testing.T, args ...string) (stdout, stderr string, status int) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	var out, notes bytes.Buffer
	plugin := exec.Command(self, args...)
	plugin.Args[0] = name
	plugin.Env = append(os.Environ(), "GORACE=atexit_sleep_ms=0")
	plugin.Stdout, plugin.Stderr = &out, &notes
	_ = plugin.Run() // The status says it.
	return out.String(), notes.String(), plugin.ProcessState.ExitCode()
}

func TestThePluginTellsPeopleWhatItIs(t *testing.T) {
	stdout, stderr, status := run(t, "-version")
	require.Equal(t, name+" "+version+"\n", stdout)
	require.Empty(t, stderr)
	require.Zero(t, status)
	stdout, _, status = run(t, "-h")
	require.Contains(t, stdout, "cosign generate-key-pair --kms alicloudkms://")
	require.Zero(t, status)
	stdout, stderr, status = run(t)
	require.Empty(t, stdout)
	require.Contains(t, stderr, "This is a plugin")
	require.Equal(t, 1, status)
}

func TestTheProcessAnswersWhateverItsArgumentsAre(t *testing.T) {
	const key = `{"initOptions":{"protocolVersion":"v1","keyResourceID":"cn-hangzhou/alias/x","hashFunc":5},`
	for arguments, says := range map[string]string{
		"sign": "takes two arguments",
		"v2 " + key + `"methodName":"publicKey"}`: `the protocol "v2" is not supported`,
		"v1 {": "is not JSON of the protocol v1",
		"v1 " + key + `"methodName":"publicKey","publicKey":{}}`:     "not sent to KMS for want of credentials",
		"v1 " + key + `"methodName":"signMessage","signMessage":{}}`: "not sent to KMS for want of credentials",
	} {
		t.Run(says, func(t *testing.T) {
			t.Setenv("HOME", t.TempDir())
			t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
			stdout, stderr, status := run(t, strings.Fields(arguments)...)
			var answer struct{ ErrorMessage string }
			require.NoError(t, json.Unmarshal([]byte(stdout), &answer))
			require.Contains(t, answer.ErrorMessage, says)
			require.Empty(t, stderr)
			require.Equal(t, 1, status)
		})
	}
}

// The plugin runs once for each signature, on the machines of everybody who signs: it links what it needs to call KMS.
func TestThePluginLinksNothingOfVaultNorOfSigstore(t *testing.T) {
	list := exec.Command("go", "list", "-deps", "-f", "{{with .Module}}{{.Path}}{{end}}", ".")
	out, err := list.Output()
	require.NoError(t, err)
	linked := strings.Fields(string(out))
	require.Contains(t, linked, "github.com/aliyun/credentials-go")
	for _, module := range linked {
		require.NotContains(t, module, "hashicorp", "%s is not needed", module)
		require.NotContains(t, module, "sigstore/", "%s is not needed", module)
	}
}
