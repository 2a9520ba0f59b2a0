package credentials

import (
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

const vaultRole = "acs:ram::1000000000000001:role/vault"

var temporary = client.Static{
	AccessKeyID: "STS.base", AccessKeySecret: kmsapi.NewSecret(staticSecret), SecurityToken: kmsapi.NewSecret(staticToken),
}

// assuming returns a provider that assumes a role with a temporary access key.
func assuming(t *testing.T, role Role) (*cache, *tick) {
	t.Helper()
	clock := newTick()
	provider, err := New(Config{Static: temporary, Role: role, Clock: clock.Now})
	require.NoError(t, err)
	return provider.(*cache), clock
}

func TestARoleIsAssumed(t *testing.T) {
	for name, c := range map[string]struct {
		role Role
		host string
		want map[string]string
	}{
		"by its ARN alone": {Role{ARN: vaultRole}, "sts.aliyuncs.com:443", map[string]string{
			"RoleSessionName": "vault-alicloudkms", "DurationSeconds": "3600", "ExternalId": "",
		}},
		"with every setting": {
			Role{
				ARN: vaultRole, SessionName: "node-1", ExternalID: "tenant/7", Duration: 15 * time.Minute,
				Region: "cn-beijing", Network: kmsapi.NetworkVPC,
			},
			"sts-vpc.cn-beijing.aliyuncs.com:443",
			map[string]string{"RoleSessionName": "node-1", "DurationSeconds": "900", "ExternalId": "tenant/7"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			theCloud.reset()
			provider, _ := assuming(t, c.role)
			hosts, _, _ := theCloud.asked()
			require.Empty(t, hosts, "New sends no request")
			got := requireKey(t, provider, "STS.1")
			require.Equal(t, sessionSecret, got.AccessKeySecret.Reveal())
			require.Equal(t, sessionToken, got.SecurityToken.Reveal())

			hosts, requests, _ := theCloud.asked()
			require.Equal(t, []string{c.host}, hosts)
			require.Len(t, requests, 1)
			sent := requests[0]
			require.Empty(t, sent.Duplicate())
			for name, want := range c.want {
				require.Equal(t, want, sent.Get(name), name)
			}
			for name, want := range map[string]string{
				"Action": "AssumeRole", "Version": "2015-04-01", "RoleArn": vaultRole,
				"AccessKeyId": "STS.base", "SecurityToken": staticToken,
			} {
				require.Equal(t, want, sent.Get(name), name)
			}
			stringToSign := signature.StringToSignV1("POST", sent)
			require.True(t, signature.VerifyV1(temporary.AccessKeySecret, stringToSign, sent.Get("Signature")))
		})
	}
}

func TestASessionIsRenewedWhenAThirdOfItIsLeft(t *testing.T) {
	theCloud.reset()
	provider, clock := assuming(t, Role{ARN: vaultRole})
	requireKey(t, provider, "STS.1")
	theCloud.set(func(c *cloud) { c.answer = always[kmsapi.Params](200, session("STS.2", clock.Now().Add(2*time.Hour))) })
	clock.advance(39 * time.Minute)
	requireKey(t, provider, "STS.1")
	settle(provider)
	requireKey(t, provider, "STS.1")
	clock.advance(2 * time.Minute)
	requireKey(t, provider, "STS.1")
	settle(provider)
	requireKey(t, provider, "STS.2")
}

func TestASessionLastsAsLongAsTheClockOfSTSSays(t *testing.T) {
	theCloud.reset()
	provider, clock := assuming(t, Role{ARN: vaultRole})
	clock.advance(-10 * 24 * time.Hour)
	requireKey(t, provider, "STS.1")
	clock.advance(time.Hour + time.Minute)
	_, requests, _ := theCloud.asked()
	require.Len(t, requests, 1)
	requireKey(t, provider, "STS.1") // another session of the same name
	_, requests, _ = theCloud.asked()
	require.Len(t, requests, 2, "an hour has passed, whatever the date")
}

func TestARefusalOfSTSIsReportedWithoutItsMessage(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		says   []string
	}{
		"no permission": {
			403, refusal("NoPermission"), []string{"NoPermission", "r-2", "sts:AssumeRole", "trust policy"},
		},
		"no such role":             {404, refusal("EntityNotExist.Role"), []string{"check its ARN"}},
		"an unknown access key":    {404, refusal("InvalidAccessKeyId.NotFound"), []string{"access key"}},
		"a wrong secret":           {400, refusal("SignatureDoesNotMatch"), []string{"secret"}},
		"a clock that is off":      {400, refusal("InvalidTimeStamp.Expired"), []string{"NTP"}},
		"an unknown code":          {400, refusal("Odd"), []string{"Odd", "sts.aliyuncs.com"}},
		"a code that is too long":  {400, refusal(strings.Repeat(sessionSecret, 4)), []string{"HTTP 400", "endpoint of STS"}},
		"a page of a proxy":        {502, "<html>" + sessionSecret, []string{"HTTP 502", "proxy"}},
		"a redirect":               {302, "", []string{"HTTP 302"}},
		"an answer that isn't one": {200, sessionSecret, []string{"the endpoint of STS"}},
		"an answer of another API": {200, `{"RequestId":"r"}`, []string{"no session"}},
		"a session without token":  {200, `{"Credentials":` + withoutToken + `}`, []string{"no session"}},
		"a session without expiry": {200, `{"Credentials":` + withoutExpiration + `}`, []string{"no session"}},
		"an expired session":       {200, session("STS.1", time.Now().Add(-time.Minute)), []string{"no session"}},
		"an endless answer":        {200, strings.Repeat(sessionSecret, 1<<13), []string{"incomplete"}},
	} {
		t.Run(name, func(t *testing.T) {
			theCloud.reset()
			theCloud.set(func(cloud *cloud) { cloud.answer = always[kmsapi.Params](c.status, c.body) })
			provider, _ := assuming(t, Role{ARN: vaultRole})
			_, err := provider.Credentials(t.Context())
			for _, part := range c.says {
				require.ErrorContains(t, err, part)
			}
			requireNoSecret(t, err.Error())
			require.NotContains(t, err.Error(), "string to sign")
			_, requests, _ := theCloud.asked()
			require.Len(t, requests, 1)
		})
	}
}

// withoutToken is an answer that lacks a field.
const withoutToken = `{"AccessKeyId":"a","AccessKeySecret":"` + sessionSecret + `","Expiration":"2099-01-01T00:00:00Z"}`

func TestAnotherSTSNeedsTheRightCA(t *testing.T) {
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, session("STS.private", time.Now().Add(time.Hour)))
	}))
	defer server.Close()
	server.Config.ErrorLog = theCloud.sts.Config.ErrorLog
	ca := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	provider, _ := assuming(t, Role{ARN: vaultRole, Endpoint: server.URL, CACert: ca})
	requireKey(t, provider, "STS.private")
	provider, _ = assuming(t, Role{ARN: vaultRole, Endpoint: server.URL})
	_, err := provider.Credentials(t.Context())
	require.ErrorContains(t, err, "give the CA certificate that signed its certificate")

	theCloud.reset()
	provider, _ = assuming(t, Role{ARN: vaultRole, CACert: ca})
	requireKey(t, provider, "STS.1") // Even with a private CA for KMS, Alibaba Cloud's own STS is trusted.
}

func TestErrorsOfABrokenSTSHaveNoURL(t *testing.T) {
	for name, c := range map[string]struct {
		serve http.HandlerFunc
		says  string
	}{
		"hangs up":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "failed"},
		"speaks nonsense": {rawAnswer(sessionSecret + "\r\n\r\n"), "incomplete"},
		"stops halfway":   {rawAnswer("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + sessionSecret), "incomplete"},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(c.serve)
			defer server.Close()
			server.Config.ErrorLog = theCloud.sts.Config.ErrorLog
			provider, _ := assuming(t, Role{ARN: vaultRole, Endpoint: server.URL})
			_, err := provider.Credentials(t.Context())
			require.ErrorContains(t, err, c.says)
			requireNoSecret(t, err.Error())
			require.NotContains(t, err.Error(), "http://")
		})
	}
}

// rawAnswer writes answer to the connection, as it is, and closes it.
func rawAnswer(answer string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, answer)
	}
}

func TestABaseThatSTSRefusesIsFetchedAgainOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change   string
		requests int
		says     string
	}{
		"and has changed":              {profile("LTAInew"), 2, ""},
		"and has not":                  {profile("LTAIold"), 1, "InvalidAccessKeyId.NotFound"},
		"and has changed to no better": {profile("LTAIother"), 2, "InvalidAccessKeyId.NotFound"},
		"and is damaged":               {"{", 1, "config.json"},
	} {
		t.Run(name, func(t *testing.T) {
			home := cleanEnvironment(t)
			writeFile(t, home, ".aliyun/config.json", profile("LTAIold"))
			clock := newTick()
			provider, err := New(Config{UseEnvironment: true, Role: Role{ARN: vaultRole}, Clock: clock.Now})
			require.NoError(t, err)
			theCloud.set(func(cloud *cloud) {
				cloud.answer = func(sent kmsapi.Params) (int, string) {
					if sent.Get("AccessKeyId") == "LTAInew" {
						return 200, session("STS.new", time.Now().Add(time.Hour))
					}
					writeFile(t, home, ".aliyun/config.json", c.change)
					return 404, refusal("InvalidAccessKeyId.NotFound")
				}
			})
			_, err = provider.Credentials(t.Context())
			if c.says == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, c.says)
				require.ErrorContains(t, err, "InvalidAccessKeyId.NotFound")
				requireNoSecret(t, err.Error())
			}
			_, requests, _ := theCloud.asked()
			require.Len(t, requests, c.requests)
		})
	}
}

func TestARoleWithoutBaseCredentialsIsNotAssumed(t *testing.T) {
	cleanEnvironment(t)
	provider, err := New(Config{UseEnvironment: true, Role: Role{ARN: vaultRole}})
	require.NoError(t, err)
	_, err = provider.Credentials(t.Context())
	require.ErrorContains(t, err, "ECS instance")
	_, requests, _ := theCloud.asked()
	require.Empty(t, requests)
}

func TestBadRolesAreRefused(t *testing.T) {
	good := Role{ARN: vaultRole}
	for name, c := range map[string]struct {
		change func(*Role)
		says   string
	}{
		"an ARN of something else":      {func(r *Role) { r.ARN = "acs:ram::1:user/vault" }, "Role.ARN is not"},
		"an ARN and a newline":          {func(r *Role) { r.ARN = vaultRole + "\n" }, "Role.ARN is not"},
		"a session name with a space":   {func(r *Role) { r.SessionName = "a b" }, "Role.SessionName must"},
		"a session name that is short":  {func(r *Role) { r.SessionName = "a" }, "Role.SessionName must"},
		"an external id with an accent": {func(r *Role) { r.ExternalID = "é-secret" }, "Role.ExternalID must"},
		"an external id that is long":   {func(r *Role) { r.ExternalID = strings.Repeat("a", 1225) }, "Role.ExternalID must"},
		"a short session":               {func(r *Role) { r.Duration = time.Minute }, "Role.Duration must be 15m"},
		"a long session":                {func(r *Role) { r.Duration = 13 * time.Hour }, "12h"},
		"plain HTTP":                    {func(r *Role) { r.Endpoint = "http://sts.example.com" }, "https"},
		"an endpoint with a path":       {func(r *Role) { r.Endpoint = "sts.example.com/x" }, "Role.Endpoint has more than"},
		"a CA that is not PEM":          {func(r *Role) { r.CACert = "ca.pem" }, "Role.CACert holds no PEM certificate"},
		"a region that is a host":       {inVPC("x.example.com/"), "endpoint"},
		"a region that is a bucket":     {inVPC("oss-cn-hangzhou"), "endpoint"},
		"a region with a port":          {inVPC("x.example.com:443"), "endpoint"},
		"a region with a user":          {inVPC("a@b"), "endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			role := good
			c.change(&role)
			_, err := New(Config{Static: temporary, Role: role})
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "é-secret")
		})
	}
}

func inVPC(region string) func(*Role) {
	return func(r *Role) { r.Region, r.Network = region, kmsapi.NetworkVPC }
}
