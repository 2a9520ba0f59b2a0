package call

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// parse reads arguments as Run does, with the content of standard input.
func parse(op kmsapi.Operation, stdin string, raw bool, args ...string) (kmsapi.Request, []string, error) {
	var warnings []string
	v := &values{stdin: strings.NewReader(stdin), warn: func(line string) { warnings = append(warnings, line) }}
	params, err := newReader(op, v, raw).params(args)
	if err != nil {
		return nil, warnings, err
	}
	request, err := newRequest(op, params)
	return request, warnings, err
}

// sample returns a value that a parameter may have.
func sample(rule kmsapi.Rule) string {
	switch {
	case len(rule.OneOf) > 0:
		return rule.OneOf[len(rule.OneOf)-1]
	case rule.Type == kmsapi.TypeInteger:
		return fmt.Sprint(max(rule.Min, 1))
	case rule.Type == kmsapi.TypeContext:
		return `{"app":"payroll"}`
	case rule.Name == "Filters":
		return strings.TrimPrefix(rule.Form, "look like ")
	case rule.Name == "Tags":
		return `[{"TagKey":"team","TagValue":"hr"}]`
	case rule.Type == kmsapi.TypeList:
		return `["team"]`
	case rule.Type == kmsapi.TypeSecret:
		return "aGVsbG8="
	case rule.Type == kmsapi.TypeNumbered:
		return "one"
	case rule.Form != "":
		return "alias/payroll"
	default:
		return "any value"
	}
}

// parameter returns the name that a parameter is sent with, which for a list is that of its first item.
func parameter(rule kmsapi.Rule) string {
	name, _, _ := strings.Cut(assignment(rule), "=")
	return name
}

// A boolean that is false is not sent, and a parameter that is not served has no field.
func TestEveryOperationCanBeCalledWithAllOfItsParameters(t *testing.T) {
	for _, op := range kmsapi.Operations() {
		t.Run(string(op), func(t *testing.T) {
			var want kmsapi.Params
			var args []string
			for _, rule := range kmsapi.Describe(op.NewRequest()) {
				value := sample(rule)
				if rule.Type == kmsapi.TypeBoolean {
					value = "true"
				}
				if rule.Support == kmsapi.Served {
					want = want.Add(parameter(rule), value)
					args = append(args, parameter(rule)+"="+value)
				}
			}
			request, warnings, err := parse(op, "", false, args...)
			require.NoError(t, err)
			require.Empty(t, warnings)
			require.Equal(t, op, request.Operation())
			require.Equal(t, want, kmsapi.Encode(request))
		})
	}
}

func TestOnlyWhatWasGivenIsSent(t *testing.T) {
	for _, op := range kmsapi.Operations() {
		var want kmsapi.Params
		var args []string
		for _, rule := range kmsapi.Describe(op.NewRequest()) {
			if rule.Required {
				want = want.Add(parameter(rule), sample(rule))
				args = append(args, parameter(rule)+"="+sample(rule))
			}
		}
		request, _, err := parse(op, "", false, args...)
		require.NoError(t, err, op)
		require.Equal(t, want, kmsapi.Encode(request), op)
	}
}

// folder is a working folder with files for parameters.
func folder(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	for name, content := range map[string]string{
		"line": "one\n", "windows": "one\r\n", "lines": "one\ntwo\n\n", "bytes": "\xff\x00\n", "empty": "", "@odd": "odd",
		"long": strings.Repeat("x", maxValue+1), "full": strings.Repeat("x", maxValue),
	} {
		require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	}
}

func TestWhereAValueComesFrom(t *testing.T) {
	folder(t)
	for name, tc := range map[string]struct {
		given string
		stdin string
		raw   bool
		want  string
	}{
		"the argument":                    {given: "one=two", want: "one=two"},
		"a file, without its line break":  {given: "@line", want: "one"},
		"a file of Windows":               {given: "@windows", want: "one"},
		"a file with lines":               {given: "@lines", want: "one\ntwo\n"},
		"standard input":                  {given: "@-", stdin: "one\n", want: "one"},
		"an argument that begins with @":  {given: "@@line", want: "@line"},
		"a file whose name begins with @": {given: "@./@odd", want: "odd"},
		"a file as long as one may be":    {given: "@full", want: strings.Repeat("x", maxValue)},
		"bytes of a file":                 {given: "@bytes", raw: true, want: "/wAK"},
		"bytes of standard input":         {given: "@-", stdin: "one\n", raw: true, want: "b25lCg=="},
		"bytes of an argument":            {given: "one", raw: true, want: "b25l"},
	} {
		t.Run(name, func(t *testing.T) {
			request, _, err := parse(kmsapi.OpEncrypt, tc.stdin, tc.raw, "KeyId=k", "Plaintext="+tc.given)
			require.NoError(t, err)
			require.Equal(t, tc.want, request.(*kmsapi.EncryptRequest).Plaintext.Reveal())
			require.Equal(t, "k", request.(*kmsapi.EncryptRequest).KeyId, "raw is for plaintexts alone")
		})
	}
}

func TestAContextIsOneValueOrOneForEachName(t *testing.T) {
	for _, args := range [][]string{
		{`EncryptionContext={"app":"payroll","team":"hr"}`},
		{"EncryptionContext.team=hr", "EncryptionContext.app=payroll"},
	} {
		request, _, err := parse(kmsapi.OpDecrypt, "", false, append(args, "CiphertextBlob=b")...)
		require.NoError(t, err)
		require.Equal(t, kmsapi.EncryptionContext{"app": "payroll", "team": "hr"},
			request.(*kmsapi.DecryptRequest).EncryptionContext)
	}
}

func TestMistakesInTheArguments(t *testing.T) {
	folder(t)
	const secret = "correct-horse"
	for name, tc := range map[string]struct {
		op   kmsapi.Operation
		args string
		want string
	}{
		"nothing": {kmsapi.OpEncrypt, "", `Encrypt needs KeyId=… Plaintext=…`},
		"a required parameter is empty": {
			kmsapi.OpEncrypt, "KeyId= Plaintext=x", `Encrypt needs KeyId=…`,
		},
		"no equals sign": {
			kmsapi.OpEncrypt, "KeyId=k " + secret, `argument 2 of Encrypt has no name; give each parameter as Name=Value`,
		},
		"a value in base64 without a name": {
			kmsapi.OpEncrypt, "KeyId=k correcthorse1=", `argument 2 of Encrypt has no name; give each parameter as Name=Value`,
		},
		"a value in base64 with more padding": {
			kmsapi.OpDecrypt, secret + "==", `argument 1 of Decrypt has no name; give each parameter as Name=Value`,
		},
		"another case and no value": {
			kmsapi.OpEncrypt, "keyid= Plaintext=" + secret, `Encrypt has no parameter "keyid"; did you mean KeyId?`,
		},
		"another case": {
			kmsapi.OpEncrypt, "keyid=k Plaintext=" + secret, `Encrypt has no parameter "keyid"; did you mean KeyId?`,
		},
		"a typo": {
			kmsapi.OpListKeys, "PageSise=5", `ListKeys has no parameter "PageSise"; did you mean PageSize?`,
		},
		"a parameter of another operation": {
			kmsapi.OpDecrypt, "AliasName=alias/a",
			`Decrypt has no parameter "AliasName"; it has CiphertextBlob, EncryptionContext, DryRun`,
		},
		"a parameter where there are none": {
			kmsapi.OpDescribeRegions, "KeyId=k", `DescribeRegions takes no parameters`,
		},
		"a parameter twice": {
			kmsapi.OpEncrypt, "KeyId=k KeyId=k Plaintext=" + secret, `KeyId of Encrypt is given twice`,
		},
		"an escape in the name of a context's entry": {
			kmsapi.OpDecrypt, "CiphertextBlob=b EncryptionContext.\x1b=1 EncryptionContext.\x1b=2",
			`EncryptionContext.\u001b of Decrypt is given twice`,
		},
		"both forms of a context": {
			kmsapi.OpDecrypt, `CiphertextBlob=b EncryptionContext={} EncryptionContext.a=` + secret,
			`Decrypt: The specified parameter "EncryptionContext" is not valid. It must be one JSON object, or parameters that are called EncryptionContext.<name>, and not both.`,
		},
		"a context that is not JSON": {
			kmsapi.OpDecrypt, `CiphertextBlob=b EncryptionContext=` + secret,
			`Decrypt: The specified parameter "EncryptionContext" is not valid. It must be a JSON object of strings: it is not a JSON object.`,
		},
		"an integer that is too large": {
			kmsapi.OpListKeys, "PageSize=102",
			`ListKeys: The specified parameter "PageSize" is not valid. It must be an integer, 1 to 101.`,
		},
		"a value that is none of a few": {
			kmsapi.OpGetParametersForImport, "KeyId=k WrappingKeySpec=RSA_2048 WrappingAlgorithm=RSAES_OAEP_SHA256",
			`WrappingAlgorithm of GetParametersForImport must be RSAES_PKCS1_V1_5, RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, RSAES_OAEP_SHA_256_AES_256_ECB_PKCS7_PAD or SM2PKE_SM4_ECB; did you mean RSAES_OAEP_SHA_256?`,
		},
		"a boolean that is none": {
			kmsapi.OpEncrypt, "KeyId=k Plaintext=x DryRun=yes", `DryRun of Encrypt must be true or false`,
		},
		"a parameter that is not served": {
			kmsapi.OpListKmsInstances, `Filters=[{}]`,
			`this version can't send Filters of ListKmsInstances with a value other than []`,
		},
		"one that has no value": {
			kmsapi.OpCreateKey, "KeyStorageMechanism=x",
			`this version can't send KeyStorageMechanism of CreateKey; leave it out`,
		},
		"bytes": {kmsapi.OpEncrypt, "KeyId=k Plaintext=@bytes", `Plaintext is not UTF-8; -raw sends bytes, in base64`},
		"bytes that are no plaintext": {
			kmsapi.OpDecrypt, "CiphertextBlob=@bytes", `CiphertextBlob is not UTF-8`,
		},
		"a file without a name": {
			kmsapi.OpEncrypt, "KeyId=k Plaintext=@", `Plaintext=@ needs the name of a file, or - for standard input`,
		},
		"standard input twice": {
			kmsapi.OpEncrypt, "KeyId=@- Plaintext=@-",
			`standard input can be the value of one parameter, not of both KeyId and Plaintext`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parse(tc.op, "k", false, strings.Fields(tc.args)...)
			require.EqualError(t, err, tc.want)
			require.ErrorAs(t, err, new(*UsageError))
			require.NotContains(t, err.Error(), secret)
		})
	}
}

func TestAFileThatCantBeReadIsNoMistakeInTheArguments(t *testing.T) {
	folder(t)
	for given, want := range map[string]string{
		"@none": "Plaintext=@none: no such file or directory",
		"@.":    "Plaintext=@.: is a directory",
		"@long": "Plaintext=@long: it has more than 1 MiB, which no parameter may have",
	} {
		_, _, err := parse(kmsapi.OpEncrypt, "", false, "KeyId=k", "Plaintext="+given)
		require.EqualError(t, err, want)
		require.NotErrorAs(t, err, new(*UsageError))
	}
}

func TestAForgottenAtIsNoticed(t *testing.T) {
	folder(t)
	_, warnings, err := parse(kmsapi.OpDecrypt, "", false, "CiphertextBlob=line")
	require.NoError(t, err)
	require.Equal(t, []string{
		"CiphertextBlob is sent as it is, but is also the name of a file; CiphertextBlob=@FILE sends its content",
	}, warnings)
	require.NoError(t, os.Mkdir("alias", 0o700))
	for _, given := range []string{"other", "alias", strings.Repeat("x", 5000), filepath.Join("line", "x")} {
		_, warnings, err := parse(kmsapi.OpDecrypt, "", false, "CiphertextBlob="+given)
		require.NoError(t, err)
		require.Empty(t, warnings)
	}
}

func TestAPlaintextThatIsNotBase64IsNoticed(t *testing.T) {
	for _, given := range []string{"hello", "aGVsbG8", "aGVs\nbG8="} {
		_, warnings, err := parse(kmsapi.OpEncrypt, "", false, "KeyId=k", "Plaintext="+given)
		require.NoError(t, err)
		require.Equal(t, []string{
			"Plaintext is sent as it is, but SDKs and the engine expect base64; -raw encodes it",
		}, warnings)
	}
	for given, raw := range map[string]bool{"aGVsbG8=": false, "hello": true} {
		_, warnings, err := parse(kmsapi.OpEncrypt, "", raw, "KeyId=k", "Plaintext="+given)
		require.NoError(t, err)
		require.Empty(t, warnings)
	}
}

func TestOperationsThatDoNotExist(t *testing.T) {
	for name, want := range map[string]string{
		"encrypt":      `there is no operation "encrypt"; did you mean Encrypt?`,
		"DescribeKeys": `there is no operation "DescribeKeys"; did you mean DescribeKey?`,
		"MakeCoffee":   `there is no operation "MakeCoffee"`,
		"GenerateMac":  `GenerateMac is an operation of KMS that this version does not have`,
	} {
		require.EqualError(t, Unknown(name), want)
	}
}
