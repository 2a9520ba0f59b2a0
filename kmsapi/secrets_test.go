package kmsapi_test

import (
	"encoding/json"
	"encoding/xml"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestTagsAreOfAKeyOrOfASecret(t *testing.T) {
	const tags = `[{"TagKey":"k","TagValue":"v"}]`
	var ofSecret kmsapi.TagResourceRequest
	params := kmsapi.Params{{Name: "SecretName", Value: "s"}, {Name: "Tags", Value: tags}}
	require.NoError(t, kmsapi.Decode(params, &ofSecret))
	require.Equal(t, "s", ofSecret.SecretName)
	require.Equal(t, "s", kmsapi.Encode(&ofSecret).Get("SecretName"))
	require.ErrorIs(t, kmsapi.Decode(kmsapi.Params{{Name: "Tags", Value: tags}}, &kmsapi.TagResourceRequest{}),
		kmsapi.ErrMissingParameter)
}

func TestStagesAreReadInBothForms(t *testing.T) {
	for _, text := range []string{`["ACSCurrent","next"]`, `{"VersionStage":["ACSCurrent","next"]}`} {
		r := kmsapi.PutSecretValueRequest{}
		require.NoError(t, kmsapi.Decode(kmsapi.Params{
			{Name: "SecretName", Value: "s"},
			{Name: "VersionId", Value: "v"},
			{Name: "SecretData", Value: "d"},
			{Name: "VersionStages", Value: text},
		}, &r))
		require.Equal(t, kmsapi.VersionStages{"ACSCurrent", "next"}, r.VersionStages)
	}
}

func TestAnEmptyDescriptionIsSentAndRead(t *testing.T) {
	r := kmsapi.UpdateSecretRequest{SecretName: "s", NoDescription: true}
	params := kmsapi.Encode(&r)
	require.Contains(t, params, kmsapi.Param{Name: "Description"})
	var read kmsapi.UpdateSecretRequest
	require.NoError(t, kmsapi.Decode(params, &read))
	require.Equal(t, r, read)
	require.NoError(t, kmsapi.Decode(params[:1], &read))
	require.False(t, read.NoDescription)
}

func TestWhatOnlyManagedSecretsHaveIsRefusedInEveryForm(t *testing.T) {
	for _, name := range []string{"ExtendedConfig", "ExtendedConfig.CustomData", "ExtendedConfig.CustomData.a"} {
		params := kmsapi.Params{{Name: "SecretName", Value: "s"}, {Name: name, Value: `{"a":"b"}`}}
		err := kmsapi.Decode(params, &kmsapi.UpdateSecretRequest{})
		require.ErrorIs(t, err, kmsapi.ErrInvalidParameter, name)
	}
}

func TestAnswersAboutGenericSecretsHaveNothingOfManagedOnes(t *testing.T) {
	answer := kmsapi.DescribeSecretResponse{SecretName: "s"}
	asJSON, err := json.Marshal(answer)
	require.NoError(t, err)
	asXML, err := xml.Marshal(answer)
	require.NoError(t, err)
	for _, name := range []string{
		"AutomaticRotation", "RotationInterval", "NextRotationDate", "ExtendedConfig", "PlannedDeleteTime",
	} {
		require.NotContains(t, string(asJSON), name)
		require.NotContains(t, string(asXML), name)
	}
	require.NotContains(t, string(asJSON), "Tags")
	require.Contains(t, string(asJSON), `"EncryptionKeyId":""`)
}

func TestFiltersOfSecrets(t *testing.T) {
	f := kmsapi.SecretFilters{
		{Key: kmsapi.FilterBySecretName, Values: []string{"a", "b"}},
		{Key: kmsapi.FilterBySecretType, Values: []string{"GENERIC"}},
	}
	require.True(t, f.Accept(kmsapi.FilterBySecretName, "b"))
	require.False(t, f.Accept(kmsapi.FilterBySecretName, "A"))
	require.False(t, f.Accept(kmsapi.FilterBySecretName))
	require.True(t, f.Accept(kmsapi.FilterBySecretType, kmsapi.SecretGeneric))
	require.True(t, f.Accept(kmsapi.FilterByTagKey), "there is no such filter")
}
