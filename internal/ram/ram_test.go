package ram_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/ram"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/ram/ramtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	user       = "LTAIuser"
	userSecret = "canary-user-secret"
)

func dial(t *testing.T, endpoint string, change ...func(*ram.Config)) *ram.Client {
	t.Helper()
	c := ram.Config{
		Endpoint: endpoint, Clock: time.Now,
		Credentials: client.Credentials{AccessKeyID: user, AccessKeySecret: kmsapi.NewSecret(userSecret)},
	}
	for _, change := range change {
		change(&c)
	}
	made, err := ram.New(c)
	require.NoError(t, err)
	return made
}

func TestLifeOfAnAccessKey(t *testing.T) {
	r := ramtest.New(t, user, userSecret)
	c := dial(t, r.URL)
	made, err := c.CreateAccessKey(t.Context())
	require.NoError(t, err)
	require.Equal(t, r.Keys()[1].Secret, made.AccessKeySecret.Reveal())
	keys, err := c.ListAccessKeys(t.Context())
	require.NoError(t, err)
	require.Len(t, keys, 2)
	require.Equal(t, made.AccessKey, keys[1])
	require.Equal(t, ram.Active, made.Status)

	require.NoError(t, c.UpdateAccessKey(t.Context(), made.AccessKeyId, ram.Inactive))
	require.True(t, r.Keys()[1].Inactive)
	require.NoError(t, c.DeleteAccessKey(t.Context(), made.AccessKeyId))
	require.Len(t, r.Keys(), 1)
	err = c.DeleteAccessKey(t.Context(), made.AccessKeyId)
	require.True(t, ram.IsGone(err), err)
	require.True(t, ram.SurelyNotDone(err))
}

func TestRefusalsAreToldApartAndShowNoMessage(t *testing.T) {
	for name, c := range map[string]struct {
		status                    int
		code                      string
		denied, overLimit, undone bool
	}{
		"no permission":         {403, "NoPermission", true, false, true},
		"too many keys":         {409, "LimitExceeded.User.AccessKey", false, true, true},
		"throttling":            {400, "Throttling.User", false, false, true},
		"a failure inside RAM":  {500, "InternalError", false, false, false},
		"something else":        {302, "", false, false, false},
		"a code that is no one": {400, strings.Repeat("x", 65), false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := ramtest.New(t, user, userSecret)
			r.Refuse("CreateAccessKey", c.status, c.code)
			_, err := dial(t, r.URL).CreateAccessKey(t.Context())
			var refused *ram.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, c.denied, refused.IsDenied())
			require.Equal(t, c.overLimit, refused.IsOverLimit())
			require.Equal(t, c.undone, ram.SurelyNotDone(err))
			require.NotContains(t, err.Error(), "quote")
			require.Equal(t, 1, r.Calls("CreateAccessKey"))
		})
	}
}

func TestWrongSecretIsRefused(t *testing.T) {
	r := ramtest.New(t, user, "another")
	_, err := dial(t, r.URL).ListAccessKeys(t.Context())
	require.ErrorContains(t, err, "SignatureDoesNotMatch")
}

func TestRequestThatIsRelayedToAnotherHostIsRefused(t *testing.T) {
	r := ramtest.New(t, user, userSecret)
	relay := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		req.Host = strings.TrimPrefix(r.URL, "http://")
		r.ServeHTTP(w, req)
	}))
	defer relay.Close()
	_, err := dial(t, relay.URL).ListAccessKeys(t.Context())
	require.ErrorContains(t, err, "SignatureDoesNotMatch")
}

func TestLostAnswerLeavesOpenWhatWasDone(t *testing.T) {
	r := ramtest.New(t, user, userSecret)
	r.After(func(string) bool { return false })
	_, err := dial(t, r.URL).CreateAccessKey(t.Context())
	require.Error(t, err)
	require.False(t, ram.SurelyNotDone(err))
	require.Len(t, r.Keys(), 2)
	require.Equal(t, 1, r.Calls("CreateAccessKey"), "it is never repeated")
}

func TestServerThatCanNotBeReachedHasDoneNothing(t *testing.T) {
	_, err := dial(t, "http://"+heldport.For(t)).CreateAccessKey(t.Context())
	require.Error(t, err)
	require.True(t, ram.SurelyNotDone(err))
}

func TestAnswerThatIsNotRAMsIsAnError(t *testing.T) {
	for name, body := range map[string]string{
		"HTML": "<html>canary", "no request id": `{}`, "no key": `{"RequestId":"1"}`,
		"a key without secret": `{"RequestId":"1","AccessKey":{"AccessKeyId":"LTAI1"}}`,
		"too large":            strings.Repeat(" ", 1<<20),
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_, _ = w.Write([]byte(body))
			}))
			defer server.Close()
			_, err := dial(t, server.URL).CreateAccessKey(t.Context())
			require.Error(t, err)
			require.NotContains(t, err.Error(), "canary")
			require.False(t, ram.SurelyNotDone(err))
		})
	}
}

func TestEndpointIsThatOfTheNetwork(t *testing.T) {
	for want, network := range map[string]kmsapi.Network{
		"ram.aliyuncs.com": kmsapi.NetworkPublic, "ram.vpc-proxy.aliyuncs.com": kmsapi.NetworkVPC,
	} {
		ended, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := dial(t, "", func(c *ram.Config) { c.Network = network }).ListAccessKeys(ended)
		require.ErrorContains(t, err, want+" failed")
	}
	_, err := ram.New(ram.Config{Endpoint: "http://ram.example.com"})
	require.ErrorContains(t, err, "https")
}
