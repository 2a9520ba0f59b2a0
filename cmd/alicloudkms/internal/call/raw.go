package call

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The API's names for the parameters and fields that have bytes in base64: a plaintext by custom, and the data of a
// secret if its type is [kmsapi.SecretBinary].
const (
	plaintext  = "Plaintext"
	secretData = "SecretData"
)

func hasBytes(name string) bool { return name == plaintext || name == secretData }

// checkBinary refuses to send the base64 of bytes as the text of a secret.
func (r *reader) checkBinary(params kmsapi.Params) error {
	if r.raw && r.op.Takes(secretData) && params.Get("SecretDataType") != kmsapi.SecretBinary {
		return usagef("-raw with %s needs SecretDataType=%s", r.op, kmsapi.SecretBinary)
	}
	return nil
}

// checkRaw refuses -raw where it changes nothing.
func (v *view) checkRaw() error {
	if !v.raw || v.op.Takes(plaintext) || v.op.Takes(secretData) || v.field != nil && hasBytes(v.field.name) {
		return nil
	}
	names := namesOf(v.columns())
	if i := slices.IndexFunc(names, hasBytes); i >= 0 {
		return usagef("-raw with %s needs -field %s -reveal", v.op, names[i])
	}
	return usagef("-raw is for plaintexts and binary secrets, and %s has none", v.op)
}

var (
	errNotBase64 = errors.New("it is not base64, so it was not encrypted as bytes; leave out -raw")
	errText      = errors.New("it is text; leave out -raw")
)

// rawOf returns the bytes of a value of answer.
func (v *view) rawOf(answer kmsapi.Response, value string) (string, error) {
	if secret, ok := answer.(*kmsapi.GetSecretValueResponse); ok && secret.SecretDataType != kmsapi.SecretBinary {
		return "", fmt.Errorf("%s of %s: %w", v.field.name, v.op, errText)
	}
	decoded, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return "", fmt.Errorf("%s of %s: %w", v.field.name, v.op, errNotBase64)
	}
	return string(decoded), nil
}
