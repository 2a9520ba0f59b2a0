package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// terraform makes the requests that Terraform's providers make of the resources of a page, in the page's order.
type terraform struct {
	t     *testing.T
	vault *api.Client
	kms   *client.Client
	// known has what resources refer to: variables, and attributes of earlier resources.
	known map[string]cty.Value
	// undo are the requests that destroy what was made, in the order of making.
	undo []func() error
}

// applyPage applies the one file of a page, and returns what destroys it all.
func (s *stage) applyPage(t *testing.T, page string) (destroy func()) {
	t.Helper()
	files := blocks(page, "hcl")
	require.Len(t, files, 1)
	parsed, problems := hclsyntax.ParseConfig([]byte(files[0]), "main.tf", hcl.InitialPos)
	require.False(t, problems.HasErrors(), problems)
	exports := s.kms.Exports
	tf := &terraform{t: t, vault: s.vault.Client, kms: s.kms.client(t), known: map[string]cty.Value{
		"var": cty.ObjectVal(map[string]cty.Value{
			"kms_endpoint": cty.StringVal(exports["ALICLOUD_DOMAIN"]), "kms_ca": cty.StringVal(exports["SSL_CERT_FILE"]),
			"access_key": cty.StringVal(exports["ALICLOUD_ACCESS_KEY"]),
			"secret_key": cty.StringVal(exports["ALICLOUD_SECRET_KEY"]),
		}),
	}}
	for _, block := range parsed.Body.(*hclsyntax.Body).Blocks {
		if block.Type == "resource" {
			tf.apply(block.Labels[0], block.Labels[1], tf.evaluate(block))
		}
	}
	return func() {
		for _, undo := range slices.Backward(tf.undo) {
			require.NoError(t, undo())
		}
	}
}

// evaluate returns the values of a resource's attributes.
func (tf *terraform) evaluate(block *hclsyntax.Block) attributes {
	tf.t.Helper()
	scope := &hcl.EvalContext{Variables: tf.known, Functions: map[string]function.Function{
		"jsonencode": stdlib.JSONEncodeFunc, "file": fileFunction,
	}}
	values := attributes{}
	for name, attribute := range block.Body.Attributes {
		if name == "depends_on" {
			continue // The page has them in their order.
		}
		value, problems := attribute.Expr.Value(scope)
		require.False(tf.t, problems.HasErrors(), problems)
		values[name] = value
	}
	return values
}

var fileFunction = function.New(&function.Spec{
	Params: []function.Parameter{{Name: "path", Type: cty.String}},
	Type:   function.StaticReturnType(cty.String),
	Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
		text, err := os.ReadFile(filepath.Clean(args[0].AsString()))
		return cty.StringVal(string(text)), err
	},
})

// attributes are what a resource has in the file, and what its provider adds.
type attributes map[string]cty.Value

func (a attributes) text(name string) string { return a[name].AsString() }

// resources make the resources that pages have. They return what destroys one.
var resources = map[string]func(*terraform, attributes) (undo func() error){
	"alicloud_kms_key": (*terraform).makeKey, "alicloud_kms_alias": (*terraform).makeAlias,
	"vault_mount": (*terraform).makeMount, "vault_policy": (*terraform).makePolicy,
	"vault_generic_endpoint": (*terraform).writeEndpoint,
}

// apply makes one resource, and records its attributes for others.
func (tf *terraform) apply(kind, name string, a attributes) {
	tf.t.Helper()
	require.Contains(tf.t, resources, kind, "what does its provider do?")
	if undo := resources[kind](tf, a); undo != nil {
		tf.undo = append(tf.undo, undo)
	}
	others := map[string]cty.Value{}
	if before, ok := tf.known[kind]; ok {
		others = before.AsValueMap()
	}
	others[name] = cty.ObjectVal(a)
	tf.known[kind] = cty.ObjectVal(others)
}

func (tf *terraform) makeKey(a attributes) func() error {
	made, err := tf.kms.CreateKey(tf.t.Context(), &kmsapi.CreateKeyRequest{Description: a.text("description")})
	require.NoError(tf.t, err)
	a["id"] = cty.StringVal(made.KeyMetadata.KeyId)
	days, _ := a["pending_window_in_days"].AsBigFloat().Int64()
	return func() error {
		_, err := tf.kms.ScheduleKeyDeletion(tf.t.Context(),
			&kmsapi.ScheduleKeyDeletionRequest{KeyId: a.text("id"), PendingWindowInDays: int(days)})
		return err
	}
}

func (tf *terraform) makeAlias(a attributes) func() error {
	alias := a.text("alias_name")
	_, err := tf.kms.CreateAlias(tf.t.Context(), &kmsapi.CreateAliasRequest{AliasName: alias, KeyId: a.text("key_id")})
	require.NoError(tf.t, err)
	return func() error {
		_, err := tf.kms.DeleteAlias(tf.t.Context(), &kmsapi.DeleteAliasRequest{AliasName: alias})
		return err
	}
}

func (tf *terraform) makeMount(a attributes) func() error {
	require.NoError(tf.t, tf.vault.Sys().Mount(a.text("path"), &api.MountInput{Type: a.text("type")}))
	return func() error { return tf.vault.Sys().Unmount(a.text("path")) }
}

func (tf *terraform) makePolicy(a attributes) func() error {
	require.NoError(tf.t, tf.vault.Sys().PutPolicy(a.text("name"), a.text("policy")))
	return func() error { return tf.vault.Sys().DeletePolicy(a.text("name")) }
}

// writeEndpoint writes a path. The provider would also read it, unless the page says that it must not.
func (tf *terraform) writeEndpoint(a attributes) func() error {
	body, ok := a["data_json_wo"]
	if !ok {
		body = a["data_json"]
	}
	var data map[string]any
	require.NoError(tf.t, json.Unmarshal([]byte(body.AsString()), &data))
	path := a.text("path")
	_, err := tf.vault.Logical().Write(path, data)
	require.NoError(tf.t, err)
	require.True(tf.t, a["disable_read"].True(), "%s: read it, and compare", path)
	if keep, ok := a["disable_delete"]; ok && keep.True() {
		return nil
	}
	return func() error { _, err := tf.vault.Logical().Delete(path); return err }
}
