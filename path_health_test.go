package alicloudkms

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestHealthSaysWhatIsWrong(t *testing.T) {
	for name, c := range map[string]struct {
		failure                      error
		healthy, reachable, accepted bool
		says                         string
	}{
		"nothing":              {nil, true, true, true, ""},
		"no permission in RAM": {answered(kmsapi.ErrNoPermission), true, true, true, "may not call DescribeRegions"},
		"throttling":           {answered(kmsapi.ErrThrottling), false, true, true, "max_parallel"},
		"an unknown access key": {
			answered(kmsapi.ErrAccessKeyNotFound), false, true, false,
			"vault write kms/config access_key",
		},
		"a disabled access key": {answered(kmsapi.ErrAccessKeyInactive), false, true, false, "enable it in RAM"},
		"a wrong secret":        {answered(kmsapi.ErrIncompleteSignature), false, true, false, "secret_key"},
		"a wrong clock":         {answered(kmsapi.ErrIllegalTimestamp), false, true, false, "clock"},
		"a failure inside KMS":  {answered(kmsapi.ErrInternalFailure), false, true, false, "InternalFailure"},
		"an unknown refusal": {
			answered(&kmsapi.Error{Code: "New.Code", HTTPStatus: 400}), false, true, false,
			"New.Code",
		},
		"KMS that can't be reached": {&client.TransportError{
			Operation: kmsapi.OpDescribeRegions, Endpoint: "kms:443",
			Err: errors.New("refused"),
		}, false, false, false, "kms:443"},
		"KMS that does not answer": {context.DeadlineExceeded, false, false, false, "deadline"},
		"missing credentials": {
			&client.CredentialsError{Operation: kmsapi.OpDescribeRegions, Err: errors.New("none")},
			false, false, false, "credentials",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			r.fails(kmsapi.OpDescribeRegions, c.failure)
			health := r.read("health").Data
			require.Equal(t, c.healthy, health["healthy"])
			require.Equal(t, c.reachable, health["kms_reachable"])
			require.Equal(t, c.accepted, health["credentials_accepted"])
			require.Equal(t, "cn-hangzhou", health["region"])
			require.Equal(t, "kms.cn-hangzhou.aliyuncs.com:443", health["endpoint"])
			require.Len(t, health, len(healthAnswer))
			for field := range health {
				require.Contains(t, healthAnswer, field)
			}

			code, id := "", ""
			if refused, ok := errors.AsType[*kmsapi.Error](c.failure); ok {
				code, id = string(refused.Code), "request-1"
			}
			require.Equal(t, code, health["error_code"])
			if c.failure == nil {
				require.Empty(t, health["error"])
				require.NotEmpty(t, health["request_id"])
				return
			}
			require.Equal(t, id, health["request_id"])
			require.Contains(t, health["error"], c.says)
			_, err := r.try(logical.ReadOperation, "regions", nil)
			require.EqualError(t, err, health["error"].(string), "any other path says the same")
		})
	}
}

func TestHealthMeasuresTheCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		r.write("config", with(goodConfig(), body{"verify": false}))
		r.kms.before = func(context.Context, kmsapi.Request) error {
			time.Sleep(1234 * time.Millisecond)
			return kmsapi.ErrInternalFailure
		}
		require.Equal(t, int64(1234), r.read("health").Data["latency_ms"])
	})
}

func TestHealthFollowsTheService(t *testing.T) {
	r, service, config := newRealRig(t)
	r.write("config", config)
	health := r.read("health").Data
	require.Equal(t, true, health["healthy"])
	require.Equal(t, service.Endpoint, health["endpoint"])
	service.Stop()
	health = r.read("health").Data
	require.Equal(t, false, health["healthy"])
	require.Equal(t, false, health["kms_reachable"])
	require.Contains(t, health["error"], service.Endpoint)
	service.Start()
	require.Equal(t, true, r.read("health").Data["healthy"])
	r.write("config", body{"access_key": "LTAInobody", "secret_key": "wrong", "verify": false})
	health = r.read("health").Data
	require.Equal(t, []any{false, true, false}, []any{
		health["healthy"], health["kms_reachable"],
		health["credentials_accepted"],
	})
	require.Equal(t, "InvalidAccessKeyId.NotFound", health["error_code"])
	require.NotEmpty(t, health["request_id"])
}

func TestBrokenStorageIsAnErrorOfHealth(t *testing.T) {
	r := newKeyRig(t)
	r.b.InvalidateKey(t.Context(), "config")
	r.storage.reset("get", 1)
	_, err := r.try(logical.ReadOperation, "health", nil)
	require.ErrorIs(t, err, errStorage)
}
