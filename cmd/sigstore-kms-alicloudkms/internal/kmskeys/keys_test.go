package kmskeys

import (
	"context"
	"encoding/base64"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// What comes from KMS is checked, since a signature is published, and can't be taken back.
func TestAnAnswerThatIsNotTheKeysIsNotPassedOn(t *testing.T) {
	const other = "00000000-0000-0000-0000-000000000000"
	for name, c := range map[string]struct {
		op    kmsapi.Operation
		field string
		value any
		says  string
	}{
		"a signature of something else": {
			kmsapi.OpAsymmetricSign, "Value", base64.StdEncoding.EncodeToString([]byte("sig")), "does not verify",
		},
		"a signature that is not base64":    {kmsapi.OpAsymmetricSign, "Value", "%", "does not verify"},
		"a signature by another key":        {kmsapi.OpAsymmetricSign, "KeyId", other, "another key"},
		"a signature by another version":    {kmsapi.OpAsymmetricSign, "KeyVersionId", other, "another version"},
		"a public key of another version":   {kmsapi.OpGetPublicKey, "KeyVersionId", other, "another version"},
		"a public key that is none":         {kmsapi.OpGetPublicKey, "PublicKey", "canary", "is not PEM"},
		"a list of versions without any":    {kmsapi.OpListKeyVersions, "KeyVersions", map[string]any{}, "shows no version"},
		"a list of versions, without a key": {kmsapi.OpListKeyVersions, "KeyVersions", nil, "shows no version"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.newKey("alias/release")
			_, err := r.sign("alias/release")
			require.NoError(t, err)
			r.forge = func(op kmsapi.Operation, fields map[string]any) {
				if op == c.op {
					fields[c.field] = c.value
				}
			}
			_, err = r.sign("alias/release")
			require.ErrorContains(t, err, c.says)
			require.NotContains(t, err.Error(), "canary")
		})
	}
}

// A KMS that confuses two keys does so in all its answers, and its signatures are right for the key that it shows.
func TestAnotherKeyIsNotTakenForTheOneThatIsNamed(t *testing.T) {
	r := newRig(t)
	named, other := r.newKey("alias/release"), r.newKey("alias/other")
	described, err := r.admin.DescribeKey(t.Context(), &kmsapi.DescribeKeyRequest{KeyId: named})
	require.NoError(t, err)
	for _, key := range []string{named, described.KeyMetadata.Arn, "alias/release"} {
		_, err := r.keys.PublicKey(t.Context(), request(key))
		require.NoError(t, err)
		r.forge = func(_ kmsapi.Operation, fields map[string]any) {
			if _, ok := fields["KeyId"]; ok {
				fields["KeyId"] = other
			}
		}
		_, err = r.sign(key)
		require.ErrorIs(t, err, errOtherVersion, key)
		_, err = r.keys.PublicKey(t.Context(), request(key))
		require.ErrorIs(t, err, errOtherVersion, key)
		r.forge = nil
	}
}

func TestAVerdictAboutAnotherKeyIsNone(t *testing.T) {
	r := newRig(t)
	r.newKey("alias/release")
	signature, err := r.sign("alias/release")
	require.NoError(t, err)
	for _, field := range []string{"KeyId", "KeyVersionId"} {
		r.forge = func(op kmsapi.Operation, fields map[string]any) {
			if op == kmsapi.OpAsymmetricVerify {
				fields[field], fields["Value"] = "another", true
			}
		}
		require.ErrorIs(t, r.verify("alias/release", true, signature), errOtherVersion)
	}
	r.forge = nil
	require.NoError(t, r.verify("alias/release", true, signature))
}

// One key signs what it began with, whatever becomes of its alias meanwhile.
func TestAnAliasThatMovesMeanwhileChangesNothing(t *testing.T) {
	r := newRig(t)
	first := r.newKey("alias/release")
	second := r.newKey("alias/next")
	for _, after := range []kmsapi.Operation{kmsapi.OpGetPublicKey, kmsapi.OpAsymmetricSign} {
		r.before = func(op kmsapi.Operation) {
			if op == after {
				_, err := r.admin.UpdateAlias(context.Background(),
					&kmsapi.UpdateAliasRequest{AliasName: "alias/release", KeyId: second})
				require.NoError(t, err)
			}
		}
		signature, err := r.sign("alias/release")
		require.NoError(t, err)
		r.before = nil
		require.NoError(t, r.verify(first, false, signature))
		require.NoError(t, r.verify(first, true, signature))
		require.Error(t, r.verify("alias/release", false, signature))
		_, err = r.admin.UpdateAlias(t.Context(), &kmsapi.UpdateAliasRequest{AliasName: "alias/release", KeyId: first})
		require.NoError(t, err)
	}
}

func TestTheNewestVersionIsFoundInAnyOrder(t *testing.T) {
	r := newRig(t)
	var asked string
	r.forge = func(op kmsapi.Operation, fields map[string]any) {
		if op == kmsapi.OpListKeyVersions {
			real := fields["KeyVersions"].(map[string]any)["KeyVersion"].([]any)[0].(map[string]any)
			asked = real["KeyVersionId"].(string)
			older := map[string]any{"KeyId": real["KeyId"], "KeyVersionId": "old", "CreationDate": "2001-01-01T00:00:00Z"}
			fields["KeyVersions"] = map[string]any{"KeyVersion": []any{older, real, older}}
		}
	}
	r.newKey("alias/release")
	_, err := r.keys.PublicKey(t.Context(), request("alias/release"))
	require.NoError(t, err)
	require.NotEmpty(t, asked)
}

func TestAMessageThatDoesNotEndIsNotWaitedForAfterTheDeadline(t *testing.T) {
	r := newRig(t)
	message, writer := io.Pipe()
	t.Cleanup(func() { _ = writer.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	_, err := r.keys.SignMessage(ctx, request(r.newKey("alias/release")), message)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "the message did not end in time")
}

func TestAMessageThatCannotBeReadIsNotSigned(t *testing.T) {
	r := newRig(t)
	message, writer := io.Pipe()
	require.NoError(t, writer.CloseWithError(io.ErrUnexpectedEOF))
	_, err := r.keys.SignMessage(t.Context(), request(r.newKey("alias/release")), message)
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
}
