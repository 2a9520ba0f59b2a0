package alicloudkms

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
)

// otherForms are the fields whose strings are neither identifiers nor secrets. Fields of transit that mean nothing here
// are kept as they are too.
var otherForms = map[string]string{
	"plaintext":              fields.InBase64,
	"ciphertext":             fields.InBase64,
	"envelope_text":          fields.InBase64,
	"associated_data":        fields.InBase64,
	"context":                fields.InBase64,
	"input":                  fields.InBase64,
	"encrypted_key_material": fields.InBase64,
	"import_token":           fields.InBase64,
	"signature":              fields.InBase64,
	"hmac":                   fields.InBase64,

	"ca_cert":          fields.AsGiven,
	"instance_ca_cert": fields.AsGiven,
	"description":      fields.AsGiven,
	"reference":        fields.AsGiven,
}

// everyString calls f with every string that an operation takes.
func everyString(b *backend, f func(op logical.Operation, schemas fields.Schemas, name string)) {
	everyOperation(b, func(op logical.Operation, path string) {
		schemas := b.Route(path).Fields
		for name := range schemas {
			if isString(op, schemas, name) {
				f(op, schemas, name)
			}
		}
	})
}

func isString(op logical.Operation, schemas fields.Schemas, name string) bool {
	schema := schemas[name]
	return schema.Type == framework.TypeString && fields.Takes(op, name, schema) && !fields.IsTransit(name, schema)
}

func TestEveryStringLosesWhatAFileAdds(t *testing.T) {
	r := newRig(t)
	tried := map[string]int{}
	everyString(r.backend(), func(op logical.Operation, schemas fields.Schemas, name string) {
		form := otherForms[name]
		for _, file := range []string{"QUJD\n", "QUJD\r\n", "\ufeffQUJD\r\n", " QUJD \n\n", "QUJD\t"} {
			want := "QUJD"
			if form == fields.AsGiven {
				want = file
			}
			checked, _, err := fields.Check(schemas, op, body{name: file})
			require.NoError(t, err, name)
			require.Equal(t, want, checked[name], name)
		}
		tried[form]++
	})
	require.Greater(t, tried[""], 30)
	require.Greater(t, tried[fields.InBase64], 8)
	require.Greater(t, tried[fields.AsGiven], 5)
}

func TestEveryStringIsRefusedOrUnfoldedIfItHasALineBreakInside(t *testing.T) {
	r := newKeyRig(t, "a")
	calls := r.kms.total()
	everyString(r.backend(), func(op logical.Operation, schemas fields.Schemas, name string) {
		for _, inside := range []string{"QU\nJD", "QU\r\nJD", "QU \r\n\tJD"} {
			checked, _, err := fields.Check(schemas, op, body{name: inside})
			switch otherForms[name] {
			case fields.InBase64:
				require.NoError(t, err, name)
				require.Equal(t, "QUJD", checked[name], name)
			case fields.AsGiven:
				require.NoError(t, err, name)
				require.Equal(t, inside, checked[name], name)
			default:
				refused(t, err, 400, `the field "`+name+`" has a line break or another control character inside`)
			}
		}
	})
	everyOperation(r.backend(), func(op logical.Operation, path string) {
		schemas := r.backend().Route(path).Fields
		for name := range schemas {
			if isString(op, schemas, name) && otherForms[name] == "" {
				_, err := r.try(op, path, body{name: "hid\x00den"})
				refused(t, err, 400, `"`+name+`"`)
				require.NotContains(t, err.Error(), "den")
			}
		}
	})
	require.Equal(t, calls, r.kms.total())
}

func TestConfigTakesSecretsFromFiles(t *testing.T) {
	r := newRig(t)
	r.write("config", body{
		"region": "cn-beijing\n", "endpoint": "kms.example.com:8443\r\n",
		"access_key": "LTAIgood\n", "secret_key": "good-secret\n", "security_token": "\ufefftoken\r\n", "verify": false,
		"role_arn": "acs:ram::1000000000000001:role/vault\n", "role_external_id": "partner\n",
		"kms_instance_id": "kst-hzz62f1cb66fa42qo7p3x\n", "request_timeout": "7s\n", "max_retries": "2\n",
	})
	stored, err := loadConfig(t.Context(), r.storage)
	require.NoError(t, err)
	require.Equal(t, "cn-beijing", stored.Region)
	require.Equal(t, "kms.example.com:8443", stored.Endpoint)
	require.Equal(t, "LTAIgood", stored.AccessKey)
	require.Equal(t, "good-secret", stored.SecretKey.Reveal())
	require.Equal(t, "token", stored.SecurityToken.Reveal())
	require.Equal(t, "acs:ram::1000000000000001:role/vault", stored.RoleARN)
	require.Equal(t, "partner", stored.RoleExternalID)
	require.Equal(t, "kst-hzz62f1cb66fa42qo7p3x", stored.Instance.ID)
	require.Equal(t, 7, stored.RequestTimeout)
	require.Equal(t, 2, stored.MaxRetries)
}

func TestRegisterTakesAKeyIDFromAFile(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/b/register", body{"key_id": r.keyID("a") + "\r\n"})
	require.Equal(t, r.keyID("a"), r.keyID("b"))
}

func TestCiphertextIsTakenFoldedAtAnyColumn(t *testing.T) {
	r := newKeyRig(t, "a")
	whole := r.encrypt("a", hello)
	for _, ciphertext := range []string{whole, strings.TrimPrefix(whole, "vault:v1:")} {
		for _, lineEnd := range []string{"\n", "\r\n", " \n  "} {
			for _, column := range []int{1, 3, 6, 9, 10, 60, 64, 76, len(ciphertext)} {
				folded := fold(ciphertext, column, lineEnd)
				require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": folded}).Data["plaintext"], "%q", folded)
				rewrapped := r.write("rewrap/a", body{"ciphertext": folded}).Data["ciphertext"]
				require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": rewrapped}).Data["plaintext"])
			}
		}
	}
	batch := r.write("decrypt/a", body{"batch_input": []any{body{"ciphertext": fold(whole, 20, "\r\n")}}})
	require.Contains(t, fmt.Sprint(resultsOf(t, batch)), hello)
}

// fold ends a line after every column bytes, and the last one.
func fold(s string, column int, lineEnd string) string {
	var folded strings.Builder
	for len(s) > column {
		folded.WriteString(s[:column] + lineEnd)
		s = s[column:]
	}
	return folded.String() + s + lineEnd
}

func TestNameValuePairsMayEndWithALineBreak(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("keys/a/config", body{"bound_context": "team=hr\r\n"})
	require.Equal(t, map[string]string{"team": "hr"}, r.read("keys/a/config").Data["bound_context"])
	r.write("keys/a/tags", body{"tags": []any{"team=hr\n", "\ufeffenv=prod\r\n"}})
	require.Equal(t, map[string]string{"team": "hr", "env": "prod"}, r.read("keys/a/tags").Data["tags"])
	r.remove("keys/a/tags", body{"tag_keys": "env\r\n"})
	require.Equal(t, map[string]string{"team": "hr"}, r.read("keys/a/tags").Data["tags"])
	r.remove("keys/a/tags", body{"tag_keys": "team\n"})
	require.Empty(t, r.read("keys/a/tags").Data["tags"])
}

func TestEntriesThatBecameOneAreAWarning(t *testing.T) {
	r := newKeyRig(t, "a")
	for _, joined := range []any{
		"team=hr,env=prod", "team=hr, env=prod", "team=hr\nenv=prod\n", []any{"site=a", "team=hr,env=prod"},
	} {
		for field, path := range map[string]string{"bound_context": "keys/a/config", "encryption_context": "encrypt/a"} {
			data := body{field: joined}
			if field == "encryption_context" {
				data["plaintext"] = hello
			}
			warnings := strings.Join(r.write(path, data).Warnings, "\n")
			require.Contains(t, warnings, "A value in "+field+" looks like several entries")
			require.NotContains(t, warnings, "prod")
			r.write("keys/a/config", body{"bound_context": ""})
		}
	}
	patched := r.do(logical.PatchOperation, "keys/a/config", body{"bound_context": "team=hr,env=prod"})
	require.Contains(t, strings.Join(patched.Warnings, "\n"), "A value in bound_context looks like several entries")
	r.write("keys/a/config", body{"bound_context": ""})
	for _, single := range []any{"team=hr", "team=hr,it", "url=https://a/?x=1&y=2", body{"team": "hr,env=prod"}} {
		resp := r.write("encrypt/a", body{"plaintext": hello, "encryption_context": single})
		require.Empty(t, resp.Warnings, "%v", single)
	}
}
