package alicloudkms

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
)

func TestAForgottenAtIsNamedForEveryFieldThatIsReadFromAFile(t *testing.T) {
	r, _, config := newRealRig(t)
	r.write("config", config)
	r.write("keys/hr", body{"origin": "EXTERNAL"})
	r.makeKey("release", body{"type": "ecdsa-p256"})
	r.makeKey("records", body{"encryption": "envelope"})
	r.read("wrapping_key")
	const file = "./some/file.b64"
	writes := map[string]struct {
		path string
		data map[string]any
	}{
		"plaintext":              {"encrypt/hr", body{}},
		"ciphertext":             {"decrypt/hr", body{}},
		"associated_data":        {"encrypt/hr", body{"plaintext": hello}},
		"context":                {"encrypt/hr", body{"plaintext": hello}},
		"envelope_text":          {"keys/new/register", body{"key_id": "alias/hr"}},
		"input":                  {"sign/release", body{}},
		"signature":              {"verify/release", body{"input": hello}},
		"hmac":                   {"verify/records", body{"input": hello}},
		"encrypted_key_material": {"keys/hr/import", body{"import_token": "dG9rZW4="}},
		"import_token":           {"keys/hr/import", body{"encrypted_key_material": hello}},
		"ca_cert":                {"config", body{"secret_key": config["secret_key"]}},
		"instance_ca_cert": {"config", body{
			"secret_key": config["secret_key"], "gateway": "dedicated", "kms_instance_id": "kst-dev",
		}},
	}
	for name, write := range writes {
		_, err := r.tryWrite(write.path, with(write.data, body{name: file}))
		refused(t, err, 400, "; did you mean the content of the file, "+name+"=@"+file+"?")
	}
	for _, path := range []string{"rewrap/hr", "keys/hr/import"} {
		_, err := r.tryWrite(path, body{"ciphertext": file})
		refused(t, err, 400, "; did you mean the content of the file, ciphertext=@"+file+"?")
	}
	for _, path := range r.backend().Paths {
		for name, schema := range path.Fields {
			if schema.DisplayAttrs != nil && schema.DisplayAttrs.EditType == fields.InBase64 {
				require.Contains(t, writes, name, "a field that may come from a file")
			}
		}
	}
}
