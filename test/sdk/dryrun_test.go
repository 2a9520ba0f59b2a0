package sdk

import (
	"testing"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestDryRunsSayHowARequestWouldEnd(t *testing.T) {
	everyDialect(t, func(p player) {
		key := p.newKey(kmsapi.CreateKeyRequest{})
		blob := p.encrypt(key.Arn, "text", nil).CiphertextBlob
		for _, request := range []kmsapi.Request{
			&kmsapi.EncryptRequest{KeyId: key.KeyId, Plaintext: kmsapi.NewSecret("text"), DryRun: true},
			&kmsapi.GenerateDataKeyRequest{KeyId: key.Arn, DryRun: true},
			&kmsapi.DecryptRequest{CiphertextBlob: blob, DryRun: true},
			&kmsapi.ReEncryptRequest{CiphertextBlob: blob, DestinationKeyId: key.KeyId, DryRun: true},
			&kmsapi.GenerateDataKeyWithoutPlaintextRequest{KeyId: key.KeyId, DryRun: true},
			&kmsapi.ExportDataKeyRequest{
				CiphertextBlob: blob, PublicKeyBlob: module.blob, WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048,
				WrappingAlgorithm: kmsapi.WrapOAEPSHA256, DryRun: true,
			},
			&kmsapi.GenerateAndExportDataKeyRequest{
				KeyId: key.KeyId, PublicKeyBlob: module.blob, WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048,
				WrappingAlgorithm: kmsapi.WrapOAEPSHA256, DryRun: true,
			},
		} {
			p.refused(kmsapi.ErrDryRunOperation, request)
		}
		p.refused(kmsapi.ErrValidation, &kmsapi.GenerateDataKeyRequest{KeyId: "alias/nobody", DryRun: true})
	})
}
