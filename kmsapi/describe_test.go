package kmsapi_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestDescribeSaysWhatValuesAre(t *testing.T) {
	types := map[string]kmsapi.Type{}
	for _, op := range []kmsapi.Operation{
		kmsapi.OpEncrypt, kmsapi.OpListKeys, kmsapi.OpTagResource, kmsapi.OpTagResources,
	} {
		for _, rule := range kmsapi.Describe(op.NewRequest()) {
			types[rule.Name] = rule.Type
		}
	}
	require.Equal(t, map[string]kmsapi.Type{
		"KeyId": kmsapi.TypeString, "Plaintext": kmsapi.TypeSecret, "EncryptionContext": kmsapi.TypeContext,
		"DryRun": kmsapi.TypeBoolean, "PageNumber": kmsapi.TypeInteger, "PageSize": kmsapi.TypeInteger,
		"Filters": kmsapi.TypeList, "Tags": kmsapi.TypeList,
		"ResourceType": kmsapi.TypeString, "ResourceId": kmsapi.TypeNumbered, "Tag": kmsapi.TypeNumbered,
		"SecretName": kmsapi.TypeString, "CertificateId": kmsapi.TypeString,
	}, types)
}

func TestDecodeGivenFillsInNoDefaults(t *testing.T) {
	var r kmsapi.CreateKeyRequest
	require.NoError(t, kmsapi.DecodeGiven(kmsapi.Params{{Name: "Description", Value: "of HR"}}, &r))
	require.Equal(t, kmsapi.CreateKeyRequest{Description: "of HR"}, r)
	require.Equal(t, kmsapi.Params{{Name: "Description", Value: "of HR"}}, kmsapi.Encode(&r))
}

func TestDecodeGivenChecksWhatDecodeChecks(t *testing.T) {
	require.ErrorIs(t, kmsapi.DecodeGiven(nil, &kmsapi.DescribeKeyRequest{}), kmsapi.ErrMissingParameter)
	tooLong := kmsapi.Params{{Name: "PageSize", Value: "102"}}
	require.ErrorIs(t, kmsapi.DecodeGiven(tooLong, &kmsapi.ListKeysRequest{}), kmsapi.ErrInvalidParameter)
}
