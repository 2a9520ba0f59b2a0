package credentials

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// fromEnvironment is a provider of the environment, with its clock.
func fromEnvironment(t *testing.T) (*cache, *tick) {
	t.Helper()
	clock := newTick()
	provider, err := New(Config{UseEnvironment: true, Clock: clock.Now})
	require.NoError(t, err)
	return provider.(*cache), clock
}

func writeFile(t *testing.T, home, name, text string) string {
	t.Helper()
	file := filepath.Join(home, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// profile is a configuration of the aliyun command with one access key.
func profile(id string) string {
	return fmt.Sprintf(`{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":%q,"access_key_secret":%q}]}`, id, staticSecret)
}

func credentialsFile(id string) string {
	return "[default]\ntype = access_key\naccess_key_id = " + id + "\naccess_key_secret = " + staticSecret + "\n"
}

// setups make one source each there, with credentials whose access key is the setup's name.
var setups = map[string]func(t *testing.T, home string){
	"LTAIvariable": func(t *testing.T, _ string) {
		setAll(t, map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "LTAIvariable", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": staticSecret})
	},
	"STS.1": func(t *testing.T, home string) {
		setAll(t, map[string]string{
			"ALIBABA_CLOUD_ROLE_ARN":          "acs:ram::1:role/pod",
			"ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/ack",
			"ALIBABA_CLOUD_OIDC_TOKEN_FILE":   writeFile(t, home, "token", "the-oidc-token"),
		})
	},
	"LTAIprofile": func(t *testing.T, home string) { writeFile(t, home, ".aliyun/config.json", profile("LTAIprofile")) },
	"LTAIcredentials": func(t *testing.T, home string) {
		writeFile(t, home, ".alibabacloud/credentials", credentialsFile("LTAIcredentials"))
	},
	"STS.uri": func(t *testing.T, _ string) {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"AccessKeyId":"STS.uri","AccessKeySecret":"s","SecurityToken":"t","Expiration":"2099-01-01T00:00:00Z"}`)
		}))
		t.Cleanup(server.Close)
		t.Setenv("ALIBABA_CLOUD_CREDENTIALS_URI", server.URL)
	},
	"STS.vm": func(*testing.T, string) { theCloud.set(func(c *cloud) { c.metadata = instance }) },
}

// order is that of the package comment.
var order = []string{"LTAIvariable", "STS.1", "LTAIprofile", "LTAIcredentials", "STS.uri", "STS.vm"}

func TestEverySourceOfTheEnvironmentIsFound(t *testing.T) {
	for _, name := range order {
		t.Run(name, func(t *testing.T) {
			setups[name](t, cleanEnvironment(t))
			provider, _ := fromEnvironment(t)
			got, err := provider.Credentials(t.Context())
			require.NoError(t, err)
			require.Equal(t, name, got.AccessKeyID)
			require.False(t, got.AccessKeySecret.IsEmpty())
			require.Equal(t, name[:3] == "STS", !got.SecurityToken.IsEmpty())
		})
	}
}

func TestFirstSourceThatIsThereDecides(t *testing.T) {
	for i, first := range order {
		t.Run(first, func(t *testing.T) {
			home := cleanEnvironment(t)
			for _, name := range order[i:] {
				setups[name](t, home)
			}
			provider, _ := fromEnvironment(t)
			got, err := provider.Credentials(t.Context())
			require.NoError(t, err)
			require.Equal(t, first, got.AccessKeyID)
		})
	}
}

func TestSourceThatFailsIsNotReplacedByAnother(t *testing.T) {
	for name, c := range map[string]struct {
		breakIt func(t *testing.T, home string)
		says    string
	}{
		"an access key without its secret": {func(t *testing.T, _ string) {
			t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIvariable")
		}, "ALIBABA_CLOUD_ACCESS_KEY_SECRET"},
		"an OIDC role that STS refuses": {func(t *testing.T, home string) {
			setups["STS.1"](t, home)
			theCloud.set(func(c *cloud) {
				c.answer = always[kmsapi.Params](http.StatusBadRequest, refusal("AuthenticationFail.NoPermission"))
			})
		}, "OIDC"},
		"an OIDC answer that lacks a field": {func(t *testing.T, home string) {
			setups["STS.1"](t, home)
			theCloud.set(func(c *cloud) {
				c.answer = always[kmsapi.Params](http.StatusOK, `{"Credentials":{"AccessKeyId":"a","AccessKeySecret":"`+sessionSecret+`","SecurityToken":"t"}}`)
			})
		}, "OIDC"},
		"an OIDC token file that is gone": {func(t *testing.T, home string) {
			setups["STS.1"](t, home)
			require.NoError(t, os.Remove(filepath.Join(home, "token")))
		}, "OIDC"},
		"a profile that is damaged": {func(t *testing.T, home string) {
			writeFile(t, home, ".aliyun/config.json", `{"profiles": "`+staticSecret)
		}, "aliyun sts GetCallerIdentity"},
		"a profile file that is gone": {func(t *testing.T, home string) {
			t.Setenv("ALIBABA_CLOUD_CONFIG_FILE", filepath.Join(home, "gone"))
		}, "ALIBABA_CLOUD_CONFIG_FILE"},
		"a profile without an access key": {func(t *testing.T, home string) {
			writeFile(t, home, ".aliyun/config.json", `{"current":"a","profiles":[{"name":"a","mode":"AK"}]}`)
		}, "ALIBABA_CLOUD_CLI_PROFILE_DISABLED"},
		"a profile that is its own source": {func(t *testing.T, home string) {
			writeFile(t, home, ".aliyun/config.json", `{"current":"a","profiles":[
				{"name":"a","mode":"ChainableRamRoleArn","source_profile":"b"},{"name":"b","mode":"ChainableRamRoleArn","source_profile":"a"}]}`)
		}, "aliyun sts GetCallerIdentity"},
		"a credentials file of no type": {func(t *testing.T, home string) {
			writeFile(t, home, ".alibabacloud/credentials", "[default]\naccess_key_secret = "+staticSecret)
		}, "ALIBABA_CLOUD_PROFILE"},
		"a URI whose answer is not whole": {func(t *testing.T, _ string) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, `{"AccessKeyId":"STS.uri","AccessKeySecret":"`+sessionSecret+`"}`)
			}))
			t.Cleanup(server.Close)
			t.Setenv("ALIBABA_CLOUD_CREDENTIALS_URI", server.URL)
		}, "ALIBABA_CLOUD_CREDENTIALS_URI"},
	} {
		t.Run(name, func(t *testing.T) {
			home := cleanEnvironment(t)
			c.breakIt(t, home)
			theCloud.set(func(c *cloud) { c.metadata = instance })
			provider, _ := fromEnvironment(t)
			_, err := provider.Credentials(t.Context())
			require.ErrorContains(t, err, c.says)
			requireNoSecret(t, err.Error())
			_, _, instance := theCloud.asked()
			require.Zero(t, instance, "whose role would be someone else")
		})
	}
}

func TestEnvironmentWithoutCredentialsIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		variables map[string]string
		metadata  func(string) (int, string)
		says      string
	}{
		"an instance without a role":            {nil, always[string](http.StatusNotFound, ""), "ECS instance"},
		"an instance whose answer is no answer": {nil, always[string](http.StatusOK, `{"AccessKeyId":"a","AccessKeySecret":"`+sessionSecret+`","SecurityToken":"t"}`), "ECS instance"},
		"an instance that is not to be asked":   {map[string]string{"ALIBABA_CLOUD_ECS_METADATA_DISABLED": "True"}, instance, "not to be asked"},
	} {
		t.Run(name, func(t *testing.T) {
			cleanEnvironment(t)
			setAll(t, c.variables)
			theCloud.set(func(cloud *cloud) { cloud.metadata = c.metadata })
			provider, _ := fromEnvironment(t)
			_, err := provider.Credentials(t.Context())
			require.ErrorContains(t, err, c.says)
			requireNoSecret(t, err.Error())
		})
	}
}

// always answers everything alike.
func always[Q any](status int, body string) func(Q) (int, string) {
	return func(Q) (int, string) { return status, body }
}

func TestChangedFileIsSeenInTime(t *testing.T) {
	home := cleanEnvironment(t)
	writeFile(t, home, ".aliyun/config.json", profile("LTAIold"))
	provider, clock := fromEnvironment(t)
	requireKey(t, provider, "LTAIold")
	writeFile(t, home, ".aliyun/config.json", profile("LTAInew"))
	for range lookEvery / askEvery {
		settle(provider)
		requireKey(t, provider, "LTAIold")
		clock.advance(askEvery)
	}
	requireKey(t, provider, "LTAIold") // It starts the look, and does not wait for it.
	settle(provider)
	requireKey(t, provider, "LTAInew")
}

func TestRefusedFileIsReadAgainAtOnce(t *testing.T) {
	home := cleanEnvironment(t)
	writeFile(t, home, ".aliyun/config.json", profile("LTAIold"))
	provider, clock := fromEnvironment(t)
	old := requireKey(t, provider, "LTAIold")
	got, err := provider.Refresh(t.Context(), old)
	require.NoError(t, err)
	require.True(t, got.Equal(old), "nothing has changed")
	writeFile(t, home, ".aliyun/config.json", profile("LTAInew"))
	clock.advance(refusalPause - time.Second)
	got, err = provider.Refresh(t.Context(), old)
	require.NoError(t, err)
	require.True(t, got.Equal(old), "it was read just now")
	clock.advance(time.Second)
	got, err = provider.Refresh(t.Context(), old)
	require.NoError(t, err)
	require.Equal(t, "LTAInew", got.AccessKeyID)
}

func TestSourceThatComesLaterIsFoundAfterAllHaveFailed(t *testing.T) {
	home := cleanEnvironment(t)
	provider, clock := fromEnvironment(t)
	_, err := provider.Credentials(t.Context())
	require.Error(t, err)
	writeFile(t, home, ".alibabacloud/credentials", credentialsFile("LTAIlate"))
	_, err = provider.Credentials(t.Context())
	require.Error(t, err, "not tried again at once")
	clock.advance(failurePause)
	requireKey(t, provider, "LTAIlate")
}

func TestFileThatIsDamagedLaterLeavesTheOldCredentials(t *testing.T) {
	home := cleanEnvironment(t)
	writeFile(t, home, ".aliyun/config.json", profile("LTAIold"))
	provider, clock := fromEnvironment(t)
	old := requireKey(t, provider, "LTAIold")
	writeFile(t, home, ".aliyun/config.json", "{")
	clock.advance(lookEvery)
	requireKey(t, provider, "LTAIold")
	settle(provider)
	requireKey(t, provider, "LTAIold")
	_, err := provider.Refresh(t.Context(), old)
	require.ErrorContains(t, err, "config.json", "which says why, if they are refused")
}

// requireKey wants credentials with an access key.
func requireKey(t *testing.T, provider client.Provider, id string) client.Credentials {
	t.Helper()
	got, err := provider.Credentials(context.Background())
	require.NoError(t, err)
	require.Equal(t, id, got.AccessKeyID)
	return got
}

func TestProfilesInAChainAreNoLoop(t *testing.T) {
	home := cleanEnvironment(t)
	writeFile(t, home, ".aliyun/config.json", `{"current":"a","profiles":[
		{"name":"a","mode":"ChainableRamRoleArn","source_profile":"b","ram_role_arn":"acs:ram::1:role/a","ram_session_name":"s","expired_seconds":3600},
		{"name":"b","mode":"AK","access_key_id":"LTAIbase","access_key_secret":"`+staticSecret+`"}]}`)
	provider, _ := fromEnvironment(t)
	requireKey(t, provider, "STS.1")
}
