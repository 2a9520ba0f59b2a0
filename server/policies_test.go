package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// defaultPolicy is the key policy that every CMK in a KMS instance has, as the real service writes it.
func defaultPolicy(account string) string {
	return `{"Version":"1","Statement":[{"Sid":"kms default key policy","Effect":"Allow",` +
		`"Principal":{"RAM":["acs:ram::` + account + `:*"]},"Action":["kms:*"],"Resource":["*"]}]}`
}

func TestTheOnlyPolicyIsTheDefault(t *testing.T) {
	w := newWire(t)
	id := w.createIn()
	require.JSONEq(t, defaultPolicy("123456"), w.must("GetKeyPolicy", "KeyId", id).Policy)
	require.JSONEq(t, defaultPolicy("123456"), w.must("GetKeyPolicy", "KeyId", id, "PolicyName", "default").Policy)
	w.do("GetKeyPolicy", "KeyId", id, "PolicyName", "mine").refused(t, kmsapi.ErrResourceNotFound)
	w.do("SetKeyPolicy", "KeyId", id, "PolicyName", "mine", "Policy", defaultPolicy("123456")).
		refused(t, kmsapi.ErrResourceNotFound)
	w.do("CreateKey", "Policy", defaultPolicy("123456")).refused(t, kmsapi.ErrInvalidParameter)

	same := defaultPolicy("123456")
	for name, tc := range map[string]struct {
		policy string
		want   *kmsapi.Error
	}{
		"the default":          {policy: same},
		"with blanks":          {policy: strings.ReplaceAll(same, ",", " ,\n\t")},
		"with another name":    {policy: strings.Replace(same, "kms default key policy", "all", 1)},
		"without a name":       {policy: strings.Replace(same, `"Sid":"kms default key policy",`, "", 1)},
		"without lists of one": {policy: strings.NewReplacer(`["kms:*"]`, `"kms:*"`, `["*"]`, `"*"`).Replace(same)},
		"with an item twice":   {policy: strings.Replace(same, `["*"]`, `["*","*"]`, 1)},
		"with fields in another order": {
			policy: `{"Statement":` + same[len(`{"Version":"1","Statement":`):len(same)-1] + `,"Version":"1"}`,
		},
		"for another account": {policy: defaultPolicy("123457"), want: kmsapi.ErrUnsupportedOperation},
		"for one user": {
			policy: strings.Replace(same, ":*\"", ":user/a\"", 1), want: kmsapi.ErrUnsupportedOperation,
		},
		"for anyone": {
			policy: strings.Replace(same, `acs:ram::123456:*`, `*`, 1), want: kmsapi.ErrUnsupportedOperation,
		},
		"with fewer actions": {
			policy: strings.Replace(same, `kms:*`, `kms:Encrypt`, 1), want: kmsapi.ErrUnsupportedOperation,
		},
		"that denies": {
			policy: strings.Replace(same, `Allow`, `Deny`, 1), want: kmsapi.ErrUnsupportedOperation,
		},
		"with a condition": {
			policy: strings.Replace(same, `"Effect"`, `"Condition":{},"Effect"`, 1), want: kmsapi.ErrUnsupportedOperation,
		},
		"with a field in another case": {
			policy: strings.Replace(same, `"Effect"`, `"effect"`, 1), want: kmsapi.ErrUnsupportedOperation,
		},
		"of another version": {
			policy: strings.Replace(same, `"1"`, `"2"`, 1), want: kmsapi.ErrUnsupportedOperation,
		},
		"with a statement more": {
			policy: strings.Replace(same, `[{`, `[{"Effect":"Deny"},{`, 1), want: kmsapi.ErrUnsupportedOperation,
		},
		"without any statement":      {policy: `{"Version":"1","Statement":[]}`, want: kmsapi.ErrUnsupportedOperation},
		"whose statement is not one": {policy: `{"Version":"1","Statement":["x"]}`, want: kmsapi.ErrInvalidParameter},
		"that is null":               {policy: `null`, want: kmsapi.ErrInvalidParameter},
		"that is a list":             {policy: `[]`, want: kmsapi.ErrInvalidParameter},
		"that is not JSON":           {policy: `Version: 1`, want: kmsapi.ErrInvalidParameter},
		"with something after it":    {policy: same + same, want: kmsapi.ErrInvalidParameter},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			for _, got := range []answer{
				w.do("SetKeyPolicy", "KeyId", id, "Policy", tc.policy),
				w.do("CreateKey", "DKMSInstanceId", "kst-dev", "Policy", tc.policy),
			} {
				if tc.want == nil {
					require.Equal(t, 200, got.status, "%s", got.body)
					continue
				}
				got.refused(t, tc.want)
			}
			require.JSONEq(t, same, w.must("GetKeyPolicy", "KeyId", id).Policy)
		})
	}
}
