package client_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestEveryOperationOnSecretsSendsItsParametersAndDecodesItsAnswer(t *testing.T) {
	reply := kmsapi.Reply{RequestId: "r-0"}
	current := kmsapi.StageList{VersionStage: []string{"ACSCurrent"}}
	tag := kmsapi.Tags{{TagKey: "team", TagValue: "hr"}}
	for _, tc := range []struct {
		request kmsapi.Request
		sent    map[string]string // parameters besides commonParameters
		answer  string
		want    any
	}{
		{
			request: &kmsapi.CreateSecretRequest{
				SecretName: "db/password", VersionId: "v1", SecretData: kmsapi.NewSecret("a&b 中"), Tags: tag,
				EncryptionKeyId: "alias/a",
			},
			sent: map[string]string{
				"SecretName": "db/password", "VersionId": "v1", "SecretData": "a&b 中", "EncryptionKeyId": "alias/a",
				"Tags": `[{"TagKey":"team","TagValue":"hr"}]`,
			},
			answer: `{"RequestId":"r-0","Arn":"arn","SecretName":"db/password","VersionId":"v1","SecretType":"Generic"}`,
			want: &kmsapi.CreateSecretResponse{
				Reply: reply, Arn: "arn", SecretName: "db/password", VersionId: "v1", SecretType: kmsapi.SecretGeneric,
			},
		},
		{
			request: &kmsapi.PutSecretValueRequest{
				SecretName: "s", VersionId: "v2", SecretData: kmsapi.NewSecret("AAEC"), SecretDataType: kmsapi.SecretBinary,
				VersionStages: kmsapi.VersionStages{"ACSCurrent", "next"},
			},
			sent: map[string]string{
				"SecretName": "s", "VersionId": "v2", "SecretData": "AAEC", "SecretDataType": "binary",
				"VersionStages": `["ACSCurrent","next"]`,
			},
			answer: `{"RequestId":"r-0","SecretName":"s","VersionId":"v2","VersionStages":{"VersionStage":["ACSCurrent"]}}`,
			want: &kmsapi.PutSecretValueResponse{
				Reply: reply, SecretName: "s", VersionId: "v2", VersionStages: current,
			},
		},
		{
			request: &kmsapi.GetSecretValueRequest{SecretName: "s", VersionStage: "ACSCurrent", FetchExtendedConfig: true},
			sent:    map[string]string{"SecretName": "s", "VersionStage": "ACSCurrent", "FetchExtendedConfig": "true"},
			answer: `{
				"RequestId":"r-0","SecretName":"s","SecretType":"Rds","VersionId":"v1","SecretData":"<\"&>",
				"SecretDataType":"text","VersionStages":{"VersionStage":["ACSCurrent"]},"CreateTime":"2020-07-23T11:56:29Z",
				"AutomaticRotation":"Enabled","RotationInterval":"604800s","ExtendedConfig":"{}"
			}`,
			want: &kmsapi.GetSecretValueResponse{
				Reply: reply, SecretName: "s", SecretType: "Rds", VersionId: "v1", SecretData: kmsapi.NewSecret(`<"&>`),
				SecretDataType: kmsapi.SecretText, VersionStages: current, CreateTime: "2020-07-23T11:56:29Z",
				SecretRotation: kmsapi.SecretRotation{
					AutomaticRotation: "Enabled", RotationInterval: "604800s", ExtendedConfig: "{}",
				},
			},
		},
		{
			request: &kmsapi.ListSecretsRequest{
				FetchTags: true, PageNumber: 2, PageSize: 1,
				Filters: kmsapi.SecretFilters{{Key: kmsapi.FilterByTagKey, Values: []string{"team"}}},
			},
			sent: map[string]string{
				"FetchTags": "true", "PageNumber": "2", "PageSize": "1", "Filters": `[{"Key":"TagKey","Values":["team"]}]`,
			},
			answer: `{
				"RequestId":"r-0","PageNumber":2,"PageSize":1,"TotalCount":3,
				"SecretList":{"Secret":[{"SecretName":"s","Tags":{"Tag":[{"TagKey":"team","TagValue":"hr"}]}}]}
			}`,
			want: &kmsapi.ListSecretsResponse{
				Reply: reply, PageNumber: 2, PageSize: 1, TotalCount: 3, SecretList: kmsapi.SecretList{
					Secret: []kmsapi.SecretEntry{{SecretName: "s", Tags: kmsapi.SecretTags{Tag: tag}}},
				},
			},
		},
		{
			request: &kmsapi.ListSecretVersionIdsRequest{SecretName: "s", IncludeDeprecated: true},
			sent:    map[string]string{"SecretName": "s", "IncludeDeprecated": "true"},
			answer: `{
				"RequestId":"r-0","SecretName":"s","PageNumber":1,"PageSize":20,"TotalCount":1,
				"VersionIds":{"VersionId":[{"VersionId":"v1","VersionStages":{"VersionStage":["ACSCurrent"]}}]}
			}`,
			want: &kmsapi.ListSecretVersionIdsResponse{
				Reply: reply, SecretName: "s", PageNumber: 1, PageSize: 20, TotalCount: 1,
				VersionIds: kmsapi.SecretVersionList{
					VersionId: []kmsapi.SecretVersionEntry{{VersionId: "v1", VersionStages: current}},
				},
			},
		},
		{
			request: &kmsapi.DescribeSecretRequest{SecretName: "s", FetchTags: true},
			sent:    map[string]string{"SecretName": "s", "FetchTags": "true"},
			answer:  `{"RequestId":"r-0","SecretName":"s","PlannedDeleteTime":"2030-01-01T00:00:00Z","Tags":{"Tag":[]}}`,
			want: &kmsapi.DescribeSecretResponse{
				Reply: reply, SecretName: "s", PlannedDeleteTime: "2030-01-01T00:00:00Z",
				Tags: kmsapi.SecretTags{Tag: []kmsapi.Tag{}},
			},
		},
		{
			request: &kmsapi.UpdateSecretVersionStageRequest{
				SecretName: "s", VersionStage: "ACSCurrent", MoveToVersion: "v1", RemoveFromVersion: "v2",
			},
			sent: map[string]string{
				"SecretName": "s", "VersionStage": "ACSCurrent", "MoveToVersion": "v1", "RemoveFromVersion": "v2",
			},
			answer: `{"RequestId":"r-0","SecretName":"s"}`,
			want:   &kmsapi.UpdateSecretVersionStageResponse{Reply: reply, SecretName: "s"},
		},
		{
			request: &kmsapi.DeleteSecretRequest{SecretName: "s", ForceDeleteWithoutRecovery: true},
			sent:    map[string]string{"SecretName": "s", "ForceDeleteWithoutRecovery": "true"},
			answer:  `{"RequestId":"r-0","SecretName":"s","PlannedDeleteTime":"2030-01-01T00:00:00Z"}`,
			want: &kmsapi.DeleteSecretResponse{
				Reply: reply, SecretName: "s", PlannedDeleteTime: "2030-01-01T00:00:00Z",
			},
		},
		{
			request: &kmsapi.RestoreSecretRequest{SecretName: "s"},
			sent:    map[string]string{"SecretName": "s"},
			answer:  `{"RequestId":"r-0","SecretName":"s"}`,
			want:    &kmsapi.RestoreSecretResponse{Reply: reply, SecretName: "s"},
		},
		{
			request: &kmsapi.GetRandomPasswordRequest{PasswordLength: 12, RequireEachIncludedType: "false"},
			sent:    map[string]string{"PasswordLength": "12", "RequireEachIncludedType": "false"},
			answer:  `{"RequestId":"r-0","RandomPassword":"a<b"}`,
			want:    &kmsapi.GetRandomPasswordResponse{Reply: reply, RandomPassword: kmsapi.NewSecret("a<b")},
		},
	} {
		op := tc.request.Operation()
		t.Run(string(op), func(t *testing.T) {
			server := newScript(t, answer(tc.answer))
			got, err := server.dial(t, nil).Do(t.Context(), tc.request)
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			server.requireSent(t, op, tc.sent)
		})
	}
}
