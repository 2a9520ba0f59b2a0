package server_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestAFilterByNameFindsTheSecretsThatItNames(t *testing.T) {
	w := newWire(t)
	for _, name := range []string{"c", "a", "b", "gone"} {
		w.createSecret(name, "Tags", `[{"TagKey":"of","TagValue":"`+name+`"}]`)
	}
	w.must("DeleteSecret", "SecretName", "gone", "ForceDeleteWithoutRecovery", "true")
	for filters, want := range map[string][]string{
		`[{"Key":"SecretName","Values":["c","a","c"]}]`:                                 {"a", "c"},
		`[{"Key":"SecretName","Values":["c"]},{"Key":"SecretName","Values":["b"]}]`:     {"b", "c"},
		`[{"Key":"SecretName","Values":["none","gone","not a name"]}]`:                  nil,
		`[{"Key":"SecretName","Values":[]}]`:                                            {"a", "b", "c"},
		`[{"Key":"SecretName","Values":["b","c"]},{"Key":"TagValue","Values":["c"]}]`:   {"c"},
		`[{"Key":"SecretName","Values":["a"]},{"Key":"SecretType","Values":["RDS"]}]`:   nil,
		`[{"Key":"SecretName","Values":["A"]},{"Key":"SecretName","Values":["b "]}]`:    nil,
		`[{"Key":"SecretName","Values":["a"]},{"Key":"Creator","Values":["123456"]}]`:   {"a"},
		`[{"Key":"SecretName","Values":["a"]},{"Key":"Description","Values":["none"]}]`: nil,
	} {
		for page := range len(want) + 1 {
			got := into[kmsapi.ListSecretsResponse](t,
				w.must("ListSecrets", "Filters", filters, "PageSize", "1", "PageNumber", fmt.Sprint(page+1)))
			require.Equal(t, len(want), got.TotalCount, filters)
			if page < len(want) {
				require.Equal(t, want[page], got.SecretList.Secret[0].SecretName, filters)
				continue
			}
			require.Empty(t, got.SecretList.Secret, filters)
		}
	}
}
