package main

import "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"

// The requests to the service, by the key that they use.

func encryptWith(k madeKey) kmsapi.Request {
	return &kmsapi.EncryptRequest{KeyId: k.id, Plaintext: kmsapi.NewSecret(plaintext)}
}

func decryptWith(k madeKey) kmsapi.Request { return &kmsapi.DecryptRequest{CiphertextBlob: k.made} }

func dataKeyWith(k madeKey) kmsapi.Request { return &kmsapi.GenerateDataKeyRequest{KeyId: k.id} }

func hiddenDataKeyWith(k madeKey) kmsapi.Request {
	return &kmsapi.GenerateDataKeyWithoutPlaintextRequest{KeyId: k.id}
}

func reEncryptWith(k madeKey) kmsapi.Request {
	return &kmsapi.ReEncryptRequest{CiphertextBlob: k.made, DestinationKeyId: k.id}
}

// digest is what every side signs: 32 bytes, in base64.
const digest = "ZGlnZXN0IG9mIGEgcmVsZWFzZSwgb2YgMzIgYnl0ZXM="

func signWith(k madeKey) kmsapi.Request {
	return &kmsapi.AsymmetricSignRequest{KeyId: k.id, KeyVersionId: k.version, Algorithm: k.algorithm, Digest: digest}
}

func verifyWith(k madeKey) kmsapi.Request {
	return &kmsapi.AsymmetricVerifyRequest{
		KeyId: k.id, KeyVersionId: k.version, Algorithm: k.algorithm, Digest: digest, Value: k.made,
	}
}

func pairEncryptWith(k madeKey) kmsapi.Request {
	return &kmsapi.AsymmetricEncryptRequest{
		KeyId: k.id, KeyVersionId: k.version, Algorithm: k.algorithm, Plaintext: kmsapi.NewSecret(plaintext),
	}
}

func pairDecryptWith(k madeKey) kmsapi.Request {
	return &kmsapi.AsymmetricDecryptRequest{
		KeyId: k.id, KeyVersionId: k.version, Algorithm: k.algorithm, CiphertextBlob: k.made,
	}
}

func describeWith(k madeKey) kmsapi.Request { return &kmsapi.DescribeKeyRequest{KeyId: k.id} }

func publicKeyWith(k madeKey) kmsapi.Request {
	return &kmsapi.GetPublicKeyRequest{KeyId: k.id, KeyVersionId: k.version}
}

// exportWith and generateAndExportWith wrap a data key for the owner of an RSA key, of which recipient is the public
// half.
func exportWith(recipient string) func(madeKey) kmsapi.Request {
	return func(k madeKey) kmsapi.Request {
		return &kmsapi.ExportDataKeyRequest{
			CiphertextBlob: k.made, PublicKeyBlob: recipient,
			WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048, WrappingAlgorithm: kmsapi.WrapOAEPSHA256,
		}
	}
}

func generateAndExportWith(recipient string) func(madeKey) kmsapi.Request {
	return func(k madeKey) kmsapi.Request {
		return &kmsapi.GenerateAndExportDataKeyRequest{
			KeyId: k.id, PublicKeyBlob: recipient,
			WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048, WrappingAlgorithm: kmsapi.WrapOAEPSHA256,
		}
	}
}
