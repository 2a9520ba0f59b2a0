package kmsapi_test

import (
	"maps"

	"pgregory.net/rapid"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

var (
	secretNames    = rapid.StringMatching(`[A-Za-z0-9_/+=.@-]{1,192}`).Filter(isNotReserved)
	secretVersions = rapid.StringMatching(`[A-Za-z0-9_/+=.@-]{1,64}`)
)

func isNotReserved(name string) bool { return len(name) < 4 || name[:4] != kmsapi.ReservedSecretPrefix }

func drawName(t *rapid.T) string { return secretNames.Draw(t, "name") }

// withSecrets adds the requests of operations on secrets.
func withSecrets(
	all map[kmsapi.Operation]func(t *rapid.T) kmsapi.Request,
) map[kmsapi.Operation]func(t *rapid.T) kmsapi.Request {
	maps.Copy(all, secretRequests)
	return all
}

var secretRequests = map[kmsapi.Operation]func(t *rapid.T) kmsapi.Request{
	kmsapi.OpCreateSecret: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.CreateSecretRequest{
			SecretName: drawName(t), VersionId: secretVersions.Draw(t, "version"),
			SecretData:     kmsapi.NewSecret(rapid.StringN(1, 100, -1).Draw(t, "data")),
			SecretDataType: rapid.SampledFrom([]string{kmsapi.SecretText, kmsapi.SecretBinary}).Draw(t, "type"),
			SecretType:     kmsapi.SecretGeneric, EncryptionKeyId: rapid.StringN(0, 20, -1).Draw(t, "key"),
			Description: rapid.StringN(0, 100, -1).Draw(t, "description"), Tags: drawTags(t, 0),
			DKMSInstanceId: rapid.StringN(0, 20, -1).Draw(t, "instance"),
			Policy:         rapid.StringN(0, 100, -1).Draw(t, "policy"),
		}
	},
	kmsapi.OpPutSecretValue: func(t *rapid.T) kmsapi.Request {
		stages := rapid.SliceOfNDistinct(secretVersions, 0, kmsapi.MaxSecretStages, rapid.ID[string])
		return &kmsapi.PutSecretValueRequest{
			SecretName: drawName(t), VersionId: secretVersions.Draw(t, "version"),
			SecretData: kmsapi.NewSecret(rapid.StringN(1, 100, -1).Draw(t, "data")), SecretDataType: kmsapi.SecretBinary,
			VersionStages: nilIfEmpty(stages.Draw(t, "stages")),
		}
	},
	kmsapi.OpGetSecretValue: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.GetSecretValueRequest{
			SecretName: drawName(t), VersionId: secretVersions.Draw(t, "version"),
			VersionStage: secretVersions.Draw(t, "stage"), FetchExtendedConfig: rapid.Bool().Draw(t, "extended"),
			DryRun: rapid.Bool().Draw(t, "dry"),
		}
	},
	kmsapi.OpDescribeSecret: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.DescribeSecretRequest{SecretName: drawName(t), FetchTags: rapid.Bool().Draw(t, "tags")}
	},
	kmsapi.OpListSecrets: func(t *rapid.T) kmsapi.Request {
		filters := kmsapi.SecretFilters{{Key: kmsapi.FilterBySecretName, Values: []string{drawName(t)}}}
		return &kmsapi.ListSecretsRequest{
			FetchTags: rapid.Bool().Draw(t, "tags"), Filters: filters,
			PageNumber: rapid.IntMin(1).Draw(t, "number"), PageSize: rapid.IntRange(1, 100).Draw(t, "size"),
		}
	},
	kmsapi.OpListSecretVersionIds: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.ListSecretVersionIdsRequest{
			SecretName: drawName(t), IncludeDeprecated: rapid.Bool().Draw(t, "deprecated"),
			PageNumber: rapid.IntMin(1).Draw(t, "number"), PageSize: rapid.IntRange(1, 100).Draw(t, "size"),
		}
	},
	kmsapi.OpUpdateSecret: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.UpdateSecretRequest{
			SecretName: drawName(t), Description: rapid.StringN(1, 100, -1).Draw(t, "description"),
		}
	},
	kmsapi.OpUpdateSecretVersionStage: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.UpdateSecretVersionStageRequest{
			SecretName: drawName(t), VersionStage: secretVersions.Draw(t, "stage"),
			MoveToVersion: secretVersions.Draw(t, "to"), RemoveFromVersion: secretVersions.Draw(t, "from"),
		}
	},
	kmsapi.OpDeleteSecret: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.DeleteSecretRequest{
			SecretName: drawName(t), ForceDeleteWithoutRecovery: rapid.Bool().Draw(t, "force"),
			RecoveryWindowInDays: rapid.IntRange(7, 30).Draw(t, "days"),
		}
	},
	kmsapi.OpRestoreSecret: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.RestoreSecretRequest{SecretName: drawName(t)}
	},
	kmsapi.OpRotateSecret: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.RotateSecretRequest{SecretName: drawName(t), VersionId: secretVersions.Draw(t, "version")}
	},
	kmsapi.OpUpdateSecretRotationPolicy: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.UpdateSecretRotationPolicyRequest{
			SecretName: drawName(t), EnableAutomaticRotation: rapid.Bool().Draw(t, "rotate"),
			RotationInterval: rapid.StringN(0, 10, -1).Draw(t, "interval"),
		}
	},
	kmsapi.OpGetSecretPolicy: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.GetSecretPolicyRequest{SecretName: drawName(t), PolicyName: kmsapi.DefaultPolicyName}
	},
	kmsapi.OpSetSecretPolicy: func(t *rapid.T) kmsapi.Request {
		policy := rapid.StringN(1, 100, -1).Draw(t, "policy")
		return &kmsapi.SetSecretPolicyRequest{
			SecretName: drawName(t), Policy: policy, PolicyName: kmsapi.DefaultPolicyName,
		}
	},
	kmsapi.OpGetRandomPassword: func(t *rapid.T) kmsapi.Request {
		return &kmsapi.GetRandomPasswordRequest{
			PasswordLength:    rapid.IntRange(8, 128).Draw(t, "length"),
			ExcludeCharacters: rapid.StringN(0, 20, -1).Draw(t, "excluded"),
			ExcludeLowercase:  rapid.Bool().Draw(t, "lower"), ExcludePunctuation: rapid.Bool().Draw(t, "punctuation"),
			RequireEachIncludedType: rapid.SampledFrom([]string{"true", "false"}).Draw(t, "each"),
		}
	},
}
