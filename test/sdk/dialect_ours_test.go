package sdk

import (
	"context"
	"os"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// ours is this project's own client. It plays the same scenarios, so that users who switch from an SDK find no
// difference.
type ours struct{ client *client.Client }

func dialOurs(t testing.TB, at *service, as access) caller {
	config := client.Config{
		Endpoint: "http://" + at.address, Region: kmsapi.DefaultRegion,
		Credentials: client.Static{
			AccessKeyID: as.id, AccessKeySecret: kmsapi.NewSecret(as.secret), SecurityToken: kmsapi.NewSecret(as.token),
		},
	}
	if !at.plain {
		ca, err := os.ReadFile(os.Getenv("SSL_CERT_FILE"))
		require.NoError(t, err)
		config.Endpoint, config.CACert = at.address, string(ca)
	}
	if at.dedicated != nil {
		config.Endpoint, config.CACert, config.TLSServerName = at.dedicated.listener, at.dedicated.ca, at.address
	}
	c, err := client.New(config)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return ours{c}
}

// oursOperation calls one operation of the client.
type oursOperation func(c *client.Client, request kmsapi.Request, answer kmsapi.Response) error

func oursRow[Request kmsapi.Request, Answer any](
	send func(*client.Client, context.Context, Request) (Answer, error),
) oursOperation {
	return func(c *client.Client, request kmsapi.Request, answer kmsapi.Response) error {
		got, err := send(c, context.Background(), request.(Request))
		if err != nil {
			return err
		}
		copyFields(reflect.ValueOf(answer).Elem(), reflect.ValueOf(got).Elem())
		return nil
	}
}

// copyFields sets the fields of to that from has too. Secrets don't survive JSON, so they are copied directly.
func copyFields(to, from reflect.Value) {
	for i := range to.NumField() {
		to.Field(i).Set(from.FieldByName(to.Type().Field(i).Name))
	}
}

var oursOperations = map[kmsapi.Operation]oursOperation{
	kmsapi.OpCreateKey:                       oursRow((*client.Client).CreateKey),
	kmsapi.OpGetParametersForImport:          oursRow((*client.Client).GetParametersForImport),
	kmsapi.OpImportKeyMaterial:               oursRow((*client.Client).ImportKeyMaterial),
	kmsapi.OpEnableKey:                       oursRow((*client.Client).EnableKey),
	kmsapi.OpDisableKey:                      oursRow((*client.Client).DisableKey),
	kmsapi.OpScheduleKeyDeletion:             oursRow((*client.Client).ScheduleKeyDeletion),
	kmsapi.OpCancelKeyDeletion:               oursRow((*client.Client).CancelKeyDeletion),
	kmsapi.OpDeleteKeyMaterial:               oursRow((*client.Client).DeleteKeyMaterial),
	kmsapi.OpDescribeKey:                     oursRow((*client.Client).DescribeKey),
	kmsapi.OpListKeys:                        oursRow((*client.Client).ListKeys),
	kmsapi.OpEncrypt:                         oursRow((*client.Client).Encrypt),
	kmsapi.OpGenerateDataKey:                 oursRow((*client.Client).GenerateDataKey),
	kmsapi.OpDecrypt:                         oursRow((*client.Client).Decrypt),
	kmsapi.OpReEncrypt:                       oursRow((*client.Client).ReEncrypt),
	kmsapi.OpExportDataKey:                   oursRow((*client.Client).ExportDataKey),
	kmsapi.OpGenerateDataKeyWithoutPlaintext: oursRow((*client.Client).GenerateDataKeyWithoutPlaintext),
	kmsapi.OpGenerateAndExportDataKey:        oursRow((*client.Client).GenerateAndExportDataKey),
	kmsapi.OpCreateAlias:                     oursRow((*client.Client).CreateAlias),
	kmsapi.OpUpdateAlias:                     oursRow((*client.Client).UpdateAlias),
	kmsapi.OpDeleteAlias:                     oursRow((*client.Client).DeleteAlias),
	kmsapi.OpListAliases:                     oursRow((*client.Client).ListAliases),
	kmsapi.OpListAliasesByKeyId:              oursRow((*client.Client).ListAliasesByKeyId),
	kmsapi.OpTagResource:                     oursRow((*client.Client).TagResource),
	kmsapi.OpUntagResource:                   oursRow((*client.Client).UntagResource),
	kmsapi.OpListResourceTags:                oursRow((*client.Client).ListResourceTags),
	kmsapi.OpGetKmsInstance:                  oursRow((*client.Client).GetKmsInstance),
	kmsapi.OpListKmsInstances:                oursRow((*client.Client).ListKmsInstances),
	kmsapi.OpGetDefaultKmsInstance:           oursRow((*client.Client).GetDefaultKmsInstance),
	kmsapi.OpCreateKeyVersion:                oursRow((*client.Client).CreateKeyVersion),
	kmsapi.OpDescribeKeyVersion:              oursRow((*client.Client).DescribeKeyVersion),
	kmsapi.OpListKeyVersions:                 oursRow((*client.Client).ListKeyVersions),
	kmsapi.OpUpdateRotationPolicy:            oursRow((*client.Client).UpdateRotationPolicy),
	kmsapi.OpGetKeyPolicy:                    oursRow((*client.Client).GetKeyPolicy),
	kmsapi.OpSetKeyPolicy:                    oursRow((*client.Client).SetKeyPolicy),
	kmsapi.OpGetPublicKey:                    oursRow((*client.Client).GetPublicKey),
	kmsapi.OpAsymmetricSign:                  oursRow((*client.Client).AsymmetricSign),
	kmsapi.OpAsymmetricVerify:                oursRow((*client.Client).AsymmetricVerify),
	kmsapi.OpAsymmetricEncrypt:               oursRow((*client.Client).AsymmetricEncrypt),
	kmsapi.OpAsymmetricDecrypt:               oursRow((*client.Client).AsymmetricDecrypt),
	kmsapi.OpUpdateKeyDescription:            oursRow((*client.Client).UpdateKeyDescription),
	kmsapi.OpSetDeletionProtection:           oursRow((*client.Client).SetDeletionProtection),
	kmsapi.OpTagResources:                    oursRow((*client.Client).TagResources),
	kmsapi.OpUntagResources:                  oursRow((*client.Client).UntagResources),
	kmsapi.OpListTagResources:                oursRow((*client.Client).ListTagResources),
	kmsapi.OpDescribeAccountKmsStatus:        oursRow((*client.Client).DescribeAccountKmsStatus),
	kmsapi.OpOpenKmsService:                  oursRow((*client.Client).OpenKmsService),
	kmsapi.OpDescribeRegions:                 oursRow((*client.Client).DescribeRegions),
	kmsapi.OpCreateSecret:                    oursRow((*client.Client).CreateSecret),
	kmsapi.OpPutSecretValue:                  oursRow((*client.Client).PutSecretValue),
	kmsapi.OpGetSecretValue:                  oursRow((*client.Client).GetSecretValue),
	kmsapi.OpDescribeSecret:                  oursRow((*client.Client).DescribeSecret),
	kmsapi.OpListSecrets:                     oursRow((*client.Client).ListSecrets),
	kmsapi.OpListSecretVersionIds:            oursRow((*client.Client).ListSecretVersionIds),
	kmsapi.OpUpdateSecret:                    oursRow((*client.Client).UpdateSecret),
	kmsapi.OpUpdateSecretVersionStage:        oursRow((*client.Client).UpdateSecretVersionStage),
	kmsapi.OpDeleteSecret:                    oursRow((*client.Client).DeleteSecret),
	kmsapi.OpRestoreSecret:                   oursRow((*client.Client).RestoreSecret),
	kmsapi.OpRotateSecret:                    oursRow((*client.Client).RotateSecret),
	kmsapi.OpUpdateSecretRotationPolicy:      oursRow((*client.Client).UpdateSecretRotationPolicy),
	kmsapi.OpGetSecretPolicy:                 oursRow((*client.Client).GetSecretPolicy),
	kmsapi.OpSetSecretPolicy:                 oursRow((*client.Client).SetSecretPolicy),
	kmsapi.OpGetRandomPassword:               oursRow((*client.Client).GetRandomPassword),
}

func (s ours) call(request kmsapi.Request, answer kmsapi.Response) error {
	return oursOperations[request.Operation()](s.client, request, answer)
}
