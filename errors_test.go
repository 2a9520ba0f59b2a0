package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestErrorsKeepTheirMeaning(t *testing.T) {
	transport := func(err error) error {
		return &client.TransportError{Operation: kmsapi.OpEncrypt, Endpoint: "kms.example.com:443", Err: err}
	}
	for name, c := range map[string]struct {
		err    error
		status int
		says   []string
	}{
		"a key that KMS does not have": {
			kmsapi.ErrKeyNotFound, 404,
			[]string{"Forbidden.KeyNotFound", "The specified Key is not found."},
		},
		"no permission in RAM": {kmsapi.ErrNoPermission, 403, []string{"Forbidden.NoPermission", "RAM"}},
		"a bad parameter":      {kmsapi.ErrInvalidParameter, 400, []string{"InvalidParameter"}},
		"a disabled key": {
			kmsapi.ErrRejectedDisabled, 409,
			[]string{"Rejected.Disabled", "kms/keys/a/enable"},
		},
		"throttling":               {kmsapi.ErrThrottling, 429, []string{"max_parallel"}},
		"throttling that says 400": {&kmsapi.Error{Code: "Throttling", HTTPStatus: 400}, 429, nil},
		"throttling of a resource": {
			&kmsapi.Error{Code: "Throttling.Resource", HTTPStatus: 400}, 429,
			[]string{"max_parallel"},
		},
		"a wrong clock, by gateway": {
			&kmsapi.Error{Code: "RequestTimeTooSkewed", HTTPStatus: 403}, 502,
			[]string{"clock"},
		},
		"a failure inside KMS": {kmsapi.ErrInternalFailure, 502, []string{"InternalFailure"}},
		"KMS unavailable":      {kmsapi.ErrServiceUnavailable, 502, nil},
		"an unknown status":    {&kmsapi.Error{Code: "Odd", HTTPStatus: 302}, 502, []string{"Odd"}},
		"an unknown code": {
			&kmsapi.Error{Code: "New.Code", HTTPStatus: 409, Message: "New."}, 409,
			[]string{"New.Code: New."},
		},
		"an unknown access key": {
			kmsapi.ErrAccessKeyNotFound, 502,
			[]string{"access_key", "vault write kms/config"},
		},
		"a wrong secret":        {kmsapi.ErrIncompleteSignature, 502, []string{"secret_key"}},
		"a wrong clock":         {kmsapi.ErrIllegalTimestamp, 502, []string{"clock"}},
		"a nonce that was used": {kmsapi.ErrSignatureNonceUsed, 502, []string{"try again"}},
		"KMS that can't be reached": {
			transport(errors.New("connection refused")), 502,
			[]string{"kms.example.com:443", "connection refused"},
		},
		"no credentials": {
			&client.CredentialsError{Operation: kmsapi.OpEncrypt, Err: errors.New("none")},
			502,
			[]string{"credentials"},
		},
		"an unknown error":          {errors.New("odd"), 502, []string{"odd"}},
		"a deadline":                {transport(context.DeadlineExceeded), 504, nil},
		"a deadline without a call": {context.DeadlineExceeded, 504, nil},
		"a cancelled call":          {transport(fmt.Errorf("waiting: %w", context.Canceled)), 503, nil},
		"a refusal wrapped by the client": {
			fmt.Errorf("after 3 attempts: %w", kmsapi.ErrRejectedDisabled), 409,
			[]string{"Rejected.Disabled"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.kms.before = func(context.Context, kmsapi.Request) error { return c.err }
			_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
			refused(t, err, c.status, append(c.says, "Encrypt")...)
			require.NotContains(t, err.Error(), "{")
		})
	}
}

func TestAdviceNeverHoldsAPlaceholder(t *testing.T) {
	r := newKeyRig(t, "a")
	for _, op := range kmsapi.Operations() {
		for _, code := range kmsapi.Codes() {
			failed := &callError{op: op, key: "a", err: &kmsapi.Error{Code: code, HTTPStatus: 409}}
			err := r.backend().coded(r.request(logical.UpdateOperation, "encrypt/a", nil), failed)
			require.Contains(t, err.Error(), string(code))
			require.NotContains(t, err.Error(), "{", "%s: %s", op, code)
		}
	}
}

func TestRefusalsBeforeAuthenticationAreTheEnginesFaultAndHaveAdvice(t *testing.T) {
	r := newKeyRig(t, "a")
	checked := 0
	for _, code := range kmsapi.Codes() {
		if !code.Kind().Unauthenticated() {
			continue
		}
		require.NotEmpty(t, whatToDo.ByKind[code.Kind()], code)
		failed := &callError{
			op: kmsapi.OpEncrypt, key: "a",
			err: &kmsapi.Error{Code: code, HTTPStatus: 400, Message: "canary"},
		}
		err := r.backend().coded(r.request(logical.UpdateOperation, "encrypt/a", nil), failed)
		refused(t, err, 502, string(code))
		require.NotContains(t, err.Error(), "canary")
		checked++
	}
	require.NotZero(t, checked)
}

func TestPlaceholdersInMessagesOfKMSAreNotReplaced(t *testing.T) {
	const words = "The name {key} in {mount} is not allowed."
	for name, c := range map[string]struct {
		err  error
		says []string
	}{
		"a refusal with advice": {
			&kmsapi.Error{Code: kmsapi.ErrRejectedDisabled.Code, HTTPStatus: 409, Message: words},
			[]string{"vault write -f kms/keys/a/enable"},
		},
		"a refusal without advice": {&kmsapi.Error{Code: "New.Code", HTTPStatus: 400, Message: words}, nil},
		"no answer": {&client.TransportError{
			Operation: kmsapi.OpEncrypt, Endpoint: "kms:443",
			Err: errors.New(words),
		}, []string{"vault read kms/config"}},
		"no credentials": {
			&client.CredentialsError{Operation: kmsapi.OpEncrypt, Err: errors.New(words)},
			[]string{"vault read kms/config"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.kms.before = func(context.Context, kmsapi.Request) error { return c.err }
			_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
			require.ErrorContains(t, err, words)
			for _, advice := range c.says {
				require.ErrorContains(t, err, advice)
			}
		})
	}
}

func TestStringToSignIsNeverPassedOn(t *testing.T) {
	const dump = "Specified signature is not matched with our calculation. server string to sign is:POST&%2F&Plaintext%3DdG9wLXNlY3JldA"
	for name, dumped := range map[string]*kmsapi.Error{
		"of a wrong signature": {Code: "SignatureDoesNotMatch", HTTPStatus: 400, Message: dump},
		"of a wrong format":    {Code: "IncompleteSignature", HTTPStatus: 400, Message: dump},
		"of an unknown code":   {Code: "Signature.New", HTTPStatus: 400, Message: dump + strings.Repeat("%26", 100)},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.kms.before = func(context.Context, kmsapi.Request) error { return dumped }
			_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
			require.Error(t, err)
			require.NotContains(t, err.Error()+r.log.String(), "dG9wLXNlY3JldA")
			require.Contains(t, err.Error(), string(dumped.Code))
		})
	}
}

func TestErrorsOfVaultPassUnchanged(t *testing.T) {
	r := newRig(t)
	for _, err := range []error{
		logical.ErrUnsupportedOperation, logical.ErrReadOnly, logical.ErrUnsupportedPath,
		errStorage,
	} {
		require.Equal(t, err, r.backend().coded(r.request(logical.ReadOperation, "config", nil), err))
	}
	_, err := r.try(logical.DeleteOperation, "encrypt/a", nil)
	refused(t, err, 405, `"encrypt/a" can't be deleted; it can be written. See: vault path-help kms/encrypt/a`)
}

func TestFailuresOfKMSAreLogged(t *testing.T) {
	r := newKeyRig(t, "a")
	r.kms.before = func(context.Context, kmsapi.Request) error { return answered(kmsapi.ErrInternalFailure) }
	_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 502)
	require.Contains(t, r.log.String(), "InternalFailure")
	require.Contains(t, r.log.String(), "request-1")
}
