package fields

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

func somePaths() []*framework.Path {
	read := map[logical.Operation]framework.OperationHandler{
		logical.ReadOperation: &framework.PathOperation{}, logical.DeleteOperation: &framework.PathOperation{},
		logical.CreateOperation: &framework.PathOperation{}, logical.UpdateOperation: &framework.PathOperation{},
	}
	return []*framework.Path{
		{Pattern: "^encrypt/" + KeyName.Pattern + "$"},
		{Pattern: "^config$", Operations: read},
		{Pattern: "^keys/?$"},
		{Pattern: "^keys/" + KeyName.Pattern + "$"},
		{Pattern: "^keys/" + KeyName.Pattern + "/config$"},
		{Pattern: "^keys/" + KeyName.Pattern + "/enable$"},
		{Pattern: "^keys/" + KeyName.Pattern + "/disable$"},
		{Pattern: "^datakey/plaintext/" + KeyName.Pattern + "$"},
		{Pattern: "^aliases/" + Alias.Pattern + "$"},
	}
}

func TestUnknownPathBlamesTheNameInIt(t *testing.T) {
	for path, says := range map[string]string{
		"keys/a b":                            `"a b" is not a key name`,
		"keys/-a":                             `"-a" is not a key name`,
		"encrypt/":                            `"" is not a key name`,
		"keys/a..b":                           `"a..b" is not a key name`,
		"keys/a..b/config":                    `has no '..'`,
		"aliases/a.b":                         `"a.b" is not an alias`,
		"aliases/" + strings.Repeat("a", 300): `..." is not an alias`,
	} {
		err := UnknownPath(somePaths(), "kms/", path)
		require.ErrorContains(t, err, says)
		require.Equal(t, http.StatusBadRequest, refusal.Status(err))
	}
}

func TestUnknownPathGuessesTheOneThatWasMeant(t *testing.T) {
	for path, meant := range map[string]string{
		"keys/hr/enabel":            "keys/hr/enable",
		"keys/hr/enable/":           "keys/hr/enable",
		"keys/hr/Disable":           "keys/hr/disable",
		"keyz":                      "keys",
		"key/hr":                    "keys/hr",
		"key/hr/confg":              "keys/hr/config",
		"encrpyt/hr":                "encrypt/hr",
		"encrypt":                   "encrypt/NAME",
		"conifg":                    "config",
		"datakey/plaintxt/hr":       "datakey/plaintext/hr",
		"alias/team/hr":             "aliases/team/hr",
		"aliasse/team/hr":           "aliases/team/hr",
		"datakey/hr":                "",
		"":                          "",
		"nothing/a":                 "",
		"keys/a/nothing":            "",
		"keys/a/enable/payroll":     "",
		"hmac/hr":                   "",
		"\x1b[2J":                   "",
		strings.Repeat("k", 100000): "",
	} {
		err := UnknownPath(somePaths(), "kms/", path)
		require.Equal(t, http.StatusNotFound, refusal.Status(err), "%.50q", path)
		require.Less(t, len(err.Error()), 300)
		require.NotContains(t, err.Error(), "\x1b")
		if meant == "" {
			require.ErrorContains(t, err, `"; for those that there are, run: vault path-help kms/`, "%.50q", path)
		} else {
			require.ErrorContains(t, err, `"; did you mean `+meant+`? All paths: vault path-help kms/`, "%.50q", path)
		}
	}
	require.EqualError(t, UnknownPath(somePaths(), "kms/", "keys/hr/enabel"),
		`unsupported path "keys/hr/enabel"; did you mean keys/hr/enable? All paths: vault path-help kms/`)
}

func TestAnOperationThatAPathLacksIsRefusedWithThoseItHas(t *testing.T) {
	config := somePaths()[1]
	require.NoError(t, CheckOperation(config, logical.ReadOperation, "kms/", "config"))
	err := CheckOperation(config, logical.PatchOperation, "kms/", "config")
	require.EqualError(t, err, `"config" can't be patched; it can be read, written, deleted. See: vault path-help kms/config`)
	require.Equal(t, http.StatusMethodNotAllowed, refusal.Status(err))
	require.EqualError(t, CheckOperation(config, logical.ListOperation, "kms/", "config/"),
		`"config" can't be listed; it can be read, written, deleted. See: vault path-help kms/config`)
}
