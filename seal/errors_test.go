package seal

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

func TestAServerThatCannotUseItsKeyLearnsWhyAtStart(t *testing.T) {
	r := newRig(t)
	other := kmstest.New(t)
	const nowhere, missing = "127.0.0.1:1", "8d6b5f50-7e57-4a0e-9d6f-000000000000"
	type settings = map[string]string
	type says = []string
	for name, tc := range map[string]struct {
		changes settings
		says    says
	}{
		"a wrong secret":               {settings{"secret_key": "canary"}, says{"IncompleteSignature", "secret_key"}},
		"an unknown access key":        {settings{"access_key": "LTAI"}, says{"InvalidAccessKeyId.NotFound", "access_key"}},
		"a key that does not exist":    {settings{"kms_key_id": missing}, says{"Forbidden.KeyNotFound", missing, "region"}},
		"an alias that does not exist": {settings{"kms_key_id": "alias/none"}, says{"Forbidden.AliasNotFound", "kms_key_id"}},
		"a CA that did not sign":       {settings{"ca_cert": other.CACert}, says{r.kms.Endpoint, "ca_cert"}},
		"nothing that listens":         {settings{"domain": nowhere}, says{nowhere, "endpoint"}},
		"no credentials at all":        {settings{"access_key": "", "secret_key": ""}, says{"credentials"}},
		"no permission": {
			r.allow("kms:Encrypt", "kms:Decrypt"), says{"Forbidden.NoPermission", "kms:DescribeKey"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.try(tc.changes)
			failed, ok := errors.AsType[*Error](err)
			require.True(t, ok, "%T: %v", err, err)
			require.Equal(t, kmsapi.OpDescribeKey, failed.Operation)
			require.Contains(t, err.Error(), "DescribeKey")
			for _, part := range tc.says {
				require.Contains(t, err.Error(), part)
			}
			for _, secret := range []string{"canary", r.kms.AccessKeySecret.Reveal()} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
}

func TestAMissingPermissionIsNamed(t *testing.T) {
	r := newRig(t)
	blob := r.seal(r.wrapper(nil), "secret")
	w := r.wrapper(r.allow("kms:DescribeKey"))
	_, err := w.Encrypt(t.Context(), []byte("secret"))
	require.ErrorIs(t, err, kmsapi.ErrNoPermission)
	require.ErrorContains(t, err, "kms:Encrypt")
	_, err = w.Decrypt(t.Context(), blob)
	require.ErrorIs(t, err, kmsapi.ErrNoPermission)
	require.ErrorContains(t, err, "kms:Decrypt")
	r.allow("kms:DescribeKey", "kms:Decrypt")
	r.opens(w, blob, "secret")
}

func TestTheStateOfTheKeyIsExplained(t *testing.T) {
	r := newRig(t)
	w := r.wrapper(nil)
	blob := r.seal(w, "secret")
	for _, tc := range []struct {
		name  string
		do    func() error
		cause *kmsapi.Error
		says  string
	}{
		{"disabled", func() error {
			_, err := r.admin.DisableKey(t.Context(), &kmsapi.DisableKeyRequest{KeyId: r.key})
			return err
		}, kmsapi.ErrRejectedDisabled, "enable it"},
		{"scheduled for deletion", func() error {
			request := &kmsapi.ScheduleKeyDeletionRequest{KeyId: r.key, PendingWindowInDays: 7}
			_, err := r.admin.ScheduleKeyDeletion(t.Context(), request)
			return err
		}, kmsapi.ErrRejectedPendingDeletion, "cancel that"},
		{"deleted", func() error {
			r.kms.Advance(8 * 24 * time.Hour)
			return r.kms.Sweep()
		}, kmsapi.ErrKeyNotFound, "lost"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			require.NoError(t, tc.do())
			_, err := w.Decrypt(t.Context(), blob)
			require.ErrorIs(t, err, tc.cause)
			require.ErrorContains(t, err, tc.says)
			_, err = w.Encrypt(t.Context(), []byte("secret"))
			require.ErrorIs(t, err, tc.cause)
		})
	}
}

func TestAnUnreachableServiceIsReported(t *testing.T) {
	r := newRig(t)
	w := r.wrapper(nil)
	blob := r.seal(w, "secret")
	r.kms.Stop()
	_, err := w.Decrypt(t.Context(), blob)
	unreachable, ok := errors.AsType[*client.TransportError](err)
	require.True(t, ok, "%T: %v", err, err)
	require.Equal(t, r.kms.Endpoint, unreachable.Endpoint)
	r.kms.Start()
	r.opens(w, blob, "secret")
}

// The message of a refusal of credentials may quote the string that was signed, so it is not passed on.
func TestRefusalsOfCredentialsAreReportedByTheirCode(t *testing.T) {
	for _, code := range kmsapi.Codes() {
		if !code.Kind().Unauthenticated() {
			continue
		}
		refused := &kmsapi.Error{Code: code, HTTPStatus: 400, Message: "canary", RequestID: "request-1"}
		stsIsAway := errors.New("STS is away")
		for name, err := range map[string]error{
			"a refusal":                refused,
			"with no other credential": &client.CredentialsError{Operation: kmsapi.OpDecrypt, Refusal: refused, Err: stsIsAway},
		} {
			message := (&Error{Operation: kmsapi.OpDecrypt, KeyID: "alias/unseal", Err: err}).Error()
			require.Contains(t, message, string(code), name)
			require.Contains(t, message, "Decrypt", name)
			require.NotContains(t, message, "canary", name)
		}
	}
	long := &kmsapi.Error{Code: "Unheard.Of", HTTPStatus: 400, Message: strings.Repeat("canary", 100)}
	require.NotContains(t, (&Error{Operation: kmsapi.OpDecrypt, Err: long}).Error(), "canary")
	short := &kmsapi.Error{Code: "Unheard.Of", HTTPStatus: 400, Message: "It is so."}
	require.Contains(t, (&Error{Operation: kmsapi.OpDecrypt, Err: short}).Error(), "It is so.")
}
