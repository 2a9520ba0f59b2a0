package kmsapi_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestDecodeIsTheInverseOfEncode(t *testing.T) {
	require.Len(t, everyRequest, len(rulesOf), "every operation is drawn")
	for op, draw := range everyRequest {
		t.Run(string(op), rapid.MakeCheck(func(t *rapid.T) {
			want := draw(t)
			require.Equal(t, op, want.Operation())
			got := fresh(want)
			received, err := kmsapi.ParseForm(kmsapi.Encode(want).Form())
			require.NoError(t, err)
			require.NoError(t, kmsapi.Decode(received, got))
			require.Equal(t, want, got)
		}))
	}
}

func TestDecodeFillsInDefaults(t *testing.T) {
	for _, tc := range []struct{ got, want kmsapi.Request }{
		{&kmsapi.CreateKeyRequest{}, &kmsapi.CreateKeyRequest{
			Origin: "Aliyun_KMS", ProtectionLevel: "SOFTWARE",
			KeySpec: "Aliyun_AES_256",
		}},
		{&kmsapi.ListKeysRequest{}, &kmsapi.ListKeysRequest{PageNumber: 1, PageSize: 10}},
		{&kmsapi.GenerateDataKeyRequest{}, &kmsapi.GenerateDataKeyRequest{KeyId: "k", KeySpec: "AES_256"}},
	} {
		require.NoError(t, kmsapi.Decode(kmsapi.Params{
			{Name: "KeyId", Value: "k"},
			{Name: "Unknown", Value: "ignored"},
		}, tc.got))
		require.Equal(t, tc.want, tc.got)
	}
}

func TestEncodeLeavesZeroValuesOut(t *testing.T) {
	for op, row := range rulesOf {
		var sent []string
		for _, p := range kmsapi.Encode(fresh(row.request)) {
			sent = append(sent, p.Name)
		}
		require.Equal(t, toldAnyway[op], sent, op)
	}
	require.Empty(t, kmsapi.Encode(&kmsapi.DecryptRequest{EncryptionContext: kmsapi.EncryptionContext{}}))
}

// toldAnyway are the booleans that are sent whether true or false.
var toldAnyway = map[kmsapi.Operation][]string{
	kmsapi.OpUpdateRotationPolicy:  {"EnableAutomaticRotation"},
	kmsapi.OpSetDeletionProtection: {"EnableDeletionProtection"},

	kmsapi.OpUpdateSecretRotationPolicy: {"EnableAutomaticRotation"},
}

func TestDecodeErrorsShowNoValue(t *testing.T) {
	const canary = "canary"
	for op, row := range rulesOf {
		var params kmsapi.Params
		for _, name := range row.names {
			params = params.Add(strings.TrimSuffix(name, "*"), canary)
		}
		if err := kmsapi.Decode(params, fresh(row.request)); err != nil {
			require.NotContains(t, err.Error(), canary, op)
		}
	}
}
