package kmsapi_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
var everyRequest = map[kmsapi.Operation]func(t *rapid.T) kmsapi.Request{
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
}

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

// nilIfEmpty is what a list is that is not sent.
func nilIfEmpty[L ~[]E, E any](list L) L {
	if len(list) == 0 {
		return nil
	}
	return list
}

var aliases = rapid.StringMatching(`alias/[A-Za-z0-9_/-]{1,255}`).Filter(func(s string) bool {
	return !strings.HasPrefix(s, kmsapi.ReservedAliasPrefix)
})

// tagTexts draws strings of at least so many characters that tags may have, and that don't begin like reserved ones.
func tagTexts(least int) *rapid.Generator[string] {
	return rapid.StringMatching(fmt.Sprintf(`[B-Z0-9/_.+=@:-]{%d,128}`, least))
}

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

// rulesOf is what the reference's tables of parameters say (§4), and later publications; only parameters that are
// served.
var rulesOf = map[kmsapi.Operation]struct {
	request kmsapi.Request
	names   []string
}{
	kmsapi.OpCreateKey: {
		&kmsapi.CreateKeyRequest{},
		[]string{
			"Origin", "Description", "KeySpec", "KeyUsage", "ProtectionLevel", "DKMSInstanceId", "Policy",
			"EnableAutomaticRotation", "RotationInterval", "Tags",
		},
	},
	kmsapi.OpCreateKeyVersion:   {&kmsapi.CreateKeyVersionRequest{}, []string{"KeyId*"}},
	kmsapi.OpDescribeKeyVersion: {&kmsapi.DescribeKeyVersionRequest{}, []string{"KeyId*", "KeyVersionId*"}},
	kmsapi.OpListKeyVersions:    {&kmsapi.ListKeyVersionsRequest{}, []string{"KeyId*", "PageNumber", "PageSize"}},
	kmsapi.OpUpdateRotationPolicy: {
		&kmsapi.UpdateRotationPolicyRequest{},
		[]string{"KeyId*", "EnableAutomaticRotation*", "RotationInterval"},
	},
	kmsapi.OpDescribeKey:         {&kmsapi.DescribeKeyRequest{}, []string{"KeyId*"}},
	kmsapi.OpListKeys:            {&kmsapi.ListKeysRequest{}, []string{"PageNumber", "PageSize", "Filters"}},
	kmsapi.OpEnableKey:           {&kmsapi.EnableKeyRequest{}, []string{"KeyId*"}},
	kmsapi.OpDisableKey:          {&kmsapi.DisableKeyRequest{}, []string{"KeyId*"}},
	kmsapi.OpScheduleKeyDeletion: {&kmsapi.ScheduleKeyDeletionRequest{}, []string{"KeyId*", "PendingWindowInDays*"}},
	kmsapi.OpCancelKeyDeletion:   {&kmsapi.CancelKeyDeletionRequest{}, []string{"KeyId*"}},
	kmsapi.OpEncrypt: {
		&kmsapi.EncryptRequest{},
		[]string{"KeyId*", "Plaintext*", "EncryptionContext", "DryRun"},
	},
	kmsapi.OpDecrypt: {&kmsapi.DecryptRequest{}, []string{"CiphertextBlob*", "EncryptionContext", "DryRun"}},
	kmsapi.OpGenerateDataKey: {
		&kmsapi.GenerateDataKeyRequest{},
		[]string{"KeyId*", "KeySpec", "NumberOfBytes", "EncryptionContext", "DryRun"},
	},
	kmsapi.OpGenerateDataKeyWithoutPlaintext: {
		&kmsapi.GenerateDataKeyWithoutPlaintextRequest{},
		[]string{"KeyId*", "KeySpec", "NumberOfBytes", "EncryptionContext", "DryRun"},
	},
	kmsapi.OpExportDataKey: {
		&kmsapi.ExportDataKeyRequest{},
		[]string{
			"CiphertextBlob*", "EncryptionContext", "PublicKeyBlob*", "WrappingKeySpec*", "WrappingAlgorithm*", "DryRun",
		},
	},
	kmsapi.OpGenerateAndExportDataKey: {
		&kmsapi.GenerateAndExportDataKeyRequest{},
		[]string{
			"KeyId*", "KeySpec", "NumberOfBytes", "EncryptionContext", "PublicKeyBlob*", "WrappingKeySpec*",
			"WrappingAlgorithm*", "DryRun",
		},
	},
	kmsapi.OpReEncrypt: {
		&kmsapi.ReEncryptRequest{},
		[]string{
			"CiphertextBlob*", "SourceEncryptionContext", "SourceKeyId", "SourceKeyVersionId", "SourceEncryptionAlgorithm",
			"DestinationKeyId*", "DestinationEncryptionContext", "DryRun",
		},
	},
	kmsapi.OpDescribeRegions: {&kmsapi.DescribeRegionsRequest{}, nil},

	kmsapi.OpGetParametersForImport: {
		&kmsapi.GetParametersForImportRequest{},
		[]string{"KeyId*", "WrappingAlgorithm*", "WrappingKeySpec*"},
	},
	kmsapi.OpImportKeyMaterial: {
		&kmsapi.ImportKeyMaterialRequest{},
		[]string{"KeyId", "EncryptedKeyMaterial*", "ImportToken*", "KeyMaterialExpireUnix"},
	},
	kmsapi.OpDeleteKeyMaterial:     {&kmsapi.DeleteKeyMaterialRequest{}, []string{"KeyId*"}},
	kmsapi.OpCreateAlias:           {&kmsapi.CreateAliasRequest{}, []string{"AliasName*", "KeyId*"}},
	kmsapi.OpUpdateAlias:           {&kmsapi.UpdateAliasRequest{}, []string{"AliasName*", "KeyId*"}},
	kmsapi.OpDeleteAlias:           {&kmsapi.DeleteAliasRequest{}, []string{"AliasName*"}},
	kmsapi.OpListAliases:           {&kmsapi.ListAliasesRequest{}, []string{"PageNumber", "PageSize"}},
	kmsapi.OpListAliasesByKeyId:    {&kmsapi.ListAliasesByKeyIdRequest{}, []string{"PageNumber", "PageSize", "KeyId*"}},
	kmsapi.OpTagResource:           {&kmsapi.TagResourceRequest{}, []string{"KeyId*", "Tags*"}},
	kmsapi.OpUntagResource:         {&kmsapi.UntagResourceRequest{}, []string{"KeyId*", "TagKeys*"}},
	kmsapi.OpListResourceTags:      {&kmsapi.ListResourceTagsRequest{}, []string{"KeyId*"}},
	kmsapi.OpGetKmsInstance:        {&kmsapi.GetKmsInstanceRequest{}, []string{"KmsInstanceId*"}},
	kmsapi.OpListKmsInstances:      {&kmsapi.ListKmsInstancesRequest{}, []string{"PageNumber", "PageSize"}},
	kmsapi.OpGetDefaultKmsInstance: {&kmsapi.GetDefaultKmsInstanceRequest{}, nil},
	kmsapi.OpGetPublicKey:          {&kmsapi.GetPublicKeyRequest{}, []string{"KeyId*", "KeyVersionId*", "DryRun"}},
	kmsapi.OpAsymmetricSign: {
		&kmsapi.AsymmetricSignRequest{},
		[]string{"KeyId*", "KeyVersionId*", "Algorithm*", "Digest*", "DryRun"},
	},
	kmsapi.OpAsymmetricVerify: {
		&kmsapi.AsymmetricVerifyRequest{},
		[]string{"KeyId*", "KeyVersionId*", "Algorithm*", "Digest*", "Value*", "DryRun"},
	},
	kmsapi.OpAsymmetricEncrypt: {
		&kmsapi.AsymmetricEncryptRequest{},
		[]string{"KeyId*", "KeyVersionId*", "Algorithm*", "Plaintext*", "DryRun"},
	},
	kmsapi.OpAsymmetricDecrypt: {
		&kmsapi.AsymmetricDecryptRequest{},
		[]string{"KeyId*", "KeyVersionId*", "Algorithm*", "CiphertextBlob*", "DryRun"},
	},
	kmsapi.OpUpdateKeyDescription: {&kmsapi.UpdateKeyDescriptionRequest{}, []string{"KeyId*", "Description"}},
	kmsapi.OpSetDeletionProtection: {
		&kmsapi.SetDeletionProtectionRequest{},
		[]string{"ProtectedResourceArn", "KeyId", "EnableDeletionProtection*", "DeletionProtectionDescription"},
	},
	kmsapi.OpTagResources: {&kmsapi.TagResourcesRequest{}, []string{"ResourceType*", "ResourceId*", "Tag*"}},
	kmsapi.OpUntagResources: {
		&kmsapi.UntagResourcesRequest{},
		[]string{"ResourceType*", "ResourceId*", "TagKey", "All"},
	},
	kmsapi.OpListTagResources: {
		&kmsapi.ListTagResourcesRequest{},
		[]string{"ResourceType*", "ResourceId", "Tag", "NextToken"},
	},
	kmsapi.OpDescribeAccountKmsStatus: {&kmsapi.DescribeAccountKmsStatusRequest{}, nil},
	kmsapi.OpOpenKmsService:           {&kmsapi.OpenKmsServiceRequest{}, nil},
	kmsapi.OpGetKeyPolicy:             {&kmsapi.GetKeyPolicyRequest{}, []string{"KeyId*", "PolicyName"}},
	kmsapi.OpSetKeyPolicy:             {&kmsapi.SetKeyPolicyRequest{}, []string{"KeyId*", "Policy*", "PolicyName"}},
}

func TestDescribeNamesTheParametersAndWhichAreRequired(t *testing.T) {
	for op, want := range rulesOf {
		require.Equal(t, op, want.request.Operation())
		var names []string
		for _, rule := range kmsapi.Describe(want.request) {
			if rule.Required {
				rule.Name += "*"
			}
			if rule.Support == kmsapi.Served {
				names = append(names, rule.Name)
			}
		}
		require.Equal(t, want.names, names, op)
	}
}

func TestRequiredParameterThatIsMissingOrEmptyIsNamed(t *testing.T) {
	for op, row := range rulesOf {
		for _, name := range row.names {
			name, required := strings.CutSuffix(name, "*")
			if !required {
				continue
			}
			without := map[string]kmsapi.Params{"missing": nil, "empty": {{Name: name, Value: ""}}}
			for how, params := range without {
				t.Run(string(op)+" with "+name+" "+how, func(t *testing.T) {
					for _, other := range row.names {
						if other != name+"*" {
							params = addValid(params, row.request, strings.TrimSuffix(other, "*"))
						}
					}
					err := kmsapi.Decode(params, fresh(row.request))
					require.ErrorIs(t, err, kmsapi.ErrMissingParameter)
					require.ErrorContains(t, err, `"`+name)
				})
			}
		}
	}
}

// addValid adds a good value of a parameter of r.
func addValid(params kmsapi.Params, r kmsapi.Request, name string) kmsapi.Params {
	switch name {
	case "Algorithm":
		rules := kmsapi.Describe(r)
		at := slices.IndexFunc(rules, func(rule kmsapi.Rule) bool { return rule.Name == name })
		return params.Add(name, rules[at].OneOf[0])
	case "ResourceId", "TagKey":
		return params.Add(name+".1", "k")
	case "Tag":
		return params.Add("Tag.1.Key", "k")
	default:
		return params.Add(name, valid[name])
	}
}

// valid has a good value for every parameter.
var valid = map[string]string{
	"KeyId": "k", "Plaintext": "p", "CiphertextBlob": "c", "EncryptionContext": `{"a":"b"}`, "KeySpec": "AES_128",
	"NumberOfBytes":       "1",
	"PendingWindowInDays": "7", "PageNumber": "1", "PageSize": "1", "Origin": "EXTERNAL", "Description": "d",
	"KmsInstanceId": "kst-a", "DKMSInstanceId": "kst-a", "Policy": "{}", "PolicyName": "default",
	"KeyUsage": "ENCRYPT/DECRYPT", "ProtectionLevel": "HSM", "WrappingAlgorithm": "RSAES_OAEP_SHA_256",
	"WrappingKeySpec":         "RSA_2048",
	"DryRun":                  "true",
	"EnableAutomaticRotation": "true", "RotationInterval": "365d",
	"EncryptedKeyMaterial": "m", "ImportToken": "t", "KeyMaterialExpireUnix": "1", "AliasName": "alias/a",
	"PublicKeyBlob": "p", "SourceKeyId": "s", "SourceKeyVersionId": "v", "SourceEncryptionAlgorithm": "a",
	"SourceEncryptionContext": `{"a":"b"}`, "DestinationKeyId": "d", "DestinationEncryptionContext": `{"c":"d"}`,
	"KeyVersionId": "v", "Digest": "d", "Value": "v",
	"Tags": `[{"TagKey":"k","TagValue":"v"}]`, "TagKeys": `["k"]`, "Filters": "[]", "ProtectedResourceArn": "acs:",
	"EnableDeletionProtection": "false", "DeletionProtectionDescription": "d", "ResourceType": "key", "All": "false",
	"NextToken": "t",
}

func fresh(r kmsapi.Request) kmsapi.Request {
	return reflect.New(reflect.TypeOf(r).Elem()).Interface().(kmsapi.Request)
}

func TestLimitsOfTheReference(t *testing.T) {
	long := func(n int) string { return strings.Repeat("中", n) }
	for _, tc := range []struct {
		op        kmsapi.Operation
		name      string
		good, bad []string
	}{
		{kmsapi.OpCreateKey, "Origin", []string{"Aliyun_KMS", "EXTERNAL"}, []string{"external", "AWS_KMS", " EXTERNAL"}},
		{kmsapi.OpCreateKey, "ProtectionLevel", []string{"SOFTWARE", "HSM"}, []string{"hsm", "TPM"}},
		{kmsapi.OpCreateKey, "KeyUsage", []string{"ENCRYPT/DECRYPT", "SIGN/VERIFY"}, []string{"SIGN", "encrypt/decrypt"}},
		{
			kmsapi.OpCreateKey, "KeySpec",
			[]string{"Aliyun_AES_256", "RSA_4096", "EC_P256K", "EC_SM2", "Aliyun_SM4"},
			[]string{"RSA_1024", "AES_256", "ec_p256", "EC_P384"},
		},
		{
			kmsapi.OpAsymmetricSign, "Algorithm",
			[]string{"RSA_PSS_SHA_256", "RSA_PKCS1_SHA_256", "ECDSA_SHA_256"},
			[]string{"RSAES_OAEP_SHA_256", "RSA_PSS_SHA_512", "rsa_pss_sha_256", "SM2DSA"},
		},
		{
			kmsapi.OpAsymmetricDecrypt, "Algorithm",
			[]string{"RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1"},
			[]string{"RSAES_PKCS1_V1_5", "RSA_PSS_SHA_256", "SM2PKE"},
		},
		{kmsapi.OpCreateKey, "Description", []string{"", long(8192)}, []string{long(8193)}},
		{
			kmsapi.OpScheduleKeyDeletion, "PendingWindowInDays",
			[]string{"7", "30"},
			[]string{"6", "31", "0", "-7", "7.0", "seven", "7 ", "99999999999999999999"},
		},
		{kmsapi.OpListKeys, "PageNumber", []string{"1", "1000000"}, []string{"0", "-1", "x", "99999999999999999999"}},
		{kmsapi.OpListKeys, "PageSize", []string{"1", "101"}, []string{"0", "102", "-1", "1e1"}},
		{kmsapi.OpGenerateDataKey, "KeySpec", []string{"AES_256", "AES_128"}, []string{"AES_192", "aes_256"}},
		{kmsapi.OpGenerateDataKey, "NumberOfBytes", []string{"1", "1024"}, []string{"0", "1025", "-1", "0x10"}},
		{kmsapi.OpGenerateDataKeyWithoutPlaintext, "KeySpec", []string{"AES_256", "AES_128"}, []string{"AES_192"}},
		{kmsapi.OpGenerateAndExportDataKey, "NumberOfBytes", []string{"1", "1024"}, []string{"0", "1025"}},
		{kmsapi.OpExportDataKey, "WrappingKeySpec", []string{"RSA_2048", "EC_SM2"}, []string{"RSA_4096", "rsa_2048"}},
		{
			kmsapi.OpExportDataKey, "WrappingAlgorithm",
			[]string{"RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1", "SM2PKE"},
			[]string{"RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_512"},
		},
		{kmsapi.OpReEncrypt, "SourceEncryptionContext", []string{`{"a":"b"}`}, []string{`{"a":1}`, `[]`}},
		{kmsapi.OpReEncrypt, "DestinationEncryptionContext", []string{`{"a":"b"}`}, []string{`{"a":1}`, `[]`}},
		{
			kmsapi.OpGetParametersForImport, "WrappingAlgorithm",
			[]string{"RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1"},
			[]string{"RSAES_OAEP_SHA_512", "rsaes_pkcs1_v1_5"},
		},
		{kmsapi.OpGetParametersForImport, "WrappingKeySpec", []string{"RSA_2048"}, []string{"RSA_4096", "EC_SM2"}},
		{kmsapi.OpImportKeyMaterial, "KeyMaterialExpireUnix", []string{"0", "4102444800"}, []string{"-1", "soon", "1e9"}},
		{kmsapi.OpCreateAlias, "AliasName", []string{
			"alias/a", "alias/" + strings.Repeat("a", 255), "alias/Team_1/pay-roll",
			"alias/my/acs", "alias/ACS",
		}, []string{
			"a", "alias/", "alias/" + strings.Repeat("a", 256), "alias/a b", "alias/中", "Alias/a", "alias/a\n", "xalias/a",
			"alias/acs", "alias/acs/oss", "alias/acsomething",
		}},
		{kmsapi.OpTagResource, "Tags", []string{
			`[{"TagKey":"k","TagValue":""}]`, `[{"TagKey":"k"}]`, `[{"TagKey":"` + strings.Repeat("k", 128) + `","TagValue":"` +
				strings.Repeat("v", 128) + `"}]`, `[{"TagKey":"a\\b","TagValue":"\\"}]`,
		}, []string{
			`[]`, `{}`, `[{"TagKey":"","TagValue":"v"}]`, `[{"TagKey":"a b","TagValue":"v"}]`, `[{"TagKey":"k","TagValue":"中"}]`,
			`[{"TagKey":"k","TagValue":"1"},{"TagKey":"k","TagValue":"2"}]`, `[{"TagKey":"aliyun-x","TagValue":"v"}]`,
			`[{"TagKey":"acs:x","TagValue":"v"}]`,
			`[{"TagKey":"k","TagValue":"v","More":1}]`, `[{"TagKey":"k","TagValue":"v"}] []`, `[{"TagKey":"` +
				strings.Repeat("k", 129) + `"}]`,
			`[{"TagKey":"k","TagValue":"` + strings.Repeat("v", 129) + `"}]`, `[{"TagKey":1}]`,
		}},
		{kmsapi.OpUntagResource, "TagKeys", []string{`["a","b"]`}, []string{`[]`, `"a"`, `[1]`, `[""]`, `["a"`}},
		{kmsapi.OpEncrypt, "EncryptionContext", []string{`{"a":"b"}`}, []string{`{"a":1}`, `[]`, "a"}},
		{kmsapi.OpEncrypt, "DryRun", []string{"", "true", "false"}, []string{"True", "TRUE", "1", "yes", "false "}},
		{kmsapi.OpDecrypt, "Recipient", []string{""}, []string{"{}", "null", " "}},
		{kmsapi.OpCreateKey, "EnableAutomaticRotation", []string{"", "false", "true"}, []string{"True", "1", "Enabled"}},
		{kmsapi.OpListKeyVersions, "PageSize", []string{"0", "1", "101"}, []string{"102", "-1", "1e1"}},
		{kmsapi.OpCreateKey, "RotationInterval", []string{"", "365d", "soon"}, nil},
		{kmsapi.OpCreateKey, "Tags", []string{"", "[]", `[{"TagKey":"k","TagValue":"v"}]`}, []string{"{}", "[{}]", "null"}},
		{kmsapi.OpCreateKey, "KeyStorageMechanism", []string{""}, []string{"HsmInternal", "HsmEncryptedDatabase"}},
		{kmsapi.OpListKeys, "Filters", []string{
			"", "[]", " [ ] ", `[{"Key":"KeyState","Values":["Enabled"]}]`, `[{"Key":"keyId","Values":[]}]`,
			`[{"Key":"TagKey"}]`,
			manyFilters(10, 10), `[{"Key":"Creator","Values":["a"]},{"Key":"Creator","Values":["b"]}]`,
		}, []string{
			"x", "{}", "null", "[null]", "[[]]", `[{"Key":"keystate"}]`, `[{"Key":"KeyId"}]`, `[{"Key":""}]`, `[{}]`,
			`[{"Key":"KeyState","Values":"Enabled"}]`, `[{"Key":"KeyState","Values":[1]}]`,
			`[{"Key":"KeyState","Value":["Enabled"]}]`,
			`[{"Key":"KeyState"}] []`, `[{"Key":"KeyState"}]]`, manyFilters(11, 1), manyFilters(1, 11),
		}},
		{kmsapi.OpUpdateKeyDescription, "Description", []string{"", long(8192)}, []string{long(8193)}},
		{
			kmsapi.OpSetDeletionProtection, "EnableDeletionProtection",
			[]string{"true", "false"},
			[]string{"True", "1", "Enabled"},
		},
		{kmsapi.OpSetDeletionProtection, "DeletionProtectionDescription", []string{long(8192)}, []string{long(8193)}},
		{kmsapi.OpTagResources, "ResourceType", []string{"key", "secret", "instance"}, []string{"Key", "certificate"}},
		{kmsapi.OpTagResources, "ResourceId", nil, []string{"k", `["k"]`}},
		{kmsapi.OpUntagResources, "All", []string{"true", "false"}, []string{"all"}},
		{kmsapi.OpTagResource, "SecretName", []string{""}, []string{"s"}},
		{kmsapi.OpUntagResource, "CertificateId", []string{""}, []string{"c"}},
	} {
		row := rulesOf[tc.op]
		decode := func(value string) error {
			params := kmsapi.Params{{Name: tc.name, Value: value}}
			for _, name := range row.names {
				if name, required := strings.CutSuffix(name, "*"); required && name != tc.name {
					params = addValid(params, row.request, name)
				}
			}
			return kmsapi.Decode(params, fresh(row.request))
		}
		for _, value := range tc.good {
			require.NoError(t, decode(value), "%s of %s", tc.name, tc.op)
		}
		for _, value := range tc.bad {
			err := decode(value)
			require.ErrorIs(t, err, kmsapi.ErrInvalidParameter, "%s of %s: %q", tc.name, tc.op, value)
			require.ErrorContains(t, err, `"`+tc.name+`"`)
		}
	}
}

func manyFilters(filters, values int) string {
	value := strings.Repeat(`"v",`, values-1) + `"v"`
	return "[" + strings.Repeat(`{"Key":"TagValue","Values":[`+value+`]},`, filters-1) +
		`{"Key":"TagKey","Values":[` + value + `]}]`
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

// toldAnyway are the booleans that operations need, true or false.
var toldAnyway = map[kmsapi.Operation][]string{
	kmsapi.OpUpdateRotationPolicy:  {"EnableAutomaticRotation"},
	kmsapi.OpSetDeletionProtection: {"EnableDeletionProtection"},
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
