package seal

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/openbao/go-kms-wrapping/v2/kms"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestAWrongConfigurationIsRefusedAndNotShown(t *testing.T) {
	r := newInstanceRig(t, nil)
	for name, tc := range map[string]struct {
		changes fields
		says    string
	}{
		"an unknown field":          {fields{"reigon": "canary"}, `did you mean "region"?`},
		"a field of the seal":       {fields{"kms_key_id": "canary"}, `External Keys have no setting "kms_key_id"`},
		"a field of a key":          {fields{"key_id": "canary"}, `no setting "key_id"`},
		"a list":                    {fields{"secret_key": []any{"canary"}}, `"secret_key" must be a string`},
		"an object":                 {fields{"region": fields{"a": "canary"}}, `"region" must be a string`},
		"no secret":                 {fields{"secret_key": nil}, "secret_key"},
		"two endpoints":             {fields{"instance_endpoint": "https://canary:x", "endpoint": "x"}, "gateway"},
		"an endpoint without TLS":   {fields{"instance_endpoint": "http://192.0.2.1"}, "instance_endpoint"},
		"no instance":               {fields{"kms_instance_id": ""}, "kms_instance_id"},
		"no authorities":            {fields{"ca_cert": ""}, "ca_cert"},
		"authorities that are none": {fields{"ca_cert": "-----BEGIN CERTIFICATE-----\ncanary"}, "ca_cert"},
		"a gateway":                 {fields{"gateway": "canary"}, "gateway must be"},
		"a proxy":                   {fields{"proxy": "socks5://user:canary@192.0.2.1"}, "proxy must be a URL"},
		"a proxy without a host":    {fields{"proxy": "canary"}, "proxy must be a URL"},
		"a timeout":                 {fields{"request_timeout": 1e9}, "request_timeout must be 1s to 5m0s"},
		"a timeout with letters":    {fields{"request_timeout": "canary"}, "request_timeout"},
		"a role":                    {fields{"role_arn": "vault"}, "role_arn is not the ARN of a role"},
		"an external id alone":      {fields{"role_external_id": "canary"}, "role_arn"},
		"a line break":              {fields{"secret_key": "canary\nend"}, "secret_key has a line break"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryOpen(tc.changes)
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "canary")
			require.NotContains(t, err.Error(), r.kms.AccessKeySecret.Reveal())
		})
	}
}

func TestFieldsMayHaveAnyTypeOfJSON(t *testing.T) {
	for name, timeout := range map[string]any{
		"a string": "15", "a duration": "15s", "a number": 15.0, "JSON's number": json.Number("15"), "an int": 15,
	} {
		a, err := readAccess(fields{
			"region": "cn-shanghai", "access_key": "LTAI", "access_secret": "x", "request_timeout": timeout, "proxy": nil,
		}, false)
		require.NoError(t, err, name)
		require.Equal(t, 15*time.Second, a.client.RequestTimeout, name)
		require.Equal(t, "x", a.credentials.Static.AccessKeySecret.Reveal(), name)
		require.False(t, a.credentials.UseEnvironment)
	}
}

func TestTheConfigurationOfAKeyIsChecked(t *testing.T) {
	r := newRig(t)
	opened := r.open(nil)
	long := strings.Repeat("x", kmsapi.MaxEncryptionContext)
	for name, tc := range map[string]struct {
		of   fields
		says string
	}{
		"no key":             {fields{}, "key_id is required"},
		"an alias":           {fields{"key_id": "alias/a"}, "not an alias"},
		"an alias's ARN":     {fields{"key_id": "acs:kms:cn-hangzhou:1:alias/a"}, "not an alias"},
		"an ARN with more":   {fields{"key_id": "acs:kms:cn-hangzhou:1:key/a/b"}, "key_id must be"},
		"an unknown field":   {fields{"key_id": "a", "key_version": "1"}, "did you mean"},
		"a field of the KMS": {fields{"key_id": "a", "region": "b"}, `no setting "region"`},
		"a list of versions": {
			fields{"key_id": "a", "key_version_id": []any{"1"}}, `"key_version_id" must be a string`,
		},
		"a version that is a path": {fields{"key_id": "a", "key_version_id": "../b"}, "key_version_id must be"},
		"an unknown algorithm": {
			fields{"key_id": "a", "key_version_id": "b", "algorithm": "SM2DSA"},
			"RSA_PSS_SHA_256, RSA_PKCS1_SHA_256, ECDSA_SHA_256",
		},
		"an algorithm without a version": {fields{"key_id": "a", "algorithm": "ECDSA_SHA_256"}, "key_version_id"},
		"a context for a key pair": {
			fields{"key_id": "a", "key_version_id": "b", "bound_context": fields{"a": "b"}},
			"bound_context is for keys that encrypt",
		},
		"a context that is a list": {fields{"key_id": "a", "bound_context": []any{"a"}}, "object of strings"},
		"a context of numbers":     {fields{"key_id": "a", "bound_context": fields{"a": 1.0}}, "object of strings"},
		"a context of pairs":       {fields{"key_id": "a", "bound_context": "a=b"}, "object of strings"},
		"a context with a name twice": {
			fields{"key_id": "a", "bound_context": `{"a":"b","a":"c"}`}, "name twice",
		},
		"an empty name":          {fields{"key_id": "a", "bound_context": fields{"": "b"}}, "empty name"},
		"a context that is long": {fields{"key_id": "a", "bound_context": fields{"a": long}}, "longer than"},
		"no Unicode":             {fields{"key_id": "a", "bound_context": fields{"a": "\xff"}}, "Unicode"},
		"a name of ours": {
			fields{"key_id": "a", "bound_context": fields{"vault:associated_data": "b"}}, "plugin's own",
		},
		"a name of ours, in JSON": {
			fields{"key_id": "a", "bound_context": `{"vault:later": "b"}`}, "plugin's own",
		},
		"a name of ours, in a value": {
			fields{"key_id": "a", "bound_context": fields{"a": "b&vault:associated_data=c"}}, "plugin's own",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := opened.GetKey(t.Context(), &kms.KeyOptions{ConfigMap: tc.of})
			require.ErrorContains(t, err, tc.says)
		})
	}
	require.NotNil(t, r.getKey(opened, fields{"key_id": " a\n", "key_version_id": nil, "bound_context": "{}"}))
	require.NotNil(t, r.getKey(opened, fields{"key_id": "a", "key_version_id": "b", "algorithm": "ECDSA_SHA_256"}))
}

func TestWhatKMSRefusesIsExplained(t *testing.T) {
	r := newPairRig(t)
	const missing = "8d6b5f50-7e57-4a0e-9d6f-000000000000"
	own, pair := fields{"key_id": r.key}, r.pair(kmsapi.KeySpecP256)
	type says = []string
	for name, tc := range map[string]struct {
		changes fields
		of      fields
		says    says
	}{
		"a wrong secret":          {fields{"secret_key": "canary"}, own, says{"IncompleteSignature", "secret_key"}},
		"an unknown access key":   {fields{"access_key": "LTAI"}, own, says{"InvalidAccessKeyId", "access_key"}},
		"a key that is not there": {nil, fields{"key_id": missing}, says{"Forbidden.KeyNotFound", "key_id", "endpoint"}},
		"a key pair":              {nil, fields{"key_id": pair["key_id"]}, says{"UnsupportedOperation", "symmetric"}},
		"nothing that listens":    {fields{"domain": "127.0.0.1:1"}, own, says{"127.0.0.1:1"}},
		"authorities that did not sign": {
			fields{"ca_cert": r.kms.Instance.CACert}, own, says{"ca_cert", "as PEM"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			k := r.getKey(r.open(tc.changes), tc.of)
			_, err := k.Encrypt(t.Context(), &kms.CipherOptions{Data: []byte("plain canary")})
			require.Error(t, err)
			for _, part := range tc.says {
				require.ErrorContains(t, err, part)
			}
			require.NotContains(t, err.Error(), "canary")
		})
	}
	_, err := r.getKey(r.open(nil), fields{"key_id": r.key, "key_version_id": missing}).ExportPublic(t.Context())
	require.ErrorContains(t, err, "a key pair whose KeyUsage is SIGN/VERIFY")
	r.disable(r.key)
	_, err = r.getKey(r.open(nil), own).Encrypt(t.Context(), &kms.CipherOptions{Data: []byte("x")})
	require.ErrorIs(t, err, kmsapi.ErrRejectedDisabled)
	require.ErrorContains(t, err, "enable it in KMS")
	require.NotContains(t, err.Error(), "unseal")
}

func TestNothingIsLeftOfAClosedKMS(t *testing.T) {
	r := newPairRig(t)
	before := goleak.IgnoreCurrent()
	e, err := r.tryOpen(nil)
	require.NoError(t, err)
	r.encrypt(r.getKey(e, fields{"key_id": r.key}), "hello", "")
	require.NoError(t, e.Close(t.Context()))
	// goleak waits for less than half a second, in which a busy machine may let no connection end.
	for tries := 0; tries < 100 && goleak.Find(before) != nil; tries++ {
	}
	goleak.VerifyNone(t, before)
}
