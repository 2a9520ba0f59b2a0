package kmsapi_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

var (
	keyIDs   = rapid.StringN(1, 64, -1)
	contexts = rapid.MapOf(unicodeText, unicodeText)
	// unicodeText has no U+FFFD, which ParseEncryptionContext refuses.
	unicodeText = rapid.StringN(0, 20, -1).Filter(func(s string) bool { return !strings.ContainsRune(s, '\uFFFD') })
)

func drawContext(t *rapid.T) kmsapi.EncryptionContext {
	drawn := contexts.Draw(t, "context")
	if len(drawn) == 0 {
		return nil // an empty context is not sent
	}
	return drawn
}

func drawWrapping(t *rapid.T) (spec, algorithm string) {
	algorithms := []string{kmsapi.WrapOAEPSHA256, kmsapi.WrapOAEPSHA1, kmsapi.WrapSM2PKE}
	specs := []string{kmsapi.WrappingKeySpecRSA2048, kmsapi.WrappingKeySpecSM2}
	return rapid.SampledFrom(specs).Draw(t, "wrapping key"), rapid.SampledFrom(algorithms).Draw(t, "algorithm")
}

func drawKey(t *rapid.T) string { return keyIDs.Draw(t, "key") }

func drawSignAlgorithm(t *rapid.T) string {
	return rapid.SampledFrom(kmsapi.Algorithms(kmsapi.KeySpecRSA2048, kmsapi.KeyUsageSignVerify)).Draw(t, "algorithm")
}

// everyRequest makes a valid request of each type.
var everyRequest = withSecrets(map[kmsapi.Operation]func(t *rapid.T) kmsapi.Request{
	kmsapi.OpCreateKey: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.CreateKeyRequest{
			Origin: rapid.SampledFrom([]kmsapi.Origin{kmsapi.OriginKMS, kmsapi.OriginExternal}).Draw(t, "origin"),
			ProtectionLevel: rapid.SampledFrom([]kmsapi.ProtectionLevel{
				kmsapi.ProtectionSoftware,
				kmsapi.ProtectionHSM,
			}).Draw(t, "level"),
			KeySpec:        rapid.SampledFrom(kmsapi.KeySpecs()).Draw(t, "spec"),
			KeyUsage:       kmsapi.KeyUsageEncryptDecrypt,
			Description:    rapid.StringN(0, 100, -1).Draw(t, "description"),
			DKMSInstanceId: rapid.StringN(0, 20, -1).Draw(t, "instance"),
			Policy:         rapid.StringN(0, 100, -1).Draw(t, "policy"),
			Tags:           drawTags(t, 0),

			EnableAutomaticRotation: rapid.Bool().Draw(t, "rotate"),
			RotationInterval:        rapid.StringN(0, 10, -1).Draw(t, "interval"),
		}
	},
	kmsapi.OpCreateKeyVersion: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.CreateKeyVersionRequest{KeyId: drawKey(t)}
	},
	kmsapi.OpDescribeKeyVersion: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.DescribeKeyVersionRequest{KeyId: drawKey(t), KeyVersionId: keyIDs.Draw(t, "version")}
	},
	kmsapi.OpListKeyVersions: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.ListKeyVersionsRequest{
			KeyId:      drawKey(t),
			PageNumber: rapid.IntMin(1).Draw(t, "number"),
			PageSize:   rapid.IntRange(1, 101).Draw(t, "size"),
		}
	},
	kmsapi.OpUpdateRotationPolicy: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.UpdateRotationPolicyRequest{
			KeyId:                   drawKey(t),
			EnableAutomaticRotation: rapid.Bool().Draw(t, "rotate"),
			RotationInterval:        rapid.StringN(0, 10, -1).Draw(t, "interval"),
		}
	},
	kmsapi.OpDescribeKey: func(t *rapid.T) kmsapi.Request { return &kmsapi.DescribeKeyRequest{KeyId: drawKey(t)} },
	kmsapi.OpEnableKey:   func(t *rapid.T) kmsapi.Request { return &kmsapi.EnableKeyRequest{KeyId: drawKey(t)} },
	kmsapi.OpDisableKey:  func(t *rapid.T) kmsapi.Request { return &kmsapi.DisableKeyRequest{KeyId: drawKey(t)} },
	kmsapi.OpCancelKeyDeletion: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.CancelKeyDeletionRequest{KeyId: drawKey(t)}
	},
	kmsapi.OpScheduleKeyDeletion: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.ScheduleKeyDeletionRequest{
			KeyId:               keyIDs.Draw(t, "key"),
			PendingWindowInDays: rapid.IntRange(7, 30).Draw(t, "days"),
		}
	},
	kmsapi.OpListKeys: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.ListKeysRequest{
			PageNumber: rapid.IntMin(1).Draw(t, "number"),
			PageSize:   rapid.IntRange(1, 101).Draw(t, "size"),
			Filters:    drawFilters(t),
		}
	},
	kmsapi.OpUpdateKeyDescription: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.UpdateKeyDescriptionRequest{
			KeyId: drawKey(t), Description: rapid.StringN(0, 100, -1).Draw(t, "description"),
		}
	},
	kmsapi.OpSetDeletionProtection: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.SetDeletionProtectionRequest{
			ProtectedResourceArn: rapid.StringN(0, 64, -1).Draw(t, "arn"), KeyId: drawKey(t),
			EnableDeletionProtection:      rapid.Bool().Draw(t, "enable"),
			DeletionProtectionDescription: rapid.StringN(0, 100, -1).Draw(t, "description"),
		}
	},
	kmsapi.OpTagResources: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.TagResourcesRequest{ResourceType: "key", ResourceIds: drawResources(t, 1), Tags: drawTags(t, 1)}
	},
	kmsapi.OpUntagResources: func(t *rapid.T) kmsapi.Request {
		keys := drawList(t, 0, 20, tagTexts(1))
		return &kmsapi.UntagResourcesRequest{
			ResourceType: "key", ResourceIds: drawResources(t, 1), TagKeys: keys, All: rapid.Bool().Draw(t, "all"),
		}
	},
	kmsapi.OpListTagResources: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.ListTagResourcesRequest{
			ResourceType: "secret", ResourceIds: drawResources(t, 0), Tags: drawTags(t, 0),
			NextToken: rapid.StringN(0, 20, -1).Draw(t, "token"),
		}
	},
	kmsapi.OpDescribeAccountKmsStatus: func(*rapid.T) kmsapi.Request { return &kmsapi.DescribeAccountKmsStatusRequest{} },
	kmsapi.OpOpenKmsService:           func(*rapid.T) kmsapi.Request { return &kmsapi.OpenKmsServiceRequest{} },
	kmsapi.OpEncrypt: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.EncryptRequest{
			KeyId: keyIDs.Draw(t, "key"), Plaintext: kmsapi.NewSecret(rapid.StringN(1, 100, -1).Draw(t, "plaintext")),
			EncryptionContext: drawContext(t), DryRun: rapid.Bool().Draw(t, "dry run"),
		}
	},
	kmsapi.OpDecrypt: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.DecryptRequest{
			CiphertextBlob:    rapid.StringN(1, 100, -1).Draw(t, "blob"),
			EncryptionContext: drawContext(t), DryRun: rapid.Bool().Draw(t, "dry run"),
		}
	},
	kmsapi.OpGenerateDataKey: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.GenerateDataKeyRequest{
			KeyId:         keyIDs.Draw(t, "key"),
			KeySpec:       rapid.SampledFrom([]string{kmsapi.DataKeyAES128, kmsapi.DataKeyAES256}).Draw(t, "spec"),
			NumberOfBytes: rapid.IntRange(0, 1024).Draw(t, "bytes"), EncryptionContext: drawContext(t),
			DryRun: rapid.Bool().Draw(t, "dry run"),
		}
	},
	kmsapi.OpGenerateDataKeyWithoutPlaintext: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.GenerateDataKeyWithoutPlaintextRequest{
			KeyId: drawKey(t), KeySpec: rapid.SampledFrom([]string{kmsapi.DataKeyAES128, kmsapi.DataKeyAES256}).Draw(t, "spec"),
			NumberOfBytes: rapid.IntRange(0, 1024).Draw(t, "bytes"), EncryptionContext: drawContext(t),
			DryRun: rapid.Bool().Draw(t, "dry run"),
		}
	},
	kmsapi.OpExportDataKey: func(t *rapid.T) kmsapi.Request {
		spec, algorithm := drawWrapping(t)
		return &kmsapi.ExportDataKeyRequest{
			CiphertextBlob: rapid.StringN(1, 100, -1).Draw(t, "blob"), EncryptionContext: drawContext(t),
			PublicKeyBlob: rapid.StringN(1, 100, -1).Draw(t, "public key"), WrappingKeySpec: spec, WrappingAlgorithm: algorithm,
			DryRun: rapid.Bool().Draw(t, "dry run"),
		}
	},
	kmsapi.OpGenerateAndExportDataKey: func(t *rapid.T) kmsapi.Request {
		spec, algorithm := drawWrapping(t)
		return &kmsapi.GenerateAndExportDataKeyRequest{
			KeyId: drawKey(t), KeySpec: rapid.SampledFrom([]string{kmsapi.DataKeyAES128, kmsapi.DataKeyAES256}).Draw(t, "spec"),
			NumberOfBytes: rapid.IntRange(0, 1024).Draw(t, "bytes"), EncryptionContext: drawContext(t),
			PublicKeyBlob: rapid.StringN(1, 100, -1).Draw(t, "public key"), WrappingKeySpec: spec, WrappingAlgorithm: algorithm,
			DryRun: rapid.Bool().Draw(t, "dry run"),
		}
	},
	kmsapi.OpReEncrypt: func(t *rapid.T) kmsapi.Request {
		some := rapid.StringN(0, 20, -1)
		return &kmsapi.ReEncryptRequest{
			CiphertextBlob: rapid.StringN(1, 100, -1).Draw(t, "blob"), SourceEncryptionContext: drawContext(t),
			SourceKeyId: some.Draw(t, "source"), SourceKeyVersionId: some.Draw(t, "version"),
			SourceEncryptionAlgorithm: some.Draw(t, "algorithm"),
			DestinationKeyId:          drawKey(t), DestinationEncryptionContext: drawContext(t),
			DryRun: rapid.Bool().Draw(t, "dry run"),
		}
	},
	kmsapi.OpDescribeRegions: func(*rapid.T) kmsapi.Request { return &kmsapi.DescribeRegionsRequest{} },
	kmsapi.OpGetKmsInstance: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.GetKmsInstanceRequest{KmsInstanceId: keyIDs.Draw(t, "instance")}
	},
	kmsapi.OpListKmsInstances: func(t *rapid.T) kmsapi.Request {
		number, size := rapid.IntMin(1).Draw(t, "number"), rapid.IntRange(1, 101).Draw(t, "size")
		return &kmsapi.ListKmsInstancesRequest{PageNumber: number, PageSize: size}
	},
	kmsapi.OpGetDefaultKmsInstance: func(*rapid.T) kmsapi.Request { return &kmsapi.GetDefaultKmsInstanceRequest{} },
	kmsapi.OpGetPublicKey: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.GetPublicKeyRequest{KeyId: drawKey(t), KeyVersionId: drawKey(t), DryRun: rapid.Bool().Draw(t, "dry")}
	},
	kmsapi.OpAsymmetricSign: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.AsymmetricSignRequest{
			KeyId: drawKey(t), KeyVersionId: drawKey(t), Algorithm: drawSignAlgorithm(t), Digest: drawKey(t),
		}
	},
	kmsapi.OpAsymmetricVerify: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.AsymmetricVerifyRequest{
			KeyId: drawKey(t), KeyVersionId: drawKey(t), Algorithm: drawSignAlgorithm(t), Digest: drawKey(t),
			Value: drawKey(t),
		}
	},
	kmsapi.OpAsymmetricEncrypt: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.AsymmetricEncryptRequest{
			KeyId: drawKey(t), KeyVersionId: drawKey(t), Algorithm: kmsapi.EncryptOAEPSHA1,
			Plaintext: kmsapi.NewSecret(drawKey(t)), DryRun: rapid.Bool().Draw(t, "dry"),
		}
	},
	kmsapi.OpAsymmetricDecrypt: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.AsymmetricDecryptRequest{
			KeyId: drawKey(t), KeyVersionId: drawKey(t), Algorithm: kmsapi.EncryptOAEPSHA256, CiphertextBlob: drawKey(t),
		}
	},
	kmsapi.OpGetKeyPolicy: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.GetKeyPolicyRequest{KeyId: drawKey(t), PolicyName: kmsapi.DefaultPolicyName}
	},
	kmsapi.OpSetKeyPolicy: func(t *rapid.T) kmsapi.Request {
		policy := rapid.StringN(1, 100, -1).Draw(t, "policy")
		return &kmsapi.SetKeyPolicyRequest{KeyId: drawKey(t), Policy: policy, PolicyName: kmsapi.DefaultPolicyName}
	},
	kmsapi.OpGetParametersForImport: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.GetParametersForImportRequest{
			KeyId: keyIDs.Draw(t, "key"), WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048,
			WrappingAlgorithm: rapid.SampledFrom([]string{
				kmsapi.WrapPKCS1v15, kmsapi.WrapOAEPSHA1,
				kmsapi.WrapOAEPSHA256,
			}).Draw(t, "algorithm"),
		}
	},
	kmsapi.OpImportKeyMaterial: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.ImportKeyMaterialRequest{
			KeyId: rapid.StringN(0, 64, -1).Draw(t, "key"), EncryptedKeyMaterial: keyIDs.Draw(t, "material"),
			ImportToken:           keyIDs.Draw(t, "token"),
			KeyMaterialExpireUnix: rapid.IntMin(0).Draw(t, "expire"),
		}
	},
	kmsapi.OpDeleteKeyMaterial: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.DeleteKeyMaterialRequest{KeyId: drawKey(t)}
	},
	kmsapi.OpListResourceTags: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.ListResourceTagsRequest{KeyId: drawKey(t)}
	},
	kmsapi.OpCreateAlias: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.CreateAliasRequest{AliasName: aliases.Draw(t, "alias"), KeyId: keyIDs.Draw(t, "key")}
	},
	kmsapi.OpUpdateAlias: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.UpdateAliasRequest{AliasName: aliases.Draw(t, "alias"), KeyId: keyIDs.Draw(t, "key")}
	},
	kmsapi.OpDeleteAlias: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.DeleteAliasRequest{AliasName: aliases.Draw(t, "alias")}
	},
	kmsapi.OpListAliases: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.ListAliasesRequest{
			PageNumber: rapid.IntMin(1).Draw(t, "number"),
			PageSize:   rapid.IntRange(1, 101).Draw(t, "size"),
		}
	},
	kmsapi.OpListAliasesByKeyId: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.ListAliasesByKeyIdRequest{
			KeyId: keyIDs.Draw(t, "key"), PageNumber: rapid.IntMin(1).Draw(t, "number"),
			PageSize: rapid.IntRange(1, 101).Draw(t, "size"),
		}
	},
	kmsapi.OpTagResource: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.TagResourceRequest{KeyId: keyIDs.Draw(t, "key"), Tags: drawTags(t, 1)}
	},
	kmsapi.OpUntagResource: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.UntagResourceRequest{
			KeyId:   keyIDs.Draw(t, "key"),
			TagKeys: rapid.SliceOfN(tagTexts(1), 1, 10).Draw(t, "keys"),
		}
	},
})

func drawTags(t *rapid.T, least int) kmsapi.Tags {
	tag := rapid.Custom(func(t *rapid.T) kmsapi.Tag {
		return kmsapi.Tag{TagKey: tagTexts(1).Draw(t, "key"), TagValue: tagTexts(0).Draw(t, "value")}
	})
	tags := rapid.SliceOfNDistinct(tag, least, kmsapi.MaxTags, func(t kmsapi.Tag) string { return t.TagKey })
	return nilIfEmpty(tags.Draw(t, "tags"))
}

func drawResources(t *rapid.T, least int) []string {
	return drawList(t, least, kmsapi.MaxResources, keyIDs)
}

func drawList(t *rapid.T, least, most int, of *rapid.Generator[string]) []string {
	return nilIfEmpty(rapid.SliceOfN(of, least, most).Draw(t, "list"))
}

func drawFilters(t *rapid.T) kmsapi.Filters {
	filter := rapid.Custom(func(t *rapid.T) kmsapi.Filter {
		return kmsapi.Filter{
			Key:    rapid.SampledFrom([]string{"KeyState", "keyId", "TagKey", "TagValue", "AliasName"}).Draw(t, "key"),
			Values: rapid.SliceOfN(rapid.StringN(0, 20, -1), 0, kmsapi.MaxFilterValues).Draw(t, "values"),
		}
	})
	return nilIfEmpty(rapid.SliceOfN(filter, 0, kmsapi.MaxFilters).Draw(t, "filters"))
}

// nilIfEmpty returns nil for an empty list, which is not sent.
func nilIfEmpty[L ~[]E, E any](list L) L {
	if len(list) == 0 {
		return nil
	}
	return list
}

var aliases = rapid.StringMatching(`alias/[A-Za-z0-9_/-]{1,255}`).Filter(func(s string) bool {
	return !strings.HasPrefix(s, kmsapi.ReservedAliasPrefix)
})

// tagTexts draws strings of at least that many characters, which tags may have, without a reserved prefix.
func tagTexts(least int) *rapid.Generator[string] {
	return rapid.StringMatching(fmt.Sprintf(`[B-Z0-9/_.+=@:-]{%d,128}`, least))
}
