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

// fromEnvironment returns a provider of the environment's credentials, with its clock.
func fromEnvironment(t *testing.T) (*cache, *tick) {
	t.Helper()
	clock := newTick()
	provider, err := New(Config{UseEnvironment: true, Clock: clock.Now})
	require.NoError(t, err)
	return provider.(*cache), clock
}

func writeFile(t *testing.T, home, name, content string) string {
	t.Helper()
	file := filepath.Join(home, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	require.NoError(t, os.WriteFile(file, []byte(content), 0o600))
	return file
}

// profile returns a configuration of the aliyun command with one access key.
func profile(id string) string {
	return fmt.Sprintf(`{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":%q,"access_key_secret":%q}]}`, id, staticSecret)
}

func credentialsFile(id string) string {
	return "[default]\ntype = access_key\naccess_key_id = " + id + "\naccess_key_secret = " + staticSecret + "\n"
}

// setups each set up one source, with credentials whose access key is the name of the setup.
var setups = map[string]func(t *testing.T, home string){
	"LTAIvariable": func(t *testing.T, _ string) {
		t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIvariable")
		t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", staticSecret)
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

func TestVariablesLoseWhatTheirFileAdds(t *testing.T) {
	cleanEnvironment(t)
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "LTAIvariable\r")
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "\ufeff"+staticSecret+"\r\n")
	t.Setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "the-token\n")
	got, err := newChain(time.Now).fetch(t.Context(), false)
	require.NoError(t, err)
	require.True(t, got.credentials.Equal(client.Credentials{
		AccessKeyID: "LTAIvariable", AccessKeySecret: kmsapi.NewSecret(staticSecret),
		SecurityToken: kmsapi.NewSecret("the-token"),
	}))
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "hidden\nhidden")
	_, err = newChain(time.Now).fetch(t.Context(), false)
	require.ErrorContains(t, err, "ALIBABA_CLOUD_ACCESS_KEY_SECRET")
	require.NotContains(t, err.Error(), "hidden")
}

// order is the one in the package comment.
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

func TestTheFirstSourceThatIsSetUpDecides(t *testing.T) {
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

func TestASourceThatFailsIsNotReplacedByAnother(t *testing.T) {
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
				c.answer = always[kmsapi.Params](http.StatusOK, `{"Credentials":`+withoutExpiration+`}`)
			})
		}, "OIDC"},
		"an OIDC token file that is gone": {func(t *testing.T, home string) {
			setups["STS.1"](t, home)
			require.NoError(t, os.Remove(filepath.Join(home, "token")))
		}, "OIDC"},
		"a profile that is damaged": {func(t *testing.T, home string) {
			writeFile(t, home, ".aliyun/config.json", `{"profiles": "`+staticSecret)
		}, "aliyun sts GetCallerIdentity"},
		"no profile at all": {func(t *testing.T, home string) {
			writeFile(t, home, ".aliyun/config.json", `{}`)
		}, "the profile of the aliyun command"},
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
		"a credentials file without a type": {func(t *testing.T, home string) {
			writeFile(t, home, ".alibabacloud/credentials", "[default]\naccess_key_secret = "+staticSecret)
		}, "ALIBABA_CLOUD_PROFILE"},
		"a URI whose answer is incomplete": {func(t *testing.T, _ string) {
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
			require.Zero(t, instance, "its role is another identity")
		})
	}
}

// withoutExpiration is an answer that lacks a field.
const withoutExpiration = `{"AccessKeyId":"a","AccessKeySecret":"` + sessionSecret + `","SecurityToken":"t"}`

func TestAnEnvironmentWithoutCredentialsIsAnError(t *testing.T) {
	for name, c := range map[string]struct {
		disabled string
		metadata func(string) (int, string)
		says     string
	}{
		"an instance without a role":               {"", always[string](http.StatusNotFound, ""), "ECS instance"},
		"an instance whose answer lacks a field":   {"", always[string](http.StatusOK, withoutExpiration), "ECS instance"},
		"an instance whose role must not be asked": {"True", instance, "disabled"},
	} {
		t.Run(name, func(t *testing.T) {
			cleanEnvironment(t)
			t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", c.disabled)
			theCloud.set(func(cloud *cloud) { cloud.metadata = c.metadata })
			provider, _ := fromEnvironment(t)
			_, err := provider.Credentials(t.Context())
			require.ErrorContains(t, err, c.says)
			requireNoSecret(t, err.Error())
		})
	}
}

// always gives the same answer to everything.
func always[Q any](status int, body string) func(Q) (int, string) {
	return func(Q) (int, string) { return status, body }
}

func TestAChangedFileIsNoticedInTime(t *testing.T) {
	home := cleanEnvironment(t)
	writeFile(t, home, ".aliyun/config.json", profile("LTAIold"))
	provider, clock := fromEnvironment(t)
	requireKey(t, provider, "LTAIold")
	writeFile(t, home, ".aliyun/config.json", profile("LTAInew"))
	for range searchInterval / askInterval {
		requireKey(t, provider, "LTAIold")
		settle(provider) // What this request has started reads the clock before it moves.
		clock.advance(askInterval)
	}
	requireKey(t, provider, "LTAIold") // This starts the search, and does not wait for it.
	settle(provider)
	requireKey(t, provider, "LTAInew")
}

func TestAFileIsReadAgainAtOnceAfterARefusal(t *testing.T) {
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

func TestASourceThatIsSetUpLaterIsFound(t *testing.T) {
	home := cleanEnvironment(t)
	provider, clock := fromEnvironment(t)
	_, err := provider.Credentials(t.Context())
	require.Error(t, err)
	writeFile(t, home, ".alibabacloud/credentials", credentialsFile("LTAIlate"))
	_, err = provider.Credentials(t.Context())
	require.Error(t, err, "the search is not repeated at once")
	clock.advance(failurePause)
	requireKey(t, provider, "LTAIlate")
}

func TestAFileThatIsDamagedLaterLeavesTheOldCredentials(t *testing.T) {
	home := cleanEnvironment(t)
	writeFile(t, home, ".aliyun/config.json", profile("LTAIold"))
	provider, clock := fromEnvironment(t)
	old := requireKey(t, provider, "LTAIold")
	writeFile(t, home, ".aliyun/config.json", "{")
	clock.advance(searchInterval)
	requireKey(t, provider, "LTAIold")
	settle(provider)
	requireKey(t, provider, "LTAIold")
	_, err := provider.Refresh(t.Context(), old)
	require.ErrorContains(t, err, "config.json", "once they are refused, the error names the file")
}

// requireKey requires credentials with the access key called id.
func requireKey(t *testing.T, provider client.Provider, id string) client.Credentials {
	t.Helper()
	got, err := provider.Credentials(context.Background())
	require.NoError(t, err)
	require.Equal(t, id, got.AccessKeyID)
	return got
}

func TestAChainOfProfilesIsNotALoop(t *testing.T) {
	home := cleanEnvironment(t)
	writeFile(t, home, ".aliyun/config.json", `{"current":"a","profiles":[
		{"name":"a","mode":"ChainableRamRoleArn","source_profile":"b","ram_role_arn":"acs:ram::1:role/a","ram_session_name":"s","expired_seconds":3600},
		{"name":"b","mode":"AK","access_key_id":"LTAIbase","access_key_secret":"`+staticSecret+`"}]}`)
	provider, _ := fromEnvironment(t)
	requireKey(t, provider, "STS.1")
}
