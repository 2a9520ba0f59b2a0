package main

import (
	"os"
	"os/exec"
	"testing"

	"github.com/hashicorp/go-hclog"
	goplugin "github.com/hashicorp/go-plugin"
	"github.com/openbao/go-kms-wrapping/plugin/v2"
	"github.com/openbao/go-kms-wrapping/v2"
	"github.com/openbao/go-kms-wrapping/v2/kms"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// TestMain is the plugin itself if OpenBao's cookie is in the environment.
func TestMain(m *testing.M) {
	if os.Getenv(plugin.HandshakeConfig.MagicCookieKey) == plugin.HandshakeConfig.MagicCookieValue {
		os.Args = os.Args[:1]
		main()
		return
	}
	os.Exit(m.Run())
}

// dispense starts the plugin and returns one of the things that it serves.
func dispense(t *testing.T, name string) any {
	t.Helper()
	host := goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig, VersionedPlugins: plugin.PluginSets, Cmd: exec.Command(os.Args[0]),
		AllowedProtocols: []goplugin.Protocol{goplugin.ProtocolGRPC}, AutoMTLS: true, Logger: hclog.NewNullLogger(),
	})
	t.Cleanup(host.Kill)
	conn, err := host.Client()
	require.NoError(t, err)
	served, err := conn.Dispense(name)
	require.NoError(t, err)
	return served
}

func TestThePluginServesTheSealAndExternalKeys(t *testing.T) {
	service := kmstest.New(t)
	c, err := client.New(service.ClientConfig())
	require.NoError(t, err)
	defer c.Close()
	made, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	key := made.KeyMetadata.KeyId
	config := map[string]string{
		"region": service.Region, "endpoint": service.Endpoint, "ca_cert": service.CACert,
		"access_key": service.AccessKeyID, "secret_key": service.AccessKeySecret.Reveal(),
	}

	t.Run("the seal", func(t *testing.T) {
		sealed := dispense(t, "wrapper").(wrapping.Wrapper)
		_, err := sealed.SetConfig(t.Context(), wrapping.WithConfigMap(config), wrapping.WithKeyId(key))
		require.NoError(t, err)
		blob, err := sealed.Encrypt(t.Context(), []byte("root key"))
		require.NoError(t, err)
		opened, err := sealed.Decrypt(t.Context(), blob)
		require.NoError(t, err)
		require.Equal(t, "root key", string(opened))
	})
	t.Run("External Keys", func(t *testing.T) {
		opened := dispense(t, "kms").(kms.KMS)
		fields := kms.ConfigMap{}
		for name, value := range config {
			fields[name] = value
		}
		require.NoError(t, opened.Open(t.Context(), &kms.OpenOptions{ConfigMap: fields}))
		k, err := opened.GetKey(t.Context(), &kms.KeyOptions{ConfigMap: kms.ConfigMap{"key_id": key}})
		require.NoError(t, err)
		ciphertext, err := k.Encrypt(t.Context(), &kms.CipherOptions{Data: []byte("hello")})
		require.NoError(t, err)
		plaintext, err := k.Decrypt(t.Context(), &kms.CipherOptions{Data: ciphertext})
		require.NoError(t, err)
		require.Equal(t, "hello", string(plaintext))
	})
	t.Run("what must not be shown", func(t *testing.T) {
		metadata := dispense(t, "metadata").(plugin.Metadata)
		require.Subset(t, metadata.SensitiveKMSFields, []string{"secret_key", "access_secret", "security_token"})
	})
}

func TestThePluginSaysByHandHowItIsUsed(t *testing.T) {
	said := help("openbao-plugin-kms-alicloudkms", "abc")
	for _, part := range []string{
		`plugin "kms" "alicloudkms"`, `sha256sum = "abc"`, `seal "alicloudkms"`, "sys/external-keys/configs",
	} {
		require.Contains(t, said, part)
	}
}
