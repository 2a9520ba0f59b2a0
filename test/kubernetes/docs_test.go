package kubernetes

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apiserver/pkg/server/options/encryptionconfig"
	"k8s.io/apiserver/pkg/storage/value"
	"sigs.k8s.io/yaml"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// printed returns the blocks of a language in docs/kubernetes.md that have a line.
func printed(t *testing.T, language, line string) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/kubernetes.md")
	require.NoError(t, err)
	var found []string
	for part := range strings.SplitSeq(string(page), "\n```"+language+"\n") {
		block, _, _ := strings.Cut(part, "\n```\n")
		if strings.Contains("\n"+block+"\n", "\n"+line+"\n") {
			found = append(found, block+"\n")
		}
	}
	require.Len(t, found, 1)
	return found[0]
}

// docsSocket is the socket on the page.
const docsSocket = "/run/kms-provider/kms.sock"

// flagsOfThePod returns the flags in the page's static pod, with another key, any free port, and without the socket.
func flagsOfThePod(t *testing.T, key string) (flags []string) {
	t.Helper()
	var pod corev1.Pod
	require.NoError(t, yaml.UnmarshalStrict([]byte(printed(t, "yaml", "kind: Pod")), &pod))
	container := pod.Spec.Containers[0]
	require.Equal(t, []string{"alicloudkms", "kms-provider"}, container.Command[:2])
	require.Contains(t, container.Command, "-listen=unix://"+docsSocket)
	require.Equal(t, filepath.Dir(docsSocket), container.VolumeMounts[0].MountPath)
	require.Equal(t, filepath.Dir(docsSocket), pod.Spec.Volumes[0].HostPath.Path)
	for _, flag := range container.Command[2:] {
		switch name, _, _ := strings.Cut(flag, "="); name {
		case "-listen":
		case "-key":
			flags = append(flags, "-key="+key)
		case "-ops":
			flags = append(flags, "-ops="+servers.AnyPort)
		default:
			flags = append(flags, flag)
		}
	}
	return flags
}

// TestThePageSetsUpACluster starts the provider with the flags of the static pod, and makes the API server's own code
// read the EncryptionConfiguration, strictly, and do everything that it does with it.
func TestThePageSetsUpACluster(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.provide(flagsOfThePod(t, c.newKey())...)
	config := filepath.Join(t.TempDir(), "config.yaml")
	text := printed(t, "yaml", "kind: EncryptionConfiguration")
	require.Contains(t, text, "unix://"+docsSocket+"\n")
	require.Contains(t, text, "timeout: 5s\n")
	here := strings.NewReplacer(docsSocket, p.socket, "timeout: 5s", "timeout: "+timeout.String())
	require.NoError(t, os.WriteFile(config, []byte(here.Replace(text)), 0o600))

	loaded, err := encryptionconfig.LoadEncryptionConfig(t.Context(), config, true, "apiserver-1")
	require.NoError(t, err)
	require.Len(t, loaded.HealthChecks, 1)
	require.Equal(t, "kms-providers", loaded.HealthChecks[0].Name())
	require.NoError(t, loaded.HealthChecks[0].Check(httptest.NewRequest(http.MethodGet, "/readyz", nil)))
	secrets := loaded.Transformers[schema.GroupResource{Resource: "secrets"}]
	require.NotNil(t, secrets)

	at := value.DefaultContext(secretPath)
	for range 10_000 {
		_, err := secrets.TransformToStorage(t.Context(), []byte("password"), at)
		require.NoError(t, err)
	}
	require.Equal(t, 1, c.calls(kmsapi.OpEncrypt))
	stored, err := secrets.TransformToStorage(t.Context(), []byte("password"), at)
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(string(stored), "k8s:enc:kms:v2:alicloudkms:"))

	// Another API server reads it, and what was stored before it was encrypted.
	other, err := encryptionconfig.LoadEncryptionConfig(t.Context(), config, true, "apiserver-2")
	require.NoError(t, err)
	secrets = other.Transformers[schema.GroupResource{Resource: "secrets"}]
	got, stale, err := secrets.TransformFromStorage(t.Context(), stored, at)
	require.NoError(t, err)
	require.Equal(t, "password", string(got))
	require.False(t, stale)
	got, stale, err = secrets.TransformFromStorage(t.Context(), []byte("in clear"), at)
	require.NoError(t, err)
	require.Equal(t, "in clear", string(got))
	require.True(t, stale)
}

func TestAnEncryptionConfigurationWithAMisspeltFieldIsRefused(t *testing.T) {
	t.Parallel()
	config := filepath.Join(t.TempDir(), "config.yaml")
	text := strings.Replace(printed(t, "yaml", "kind: EncryptionConfiguration"), "endpoint:", "endpiont:", 1)
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	_, err := encryptionconfig.LoadEncryptionConfig(t.Context(), config, true, "apiserver-1")
	require.ErrorContains(t, err, "endpiont", "or the test above proves little")
}

// TestThePagesPolicyIsEnough compares the actions of the page's RAM policy with what the provider calls.
func TestThePagesPolicyIsEnough(t *testing.T) {
	t.Parallel()
	var policy struct{ Statement []struct{ Action []string } }
	require.NoError(t, json.Unmarshal([]byte(printed(t, "json", "{")), &policy))
	var needed []string
	for _, op := range []kmsapi.Operation{kmsapi.OpEncrypt, kmsapi.OpDecrypt, kmsapi.OpDescribeKey} {
		needed = append(needed, op.Actions()...)
	}
	require.ElementsMatch(t, slices.Compact(needed), policy.Statement[0].Action)

	c := newCloud(t)
	key := c.newKey()
	log := filepath.Join(c.Dir, "audit.log")
	before, err := os.ReadFile(log)
	require.NoError(t, err)
	a := newAPIServer(t, c.provide("-cluster", "prod", "-key", key))
	require.NoError(t, a.poll())
	after, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Greater(t, len(after), len(before))
	for line := range strings.Lines(string(after[len(before):])) {
		var called struct{ Operation kmsapi.Operation }
		require.NoError(t, json.Unmarshal([]byte(line), &called))
		require.Subset(t, policy.Statement[0].Action, called.Operation.Actions())
	}
}
