package alicloudkms

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const whatHasSM = " Alibaba Cloud's KMS has SM2 and SM4 only in hardware KMS instances, in regions of mainland China; to make keys there, give instance_id, or kms_instance_id in kms/config. The KMS service of this project has them if its configuration says sm = true."

func TestWhatIsSaidWhereKMSHasNoSM(t *testing.T) {
	r := newSMRig(t)
	r.makeKey("signs", onSM2)
	r.makeKey("encrypts", ofSM4)
	r.makeKey("waits", with(ofSM4, body{"origin": "EXTERNAL"}))
	r.makeKey("aes", body{"origin": "EXTERNAL"})
	signature, text := r.sign("signs", nil), r.encrypt("encrypts", hello)
	r.withoutSM()
	for situation, c := range map[string]struct {
		path string
		data body
		want string
	}{
		"a key pair": {
			"keys/a", onSM2,
			`CreateKey: KMS refused: UnsupportedOperation: This action is not supported. This service has KeySpec EC_SM2 only with sm = true in its configuration. (request id ID).` + whatHasSM,
		},
		"a symmetric key": {
			"keys/a", ofSM4,
			`CreateKey: KMS refused: UnsupportedOperation: This action is not supported. This service has KeySpec Aliyun_SM4 only with sm = true in its configuration. (request id ID).` + whatHasSM,
		},
		"a signature": {
			"sign/signs",
			body{"input": hello},
			`AsymmetricSign: KMS refused: UnsupportedOperation: This action is not supported. This service has KeySpec EC_SM2 only with sm = true in its configuration. (request id ID).` + whatHasSM,
		},
		"a signature to check": {
			"verify/signs",
			body{"input": hello, "signature": signature},
			`AsymmetricVerify: KMS refused: UnsupportedOperation: This action is not supported. This service has KeySpec EC_SM2 only with sm = true in its configuration. (request id ID).` + whatHasSM,
		},
		"a ciphertext": {
			"decrypt/encrypts",
			body{"ciphertext": text},
			`Decrypt: KMS refused: UnsupportedOperation: This action is not supported. This service has KeySpec Aliyun_SM4 only with sm = true in its configuration. (request id ID).` + whatHasSM,
		},
		"a wrapping key on SM2": {
			"keys/aes/import_parameters",
			body{"wrapping_algorithm": kmsapi.WrapSM2PKE},
			`GetParametersForImport: KMS refused: UnsupportedOperation: This action is not supported. This service has KeySpec EC_SM2 only with sm = true in its configuration. (request id ID).` + whatHasSM,
		},
	} {
		t.Run(situation, func(t *testing.T) {
			_, err := r.try(logical.UpdateOperation, c.path, c.data)
			says(t, err, 400, c.want)
		})
	}
	for path, data := range map[string]body{
		"encrypt/encrypts": {"plaintext": hello}, "datakey/plaintext/encrypts": nil, "keys/encrypts/rotate": nil,
		"rewrap/encrypts": {"ciphertext": text}, "keys/waits/import": r.wrapped(material128),
	} {
		_, err := r.tryWrite(path, data)
		refused(t, err, 400, "sm = true")
	}
	r.read("export/public-key/signs/latest")
	r.read("keys/signs")
}
