package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// numbered returns the n-th access key of a rotating provider.
func numbered(n int64) client.Credentials {
	return client.Credentials{
		AccessKeyID:     "key-" + strconv.FormatInt(n, 10),
		AccessKeySecret: kmsapi.NewSecret(secretKey),
		SecurityToken:   kmsapi.NewSecret(stsToken),
	}
}

// rotating is a provider whose Refresh returns the next access key. If it is stuck, Refresh returns the refused one,
// and if err is set, that error.
type rotating struct {
	current, refreshes atomic.Int64
	stuck              bool
	err                error
}

func (r *rotating) Credentials(context.Context) (client.Credentials, error) {
	return numbered(r.current.Load()), nil
}

func (r *rotating) Refresh(_ context.Context, refused client.Credentials) (client.Credentials, error) {
	r.refreshes.Add(1)
	if r.err != nil || r.stuck {
		return refused, r.err
	}
	n, _ := strconv.ParseInt(refused.AccessKeyID[len("key-"):], 10, 64)
	r.current.CompareAndSwap(n, n+1)
	return numbered(r.current.Load()), nil
}

// refusedCodes are the codes with which the gateway and KMS refuse credentials.
var refusedCodes = []kmsapi.Code{
	"InvalidAccessKeyId.NotFound", "InvalidAccessKeyId.Inactive", "InvalidAccessKeyId", "Forbidden.AccessKey",
	"IncompleteSignature", "SignatureDoesNotMatch", "InvalidAccessKeySecret",
	"InvalidSecurityToken.Malformed", "InvalidSecurityToken.Expired", "InvalidSecurityToken.MismatchWithAccessKey",
	"MissingSecurityToken",
}

// withProvider makes the client use provider, without retries.
func withProvider(provider client.Provider) func(*client.Config) {
	return func(cfg *client.Config) { cfg.Credentials, cfg.MaxRetries = provider, -1 }
}

func TestRefusedCredentialsAreReplacedOnce(t *testing.T) {
	for _, code := range refusedCodes {
		for name, call := range operations {
			t.Run(string(code)+" to "+name, func(t *testing.T) {
				server, provider := newScript(t, refuse(http.StatusBadRequest, code), done), &rotating{}
				c := server.dial(t, withProvider(provider))
				require.NoError(t, call(t.Context(), c), "this does not count as a retry")
				require.Equal(t, int64(1), provider.refreshes.Load())
				seen := server.seen()
				require.Len(t, seen, 2)
				require.Equal(t, "key-0", seen[0].form.Get("AccessKeyId"))
				require.Equal(t, "key-1", seen[1].form.Get("AccessKeyId"))
				require.NotEqual(t, seen[0].form.Get("SignatureNonce"), seen[1].form.Get("SignatureNonce"))
				require.NotEqual(t, seen[0].form.Get("Signature"), seen[1].form.Get("Signature"))
			})
		}
	}
}

func TestRefusalIsReturnedIfNewCredentialsDoNotHelp(t *testing.T) {
	expired := refuse(http.StatusBadRequest, "InvalidSecurityToken.Expired")
	for _, tc := range []struct {
		name                string
		provider            client.Provider
		answer              step
		requests, refreshes int
	}{
		{"the new credentials are refused too", &rotating{}, expired, 2, 1},
		{"there are no new credentials", &rotating{stuck: true}, expired, 1, 1},
		{"the provider can't refresh", staff, expired, 1, 0},
		{"the refusal is about the request", &rotating{}, refuse(http.StatusForbidden, "Forbidden.NoPermission"), 1, 0},
		{"the refusal is about the clock", &rotating{}, refuse(http.StatusBadRequest, "IllegalTimestamp"), 2, 0},
		{"the refusal is about the nonce", &rotating{}, refuse(http.StatusBadRequest, "SignatureNonceUsed"), 1, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := newScript(t, tc.answer)
			var refusal *kmsapi.Error
			require.ErrorAs(t, encrypt(t.Context(), server.dial(t, withProvider(tc.provider))), &refusal)
			require.Len(t, server.seen(), tc.requests)
			if provider, ok := tc.provider.(*rotating); ok {
				require.Equal(t, int64(tc.refreshes), provider.refreshes.Load())
			}
		})
	}
}

func TestFailedRefreshIsReportedWithTheRefusal(t *testing.T) {
	server := newScript(t, refuse(http.StatusBadRequest, "InvalidSecurityToken.Expired"))
	cause := errors.New("STS is down")
	err := encrypt(t.Context(), server.dial(t, withProvider(&rotating{err: cause})))
	var missing *client.CredentialsError
	require.ErrorAs(t, err, &missing)
	require.ErrorIs(t, err, cause)
	require.ErrorIs(t, err, &kmsapi.Error{Code: "InvalidSecurityToken.Expired"})
	require.ErrorContains(t, err, "InvalidSecurityToken.Expired")
	require.ErrorContains(t, err, "STS is down")
	requireNoSecret(t, err.Error())
	require.Len(t, server.seen(), 1)
}

func TestOneCallRecoversFromBothClockSkewAndExpiredCredentials(t *testing.T) {
	expired := refuse(http.StatusBadRequest, "InvalidSecurityToken.Expired")
	server := newScript(t, clockOff("IllegalTimestamp", noon), expired, done)
	require.NoError(t, createKey(t.Context(), server.dial(t, withProvider(&rotating{}))))
	require.Len(t, server.seen(), 3)
}

func TestEachOfManyParallelCallsRecoversFromExpiredCredentials(t *testing.T) {
	expired := refuse(http.StatusBadRequest, "InvalidSecurityToken.Expired")
	server := newScript(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Form.Get("AccessKeyId") == "key-0" {
			expired(w, r)
			return
		}
		done(w, r)
	})
	c := server.dial(t, withProvider(&rotating{}))
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			if err := encrypt(context.Background(), c); err != nil {
				t.Error(fmt.Errorf("call %d: %w", i, err))
			}
		})
	}
	all.Wait()
}
