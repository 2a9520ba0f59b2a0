package kmsapi_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

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
			[]string{"RSA_PSS_SHA_256", "RSA_PKCS1_SHA_256", "ECDSA_SHA_256", "SM2DSA"},
			[]string{"RSAES_OAEP_SHA_256", "RSA_PSS_SHA_512", "rsa_pss_sha_256", "SM2PKE"},
		},
		{
			kmsapi.OpAsymmetricDecrypt, "Algorithm",
			[]string{"RSAES_OAEP_SHA_256", "RSAES_OAEP_SHA_1", "SM2PKE"},
			[]string{"RSAES_PKCS1_V1_5", "RSA_PSS_SHA_256", "SM2DSA", "SM2PKE_SM4_ECB"},
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
			[]string{"RSAES_PKCS1_V1_5", "RSAES_OAEP_SHA_1", "SM2PKE", "SM2PKE_SM4_ECB"},
			[]string{"RSAES_OAEP_SHA_512", "rsaes_pkcs1_v1_5"},
		},
		{kmsapi.OpGetParametersForImport, "WrappingKeySpec", []string{"RSA_2048", "EC_SM2"}, []string{"RSA_4096"}},
		{kmsapi.OpImportKeyMaterial, "KeyMaterialExpireUnix", []string{"0", "4102444800"}, []string{"-1", "soon", "1e9"}},
		{kmsapi.OpCreateAlias, "AliasName", []string{
			"alias/a", "alias/" + strings.Repeat("a", 255), "alias/Team_1/pay-roll",
			"alias/my/acs", "alias/ACS",
		}, []string{
			"a", "alias/", "alias/" + strings.Repeat("a", 256), "alias/a b", "alias/中", "Alias/a", "alias/a\n", "xalias/a",
			"alias/acs", "alias/acs/oss", "alias/acsomething",
		}},
		{
			kmsapi.OpCreateSecret, "SecretName",
			[]string{"a", strings.Repeat("a", 192), "db/Password_1+=.@-", "acs", "a/acs/"},
			[]string{"a:b", "a b", "*", "中", "a\n", strings.Repeat("a", 193), "acs/x", "acs:kms:r:1:secret/a"},
		},
		{kmsapi.OpGetSecretValue, "SecretName", []string{"acs/rds/x"}, []string{"a:b", "a*"}},
		{
			kmsapi.OpCreateSecret, "VersionId",
			[]string{"1", strings.Repeat("v", 64)},
			[]string{strings.Repeat("v", 65), "v:1", "v 1", "中"},
		},
		{kmsapi.OpCreateSecret, "SecretDataType", []string{"text", "binary"}, []string{"Text", "base64"}},
		{kmsapi.OpCreateSecret, "SecretType", []string{"Generic", "Rds", "PolarDB"}, []string{"generic", "RDS"}},
		{
			kmsapi.OpPutSecretValue, "VersionStages",
			[]string{`["ACSCurrent","next"]`, `{"VersionStage":["ACSCurrent"]}`, `["1","2","3","4","5","6","7","8"]`},
			[]string{
				`[]`, `{}`, `{"VersionStage":[]}`, `[""]`, `["a","a"]`, `["a:b"]`, `null`, `["1","2","3","4","5","6","7","8","9"]`,
				`[1]`, `["a"] []`, `["` + strings.Repeat("s", 65) + `"]`, `{"VersionStage":["a"],"x":1} 1`,
			},
		},
		{kmsapi.OpDeleteSecret, "RecoveryWindowInDays", []string{"7", "30"}, []string{"6", "31", "0"}},
		{kmsapi.OpListSecrets, "PageSize", []string{"1", "100"}, []string{"0", "101"}},
		{
			kmsapi.OpListSecrets, "Filters",
			[]string{`[{"Key":"SecretName","Values":["a"]}]`, `[{"Key":"SecretType","Values":["RDS"]}]`, `[]`},
			[]string{`[{"Key":"KeyState","Values":["a"]}]`, `null`, `{}`},
		},
		{kmsapi.OpGetRandomPassword, "PasswordLength", []string{"8", "128"}, []string{"7", "129"}},
		{kmsapi.OpGetRandomPassword, "RequireEachIncludedType", []string{"true", "false"}, []string{"yes"}},
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
		{kmsapi.OpTagResource, "SecretName", []string{"", "s"}, []string{"s:"}},
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
