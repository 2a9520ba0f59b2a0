package alicloudkms

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// withPending leaves a new access key that does not work yet.
func withPending(t *testing.T) (r *rootRig, second string) {
	t.Helper()
	r = newRootRig(t)
	r.ram.Delay(time.Hour)
	require.Error(t, r.tryRotate())
	return r, r.ids()[1]
}

// warned requires a single warning that has all parts.
func warned(t *testing.T, resp *logical.Response, parts ...string) {
	t.Helper()
	require.NotNil(t, resp)
	require.Len(t, resp.Warnings, 1)
	for _, part := range parts {
		require.Contains(t, resp.Warnings[0], part)
	}
}

func TestConfigurationIsNotChangedWhileItsAccessKeyIsTried(t *testing.T) {
	r := newRootRig(t)
	tries := 0
	r.onWait = func() {
		tries++
		_, err := r.tryWrite("config", body{"max_retries": 1})
		refused(t, err, http.StatusConflict, "try again")
		_, err = r.try(logical.DeleteOperation, "config", nil)
		refused(t, err, http.StatusConflict)
		refused(t, r.tryRotate(), http.StatusConflict)
		r.encrypt("a", hello)
	}
	r.rotate()
	require.Equal(t, proofs-1, tries)
}

func TestNewUseOfTheSecretDropsThePendingAccessKey(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"another way to KMS":   {"endpoint": "127.0.0.1:1"},
		"another RAM":          {"ram_endpoint": "ram.example.com"},
		"a role":               {"role_arn": vaultRole},
		"another access key":   {"access_key": "LTAIother"},
		"a temporary one":      {"security_token": "token"},
		"the public's own RAM": {"ram_endpoint": ""},
	} {
		t.Run(name, func(t *testing.T) {
			r, second := withPending(t)
			resp := r.write("config", with(change, body{"secret_key": firstSecret, "verify": false}))
			warned(t, resp, second, "stay in RAM")
			require.Empty(t, r.stored().Rotation.Pending)
			require.Empty(t, r.read("config").Data["pending_access_key"])
		})
	}
}

func TestAccessKeyOfBeforeThatIsWrittenAgainIsNotDisabled(t *testing.T) {
	r := newRootRig(t)
	r.rotate()
	second := r.ids()[1]
	warned(t, r.write("config", r.config), second)
	r.minute(time.Hour)
	r.minute(25 * time.Hour)
	require.Equal(t, []string{r.first, second}, r.ids())
	r.works(r.first)
	refused(t, r.tryRotate(), http.StatusConflict, second)
}

func TestDeletedConfigurationNamesTheAccessKeysThatStayInRAM(t *testing.T) {
	r := newRootRig(t)
	r.rotate()
	warned(t, r.remove("config", nil), r.ids()[0], r.ids()[1])
	require.Nil(t, r.read("config"))
	r.minute(time.Hour)
	require.True(t, r.ram.Works(r.first), "nothing here knows it")
}

func TestRAMEndpointNeedsTheSecretAndIsNotForTheEnvironment(t *testing.T) {
	r := newRootRig(t)
	_, err := r.tryWrite("config", body{"ram_endpoint": "ram.attacker.example", "verify": false})
	refused(t, err, http.StatusBadRequest, "secret_key is required", "ram_endpoint")
	_, err = r.tryWrite("config", body{"ram_endpoint": "http://ram.example.com", "secret_key": firstSecret})
	refused(t, err, http.StatusBadRequest, "ram_endpoint", "https")
	require.Equal(t, r.ram.URL, r.read("config").Data["ram_endpoint"])

	free := newRig(t)
	for endpoint, isFine := range map[string]bool{
		"": true, "ram.aliyuncs.com": true, "ram.vpc-proxy.aliyuncs.com": true,
		"127.0.0.1:1": false, "ram.example.com": false, "ramx.aliyuncs.com": false,
	} {
		_, err := free.tryWrite("config", with(environment(), body{"ram_endpoint": endpoint, "verify": false}))
		if isFine {
			require.NoError(t, err, endpoint)
		} else {
			refused(t, err, http.StatusBadRequest, "ram_endpoint", "not for other servers")
		}
	}
	for endpoint, want := range map[string]string{"": "", "ram.aliyuncs.com": "", "127.0.0.1:1": "the CA"} {
		require.Equal(t, want, (&config{CACert: "the CA", RAMEndpoint: endpoint}).ramCA(), endpoint)
	}
}

// stsOf starts a double of STS that accepts working access keys of RAM, and returns sessions that KMS accepts.
func stsOf(r *rootRig) (url string, callers *[]string) {
	r.t.Helper()
	callers = new([]string)
	secret, token := kmsapi.NewSecret("session-secret"), kmsapi.NewSecret("session-token")
	require.NoError(r.t, r.kms.Admit("STS.session", secret, token, time.Time{}))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		caller := req.FormValue("AccessKeyId")
		*callers = append(*callers, caller)
		if !r.ram.Works(caller) {
			w.WriteHeader(http.StatusNotFound)
			_ = json.NewEncoder(w).Encode(body{"RequestId": "s-1", "Code": "InvalidAccessKeyId.NotFound"})
			return
		}
		_ = json.NewEncoder(w).Encode(body{"RequestId": "s-2", "Credentials": body{
			"AccessKeyId": "STS.session", "AccessKeySecret": "session-secret", "SecurityToken": "session-token",
			"Expiration": time.Now().Add(time.Hour).UTC().Format(time.RFC3339),
		}})
	}))
	r.t.Cleanup(server.Close)
	return server.URL, callers
}

func TestAccessKeyOfARoleIsTriedByAssumingIt(t *testing.T) {
	r := newRootRig(t)
	r.ram.Accept(nil) // KMS sees only sessions.
	url, callers := stsOf(r)
	r.write("config", body{"role_arn": vaultRole, "sts_endpoint": url, "secret_key": firstSecret})
	r.ram.Delay(6 * time.Second)
	*callers = nil
	second := r.rotate()["access_key"]
	require.Equal(t, strings.Split(strings.Repeat(second.(string)+" ", 3+proofs), " ")[:3+proofs], *callers)
	r.works(second.(string))
	r.minute(time.Hour)
	require.False(t, r.ram.Works(r.first))
	r.works(second.(string))

	r.ram.Delay(time.Hour)
	r.minute(25 * time.Hour)
	refused(t, r.tryRotate(), http.StatusServiceUnavailable, "STS", "InvalidAccessKeyId.NotFound")
}
