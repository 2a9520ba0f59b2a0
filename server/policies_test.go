package server_test

import (
	"cmp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// defaultPolicy returns the default key policy of a CMK in a KMS instance, as the real service writes it.
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
	named := strings.Replace(same, "kms default key policy", "all", 1)
	nameless := strings.Replace(same, `"Sid":"kms default key policy",`, "", 1)
	for name, tc := range map[string]struct {
		policy string
		want   *kmsapi.Error
		// reads is the policy that is read afterwards; "" means same.
		reads string
	}{
		"the default":       {policy: same},
		"with blanks":       {policy: strings.ReplaceAll(same, ",", " ,\n\t")},
		"with another name": {policy: named, reads: named},
		"without a name":    {policy: nameless, reads: nameless},
		"with a long name": {
			policy: strings.Replace(same, "kms default", strings.Repeat("a", 512), 1), want: kmsapi.ErrInvalidParameter,
		},
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
			w.must("SetKeyPolicy", "KeyId", id, "Policy", same)
			for _, got := range []answer{
				w.do("SetKeyPolicy", "KeyId", id, "Policy", tc.policy),
				w.do("CreateKey", "DKMSInstanceId", "kst-dev", "Policy", tc.policy),
			} {
				if tc.want != nil {
					got.refused(t, tc.want)
					continue
				}
				require.Equal(t, 200, got.status, "%s", got.body)
				of := cmp.Or(got.KeyMetadata.KeyId, id)
				require.JSONEq(t, cmp.Or(tc.reads, same), w.must("GetKeyPolicy", "KeyId", of).Policy)
			}
			if tc.want != nil {
				require.JSONEq(t, same, w.must("GetKeyPolicy", "KeyId", id).Policy)
			}
		})
	}
}

func TestASecretInAnInstanceHasAPolicy(t *testing.T) {
	w := newWire(t)
	unset := strings.Replace(defaultPolicy("123456"), "key policy", "secret policy", 1)
	own := strings.Replace(unset, "kms default secret policy", "Secret", 1)
	in := []string{"DKMSInstanceId", w.kms.Instance.ID}
	w.createSecret("s", in...)
	require.JSONEq(t, unset, w.must("GetSecretPolicy", "SecretName", "s").Policy)
	w.must("SetSecretPolicy", "SecretName", "s", "Policy", own)
	require.JSONEq(t, own, w.must("GetSecretPolicy", "SecretName", "s", "PolicyName", "default").Policy)
	w.createSecret("made", append(in, "Policy", own)...)
	require.JSONEq(t, own, w.must("GetSecretPolicy", "SecretName", "made").Policy)
	w.must("PutSecretValue", "SecretName", "made", "VersionId", "v2", "SecretData", "two")
	require.JSONEq(t, own, w.must("GetSecretPolicy", "SecretName", "made").Policy)

	for _, refused := range []answer{
		w.do("SetSecretPolicy", "SecretName", "s", "Policy", strings.Replace(own, "Allow", "Deny", 1)),
		w.createSecret("denied", append(in, "Policy", strings.Replace(own, "Allow", "Deny", 1))...),
	} {
		refused.refused(t, kmsapi.ErrUnsupportedOperation)
	}
	w.do("GetSecretPolicy", "SecretName", "s", "PolicyName", "mine").refused(t, kmsapi.ErrResourceNotFound)
	w.createSecret("outside")
	w.do("GetSecretPolicy", "SecretName", "outside").refused(t, kmsapi.ErrResourceNotFound)
	w.do("SetSecretPolicy", "SecretName", "outside", "Policy", own).refused(t, kmsapi.ErrResourceNotFound)
	w.must("DeleteSecret", "SecretName", "s")
	w.do("SetSecretPolicy", "SecretName", "s", "Policy", own).refused(t, kmsapi.ErrResourceInDeleteWindow)
}
