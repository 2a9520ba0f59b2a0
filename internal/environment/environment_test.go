package environment

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func of(values map[string]string) Variables { return func(name string) string { return values[name] } }

// accessKey returns the static credentials that the variables give.
func accessKey(t *testing.T, v Variables, c Caller) client.Credentials {
	t.Helper()
	provider, err := v.Credentials(c)
	require.NoError(t, err)
	found, err := provider.Credentials(t.Context())
	require.NoError(t, err)
	return found
}

func TestTheAccessKeyIsThatOfTheVariables(t *testing.T) {
	ours := map[string]string{
		"ALICLOUD_ACCESS_KEY": "LTAIours", "ALICLOUD_SECRET_KEY": " secret\r\n", "ALICLOUD_ACCESS_KEY_STS_TOKEN": "token",
	}
	theirs := map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAItheirs", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "other"}
	for name, c := range map[string]struct {
		variables map[string]string
		caller    Caller
		want      client.Credentials
	}{
		"of the process": {ours, Caller{OfProcess: true}, client.Credentials{
			AccessKeyID: "LTAIours", AccessKeySecret: kmsapi.NewSecret("secret"), SecurityToken: kmsapi.NewSecret("token"),
		}},
		"of a file, with the SDKs' names": {theirs, Caller{}, client.Credentials{
			AccessKeyID: "LTAItheirs", AccessKeySecret: kmsapi.NewSecret("other"),
		}},
	} {
		t.Run(name, func(t *testing.T) {
			require.True(t, accessKey(t, of(c.variables), c.caller).Equal(c.want))
		})
	}
}

func TestVariablesOfAFileHaveTheAccessKeyThemselves(t *testing.T) {
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIprocess")
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "secret")
	_, err := of(nil).Credentials(Caller{})
	require.ErrorIs(t, err, ErrNoAccessKey)
	require.Equal(t, "LTAIprocess", accessKey(t, of(nil), Caller{OfProcess: true}).AccessKeyID)
}

func TestASecretOfTwoLinesIsRefusedAndNotShown(t *testing.T) {
	_, err := of(map[string]string{"ALICLOUD_ACCESS_KEY": "LTAI", "ALICLOUD_SECRET_KEY": "canary\ncanary"}).
		Credentials(Caller{OfProcess: true})
	require.ErrorContains(t, err, "line break")
	require.NotContains(t, err.Error(), "canary")
}

func TestVariablesAboutAnotherInstanceAreNotUsed(t *testing.T) {
	v := of(map[string]string{
		"ALICLOUD_KMS_INSTANCE_ID":       "kst-a",
		"ALICLOUD_KMS_INSTANCE_ENDPOINT": "127.0.0.1:1", "ALICLOUD_KMS_INSTANCE_CA": "a.pem",
	})
	endpoint, ca := v.Dedicated("kst-a")
	require.Equal(t, []string{"127.0.0.1:1", "a.pem"}, []string{endpoint, ca})
	for _, id := range []string{"", "kst-b"} {
		endpoint, ca = v.Dedicated(id)
		require.Empty(t, endpoint+ca, id)
	}
}

func TestTheGatewayHasTwoNames(t *testing.T) {
	for value, want := range map[string]bool{"": false, "shared": false, "dedicated": true} {
		got, err := of(map[string]string{"ALICLOUD_KMS_GATEWAY": value}).UsesDedicated()
		require.NoError(t, err)
		require.Equal(t, want, got, value)
	}
	_, err := of(map[string]string{"ALICLOUD_KMS_GATEWAY": "Dedicated"}).UsesDedicated()
	require.ErrorContains(t, err, "shared or dedicated")
}

func TestAFileWithoutCertificatesIsNoCA(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(path, []byte("-----BEGIN PRIVATE KEY-----"), 0o600))
	_, err := ReadCACert(path)
	require.ErrorContains(t, err, "holds no PEM certificate")
	_, err = ReadCACert("/dev/zero")
	require.ErrorContains(t, err, "has more than")
	none, err := ReadCACert("")
	require.NoError(t, err)
	require.Empty(t, none)
}
