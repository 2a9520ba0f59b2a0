package kmsprovider

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/vaultkey"
)

const anARN = "acs:kms:cn-hangzhou:1000000000000001:key/key-hzz1"

func TestAKeyIsAnIDOrAnARN(t *testing.T) {
	for text, id := range map[string]string{
		"0f2c1a52-6a54-4a6c-9d0b-0c8a6a1c7b11": "0f2c1a52-6a54-4a6c-9d0b-0c8a6a1c7b11", anARN: "key-hzz1",
	} {
		key, err := ParseKey(text)
		require.NoError(t, err)
		require.Equal(t, id, key.ID)
		require.Equal(t, text, key.String())
	}
	for text, want := range map[string]error{
		"": errKey, "a b": errKey, "key/x": errKey, anARN + "/v": errKey, strings.Repeat("a", 65): errKey, "a\nb": errKey,
		"alias/k8s": errAlias, "acs:kms:cn-hangzhou:1000000000000001:alias/k8s": errAlias,
	} {
		_, err := ParseKey(text)
		require.ErrorIs(t, err, want, text)
	}
}

func TestAKeyIDNamesKeyAndVersion(t *testing.T) {
	parsed, ok := parseKeyVersion(anARN + "/v-1")
	require.True(t, ok)
	require.Equal(t, "v-1", parsed.version)
	require.Equal(t, anARN+"/v-1", parsed.String())
	for _, bad := range []string{
		"", "/", anARN, anARN + "/", anARN + "/a/b", "key-hzz1/v", anARN + "/" + strings.Repeat("v", 65),
	} {
		_, ok := parseKeyVersion(bad)
		require.False(t, ok, bad)
	}
}

func TestAKeyOfTheEngineHasAMountAndAName(t *testing.T) {
	for _, path := range []string{"team/kms/k8s", "/team/kms/k8s/", "team/kms/keys/k8s"} {
		key, err := ParseEngineKey(path)
		require.NoError(t, err)
		require.Equal(t, EngineKey{"team/kms", "k8s"}, key, path)
	}
	_, err := ParseEngineKey("k8s")
	require.ErrorIs(t, err, vaultkey.ErrPath)
}

func TestAKeyIDOfTheEngineIsOfAListedKey(t *testing.T) {
	listed := []EngineKey{{"kms", "a"}, {"kms", "b"}}
	made := engineVersion{listed[1], "key-hzz1", 3}
	parsed, ok := parseEngineVersion(made.String(), listed)
	require.True(t, ok)
	require.Equal(t, made, parsed)
	for _, bad := range []string{
		"", "vault:kms/keys/c/key-hzz1/3", "vault:kms/keys/a", "vault:kms/keys/a/key-hzz1", "vault:kms/keys/a/key-hzz1/x",
		"vault:kms/keys/a/key-hzz1/+3", "vault:kms/keys/a/key-hzz1/03", "vault:kms/keys/a/key-hzz1/0",
		"vault:kms/keys/a/key-hzz1/-3", "vault:kms/keys/a/key-hzz1/3/4",
		"vault:kms/keys/ab/key-hzz1/3", "kms/keys/a/key-hzz1/3", anARN + "/3",
	} {
		_, ok := parseEngineVersion(bad, listed)
		require.False(t, ok, bad)
	}
}

func TestTheNameOfAClusterConfusesNobody(t *testing.T) {
	for _, good := range []string{"prod", "c1a2b3", "eu-1/prod:blue_2.example.com", strings.Repeat("a", 128)} {
		require.NoError(t, CheckCluster(good), good)
	}
	for _, bad := range []string{"", "-a", "a&vault:context=x", "a b", "a\n", "é", "a=b", strings.Repeat("a", 129)} {
		require.ErrorIs(t, CheckCluster(bad), errCluster, bad)
	}
}

func TestAnEndpointIsThatOfTheAPIServer(t *testing.T) {
	for endpoint, want := range map[string]string{
		"unix:///run/kms.sock": "/run/kms.sock", "unix:/run/kms.sock": "/run/kms.sock", "/run/kms.sock": "/run/kms.sock",
		"unix:///run//a/../kms.sock": "/run/kms.sock",
	} {
		path, err := ParseSocket(endpoint)
		require.NoError(t, err, endpoint)
		require.Equal(t, want, path)
	}
	for endpoint, want := range map[string]error{
		"": errEndpoint, "kms.sock": errEndpoint, "unix://run/kms.sock": errEndpoint, "tcp://127.0.0.1:1": errEndpoint,
		"unix://": errEndpoint, "unix:///run/kms.sock?a=b": errEndpoint, "unix:kms.sock": errEndpoint,
		"unix:///@kms": errAbstract,
	} {
		_, err := ParseSocket(endpoint)
		require.ErrorIs(t, err, want, endpoint)
	}
}
