package api

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// operation is a row of the table of operations.
type operation struct {
	name kmsapi.Operation
	// run decodes the parameters and calls the handler.
	run func(a *API, ctx context.Context, inv *Invocation, params kmsapi.Params) (kmsapi.Response, error)
}

// operations are the operations that the service runs. The map is never changed.
var operations = table(
	row((*API).createKey),
	row((*API).describeKey),
	row((*API).listKeys),
	row((*API).getParametersForImport),
	row((*API).importKeyMaterial),
	row((*API).deleteKeyMaterial),
	row((*API).enableKey),
	row((*API).disableKey),
	row((*API).scheduleKeyDeletion),
	row((*API).cancelKeyDeletion),
	row((*API).encrypt),
	row((*API).decrypt),
	row((*API).generateDataKey),
	row((*API).generateDataKeyWithoutPlaintext),
	row((*API).exportDataKey),
	row((*API).generateAndExportDataKey),
	row((*API).reEncrypt),
	row((*API).getPublicKey),
	row((*API).asymmetricSign),
	row((*API).asymmetricVerify),
	row((*API).asymmetricEncrypt),
	row((*API).asymmetricDecrypt),
	row((*API).createAlias),
	row((*API).updateAlias),
	row((*API).deleteAlias),
	row((*API).listAliases),
	row((*API).listAliasesByKeyId),
	row((*API).tagResource),
	row((*API).untagResource),
	row((*API).listResourceTags),
	row((*API).tagResources),
	row((*API).untagResources),
	row((*API).listTagResources),
	row((*API).updateKeyDescription),
	row((*API).setDeletionProtection),
	row((*API).describeAccountKmsStatus),
	row((*API).openKmsService),
	row((*API).describeRegions),
	row((*API).createKeyVersion),
	row((*API).describeKeyVersion),
	row((*API).listKeyVersions),
	row((*API).updateRotationPolicy),
	row((*API).getKeyPolicy),
	row((*API).setKeyPolicy),
	row((*API).getKmsInstance),
	row((*API).listKmsInstances),
	row((*API).getDefaultKmsInstance),
	row((*API).createSecret),
	row((*API).putSecretValue),
	row((*API).getSecretValue),
	row((*API).describeSecret),
	row((*API).listSecrets),
	row((*API).listSecretVersionIds),
	row((*API).updateSecret),
	row((*API).updateSecretVersionStage),
	row((*API).deleteSecret),
	row((*API).restoreSecret),
	row((*API).rotateSecret),
	row((*API).updateSecretRotationPolicy),
	row((*API).getSecretPolicy),
	row((*API).setSecretPolicy),
	row((*API).getRandomPassword),
)

func table(rows ...operation) map[kmsapi.Operation]operation {
	byName := make(map[kmsapi.Operation]operation, len(rows))
	for _, r := range rows {
		byName[r.name] = r
	}
	return byName
}

// request is a pointer to a request type of package kmsapi.
type request[T any] interface {
	*T
	kmsapi.Request
}

// row makes a row from a typed handler: the request type determines the operation and how its parameters are decoded.
func row[T any, Req request[T], Resp kmsapi.Response](
	handle func(*API, context.Context, *Invocation, Req) (Resp, error),
) operation {
	return operation{
		name: Req(new(T)).Operation(),
		run: func(a *API, ctx context.Context, inv *Invocation, params kmsapi.Params) (kmsapi.Response, error) {
			req := Req(new(T))
			if err := kmsapi.Decode(params, req); err != nil {
				return nil, err
			}
			resp, err := handle(a, ctx, inv, req)
			if err != nil {
				return nil, err
			}
			return resp, nil
		},
	}
}
