package alicloudkms

import (
	"context"
	"crypto/x509"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestConfigIsReadBackWithoutSecrets(t *testing.T) {
	r := newRig(t)
	require.Nil(t, r.read("config"))
	r.write("config", with(goodConfig(),
		body{"security_token": "the-token", "request_timeout": "1m", "max_retries": 0, "max_parallel": "8"}))
	require.Equal(t, body{
		"region": "cn-hangzhou", "endpoint": "", "network": "public", "ca_cert": "", "access_key": "LTAIgood",
		"use_environment": false, "role_arn": "", "role_session_name": "", "role_external_id": "", "sts_endpoint": "",
		"ram_endpoint": "", "pending_access_key": "", "retiring_access_key": "", "retiring_since": "",
		"max_retries": 0, "request_timeout": 60, "max_parallel": 8, "cache_ttl": 60,
		"kms_instance_id": "", "gateway": "shared", "instance_endpoint": "", "instance_tls_server_name": "",
		"instance_ca_cert": "",
	}, r.read("config").Data)
}

func TestClientGetsWhatIsConfigured(t *testing.T) {
	r := newRig(t)
	r.write("config", body{
		"region": "cn-beijing", "network": "vpc", "endpoint": "kms.example.com:8443",
		"access_key": "LTAIgood", "secret_key": "good-secret", "security_token": "token",
		"max_retries": 0, "request_timeout": 7,
	})
	r.write("keys/a", nil)
	opened := r.kms.opened[len(r.kms.opened)-1]
	require.Equal(t, "cn-beijing", opened.Region)
	require.Equal(t, kmsapi.NetworkVPC, opened.Network)
	require.Equal(t, "kms.example.com:8443", opened.Endpoint)
	require.Equal(t, 7*time.Second, opened.RequestTimeout)
	require.Negative(t, opened.MaxRetries, "the client's 0 would mean its default")
	credentials, err := opened.Credentials.Credentials(t.Context())
	require.NoError(t, err)
	require.Equal(t, "LTAIgood", credentials.AccessKeyID)
	require.Equal(t, "good-secret", credentials.AccessKeySecret.Reveal(), "secrets must survive storage")
	require.Equal(t, "token", credentials.SecurityToken.Reveal())
}

func TestConfigUpdateKeepsOtherFields(t *testing.T) {
	r := newRig(t)
	r.write("config", with(goodConfig(), body{"max_retries": 7, "security_token": "token"}))
	r.write("config", body{"network": "vpc", "region": nil})
	require.Equal(t, 7, r.read("config").Data["max_retries"])
	require.Equal(t, "cn-hangzhou", r.read("config").Data["region"], "null is not a mention")
	stored, err := loadConfig(t.Context(), r.storage)
	require.NoError(t, err)
	require.Equal(t, "good-secret", stored.SecretKey.Reveal())
	require.Equal(t, "token", stored.SecurityToken.Reveal())
}

func TestNewAccessKeyNeedsItsSecretAndDropsTheOldToken(t *testing.T) {
	r := newRig(t)
	r.write("config", with(goodConfig(), body{"security_token": "token"}))
	_, err := r.tryWrite("config", body{"access_key": "LTAInew"})
	refused(t, err, 400, "secret_key")
	r.write("config", body{"access_key": "LTAInew", "secret_key": "new-secret"})
	stored, err := loadConfig(t.Context(), r.storage)
	require.NoError(t, err)
	require.True(t, stored.SecurityToken.IsEmpty())
}

func TestNewEndpointNeedsTheSecretAgain(t *testing.T) {
	r := newRig(t)
	r.write("config", with(goodConfig(), body{"security_token": "token"}))
	_, err := r.tryWrite("config", body{"endpoint": "kms.attacker.example", "verify": false})
	refused(t, err, 400, "secret_key", "endpoint")
	require.Empty(t, r.read("config").Data["endpoint"])
	r.write("config", body{"endpoint": "kms.example.com", "secret_key": "good-secret"})
	stored, err := loadConfig(t.Context(), r.storage)
	require.NoError(t, err)
	require.True(t, stored.SecurityToken.IsEmpty(), "no token goes to a place that its owner has not named")
}

func TestConfigThatKMSRefusesIsNotStored(t *testing.T) {
	gateway := func(code kmsapi.Code, status int) error {
		return &kmsapi.Error{
			Code: code, HTTPStatus: status, RequestID: "request-9",
			Message: "server string to sign is:POST&%2F&SecurityToken%3Dthe-token",
		}
	}
	transport := func(err error) error {
		return &client.TransportError{Operation: kmsapi.OpDescribeRegions, Endpoint: "kms.example.com:443", Err: err}
	}
	for name, c := range map[string]struct {
		answer error
		status int
		says   []string
	}{
		"a wrong secret":             {kmsapi.ErrIncompleteSignature, 400, []string{"secret_key", "secret_key=@FILE"}},
		"a wrong secret, by gateway": {gateway("SignatureDoesNotMatch", 400), 400, []string{"secret_key", "request-9"}},
		"an unknown access key":      {kmsapi.ErrAccessKeyNotFound, 400, []string{"access_key"}},
		"a disabled access key":      {kmsapi.ErrAccessKeyInactive, 400, []string{"access_key", "disabled"}},
		"an expired token":           {gateway("InvalidSecurityToken.Expired", 400), 400, []string{"security_token"}},
		"a wrong clock":              {kmsapi.ErrIllegalTimestamp, 400, []string{"clock"}},
		"no permission":              {kmsapi.ErrNoPermission, 403, []string{"DescribeRegions", "verify=false"}},
		"a failure inside KMS":       {kmsapi.ErrServiceUnavailable, 502, []string{"ServiceUnavailableTemporary"}},
		"throttling": {
			&kmsapi.Error{Code: "Throttling.User", HTTPStatus: 400, Message: "Denied."}, 429,
			[]string{"Throttling.User", "Denied."},
		},
		"an untrusted CA": {transport(x509.UnknownAuthorityError{}), 502, []string{"ca_cert"}},
		"KMS down": {
			transport(errors.New("connection refused")), 502,
			[]string{"kms.example.com:443", "connection refused"},
		},
		"KMS that hangs": {transport(context.DeadlineExceeded), 504, []string{"DescribeRegions"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.kms.before = func(context.Context, kmsapi.Request) error { return c.answer }
			_, err := r.tryWrite("config", goodConfig())
			refused(t, err, c.status, append(c.says, "Nothing was stored")...)
			require.NotContains(t, err.Error(), "vault ", "no command works on a configuration that does not exist")
			require.NotContains(t, err.Error(), "string to sign")
			require.Nil(t, r.read("config"))
			require.Equal(t, 1, r.kms.closed, "the client that was tried is closed")

			r.write("config", with(goodConfig(), body{"verify": false}))
			require.NotNil(t, r.read("config"))
		})
	}
}

func TestRefusedConfigLeavesTheOldOneInUse(t *testing.T) {
	r := newKeyRig(t, "a")
	before := r.read("config").Data
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpDescribeRegions {
			return kmsapi.ErrIncompleteSignature
		}
		return nil
	}
	_, err := r.tryWrite("config", body{"region": "cn-beijing", "secret_key": "wrong"})
	refused(t, err, 400)
	require.Equal(t, before, r.read("config").Data)
	r.encrypt("a", hello)
}

func TestBadConfigIsRefusedBeforeKMSIsAsked(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]any
		says   string
	}{
		"no region":                      {body{"region": ""}, "region"},
		"an unknown region":              {body{"region": "mars-1"}, "mars-1"},
		"an unknown network":             {body{"network": "moon"}, "network"},
		"no access key":                  {body{"access_key": ""}, "access_key"},
		"no secret":                      {body{"secret_key": ""}, "secret_key"},
		"http to another host":           {body{"endpoint": "http://kms.example.com"}, "https"},
		"an endpoint with a path":        {body{"endpoint": "kms.example.com/kms"}, "endpoint"},
		"a CA not in PEM":                {body{"ca_cert": "hello"}, "ca_cert"},
		"too many retries":               {body{"max_retries": 11}, "max_retries"},
		"a negative number of retries":   {body{"max_retries": -1}, "max_retries"},
		"no timeout":                     {body{"request_timeout": 0}, "request_timeout"},
		"too long a timeout":             {body{"request_timeout": "1h"}, "request_timeout"},
		"a timeout not a duration":       {body{"request_timeout": "soon"}, "request_timeout"},
		"a negative number of calls":     {body{"max_parallel": -1}, "max_parallel"},
		"a field that does not exist":    {body{"reigon": "cn-hangzhou"}, `"reigon"`},
		"verify neither true nor false":  {body{"verify": "perhaps"}, "verify"},
		"verify empty, which is neither": {body{"verify": ""}, "verify"},
		"a secret not a string":          {body{"secret_key": body{"a": "b"}}, "secret_key"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			_, err := r.tryWrite("config", with(goodConfig(), c.change))
			refused(t, err, 400, c.says)
			require.Zero(t, r.kms.total())
			require.Nil(t, r.read("config"))
		})
	}
}

func TestConfigDeleteClosesTheConnection(t *testing.T) {
	r := newKeyRig(t, "a")
	closed := r.kms.closed
	r.do(logical.DeleteOperation, "config", nil)
	require.Equal(t, closed+1, r.kms.closed)
	_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 400, "not configured", "vault write kms/config")
	r.do(logical.DeleteOperation, "config", nil)
}

func TestConfigExistsOnceItIsWritten(t *testing.T) {
	r := newRig(t)
	exists := func() bool {
		bad := body{"max_retries": "top-secret"} // Vault logs errors of existence checks, so they don't check fields.
		found, exists, err := r.b.HandleExistenceCheck(t.Context(), r.request(logical.CreateOperation, "config", bad))
		require.NoError(t, err)
		require.True(t, found)
		return exists
	}
	require.False(t, exists())
	r.do(logical.CreateOperation, "config", goodConfig())
	require.True(t, exists())
	r.storage.reset("get", 1)
	_, _, err := r.b.HandleExistenceCheck(t.Context(), r.request(logical.UpdateOperation, "config", nil))
	require.ErrorIs(t, err, errStorage, "a storage error must not look like a missing config")
}

func TestOneConfigChangeAtATime(t *testing.T) {
	r := newRig(t)
	asked, goOn := make(chan struct{}), make(chan struct{})
	r.kms.before = func(context.Context, kmsapi.Request) error {
		close(asked)
		<-goOn
		return nil
	}
	done := make(chan error)
	go func() {
		_, err := r.tryWrite("config", goodConfig())
		done <- err
	}()
	<-asked
	_, err := r.tryWrite("config", goodConfig())
	refused(t, err, 409, "try again")
	_, err = r.try(logical.DeleteOperation, "config", nil)
	refused(t, err, 409)
	close(goOn)
	require.NoError(t, <-done)
}

func TestStorageFaultsOfConfigAreErrors(t *testing.T) {
	for name, c := range map[string]struct {
		op   logical.Operation
		kind string
	}{
		"a write that can't read":  {logical.UpdateOperation, "get"},
		"a write that can't store": {logical.UpdateOperation, "put"},
		"read":                     {logical.ReadOperation, "get"},
		"delete":                   {logical.DeleteOperation, "delete"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.storage.reset(c.kind, 1)
			data := body{"max_retries": 1}
			if c.op != logical.UpdateOperation {
				data = nil
			}
			_, err := r.try(c.op, "config", data)
			require.ErrorIs(t, err, errStorage)
			r.storage.reset("", 0)
			require.Equal(t, defaultMaxRetries, r.read("config").Data["max_retries"])
			r.encrypt("a", hello)
		})
	}
}

func TestDamagedConfigIsAnErrorThatShowsNoneOfIt(t *testing.T) {
	r := newRig(t)
	require.NoError(t, r.storage.Put(t.Context(),
		&logical.StorageEntry{Key: "config", Value: []byte(`{"secret_key":"top-secret`)}))
	_, err := r.try(logical.ReadOperation, "config", nil)
	require.ErrorContains(t, err, "damaged")
	require.False(t, strings.Contains(err.Error(), "top-secret"))
}

func TestConfigIsPatched(t *testing.T) {
	r := newRig(t)
	_, err := r.try(logical.PatchOperation, "config", goodConfig())
	refused(t, err, 404, "vault write kms/config")
	r.write("config", with(goodConfig(), body{"max_retries": 7, "network": "vpc", "max_parallel": 5}))
	before := r.read("config").Data

	require.Nil(t, r.do(logical.PatchOperation, "config", body{"max_parallel": 9}))
	require.Equal(t, with(before, body{"max_parallel": 9}), r.read("config").Data)
	r.do(logical.PatchOperation, "config", body{"max_retries": nil, "network": nil, "max_parallel": nil, "verify": nil})
	require.Equal(t, with(before, body{"max_retries": defaultMaxRetries, "network": "public", "max_parallel": 0}),
		r.read("config").Data)
	for _, patch := range []map[string]any{
		{"secret_key": nil},
		{"access_key": nil},
		{"region": nil},
		{"endpoint": "127.0.0.1:1"},
	} {
		_, err := r.try(logical.PatchOperation, "config", patch)
		refused(t, err, 400)
	}
	r.kms.before = failing(kmsapi.OpDescribeRegions, answered(kmsapi.ErrAccessKeyNotFound))
	_, err = r.try(logical.PatchOperation, "config", body{"max_parallel": 1})
	refused(t, err, 400, "access_key")
	require.EqualValues(t, 0, r.read("config").Data["max_parallel"])
}
