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

func TestServerThatCannotUseItsKeyIsToldWhyAtStart(t *testing.T) {
	r := newRig(t)
	other := kmstest.New(t)
	nothing := "127.0.0.1:1"
	for name, tc := range map[string]struct {
		changes map[string]string
		says    []string
	}{
		"a wrong secret":            {map[string]string{"secret_key": "canary"}, []string{"DescribeKey", "IncompleteSignature", "secret_key"}},
		"an unknown access key":     {map[string]string{"access_key": "LTAIunknown"}, []string{"InvalidAccessKeyId.NotFound", "access_key"}},
		"a key that does not exist": {map[string]string{"kms_key_id": "8d6b5f50-7e57-4a0e-9d6f-000000000000"}, []string{"Forbidden.KeyNotFound", "8d6b5f50", "region"}},
		"an alias that is none":     {map[string]string{"kms_key_id": "alias/none"}, []string{"Forbidden.AliasNotFound", "alias/none", "kms_key_id"}},
		"a CA that did not sign":    {map[string]string{"ca_cert": other.CACert}, []string{"DescribeKey", r.kms.Endpoint, "ca_cert"}},
		"nothing that listens":      {map[string]string{"domain": nothing}, []string{"DescribeKey", nothing, "endpoint"}},
		"no credentials at all":     {map[string]string{"access_key": "", "secret_key": ""}, []string{"DescribeKey", "credentials"}},
		"no permission":             {r.allow("kms:Encrypt", "kms:Decrypt"), []string{"Forbidden.NoPermission", "kms:DescribeKey"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.try(tc.changes)
			failed, ok := errors.AsType[*Error](err)
			require.True(t, ok, "%T: %v", err, err)
			require.Equal(t, kmsapi.OpDescribeKey, failed.Operation)
			for _, text := range tc.says {
				require.Contains(t, err.Error(), text)
			}
			for _, secret := range []string{"canary", r.kms.AccessKeySecret.Reveal()} {
				require.NotContains(t, err.Error(), secret)
			}
		})
	}
}

func TestMissingPermissionIsNamed(t *testing.T) {
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

func TestStateOfTheKeyIsExplained(t *testing.T) {
	r := newRig(t)
	w := r.wrapper(nil)
	blob := r.seal(w, "secret")
	key := r.key
	for _, tc := range []struct {
		name  string
		do    func() error
		cause *kmsapi.Error
		says  string
	}{
		{"disabled", func() error {
			_, err := r.admin.DisableKey(t.Context(), &kmsapi.DisableKeyRequest{KeyId: key})
			return err
		}, kmsapi.ErrRejectedDisabled, "enable it"},
		{"waiting for its deletion", func() error {
			_, err := r.admin.ScheduleKeyDeletion(t.Context(), &kmsapi.ScheduleKeyDeletionRequest{KeyId: r.key, PendingWindowInDays: 7})
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

func TestServiceThatIsAwayIsSaidToBe(t *testing.T) {
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

// What a refusal of credentials says may quote what was signed, so it is not passed on.
func TestRefusalsOfCredentialsAreReportedByTheirCode(t *testing.T) {
	for _, code := range kmsapi.Codes() {
		if !code.Kind().Unauthenticated() {
			continue
		}
		refused := &kmsapi.Error{Code: code, HTTPStatus: 400, Message: "canary", RequestID: "request-1"}
		for name, err := range map[string]error{
			"a refusal":        refused,
			"without recourse": &client.CredentialsError{Operation: kmsapi.OpDecrypt, Refusal: refused, Err: errors.New("STS is away")},
		} {
			text := (&Error{Operation: kmsapi.OpDecrypt, KeyID: "alias/unseal", Err: err}).Error()
			require.Contains(t, text, string(code), name)
			require.Contains(t, text, "Decrypt", name)
			require.NotContains(t, text, "canary", name)
		}
	}
	long := &kmsapi.Error{Code: "Unheard.Of", HTTPStatus: 400, Message: strings.Repeat("canary", 100)}
	require.NotContains(t, (&Error{Operation: kmsapi.OpDecrypt, Err: long}).Error(), "canary")
	short := &kmsapi.Error{Code: "Unheard.Of", HTTPStatus: 400, Message: "It is so."}
	require.Contains(t, (&Error{Operation: kmsapi.OpDecrypt, Err: short}).Error(), "It is so.")
}
