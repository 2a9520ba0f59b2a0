// Command echo is a secrets engine that does nothing: encrypt/NAME answers with a constant ciphertext, and
// envelope/NAME with one as long as the plaintext's would be. A request to it costs what Vault and its plugin transport
// cost, so `make bench` compares the real engine with it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/hashicorp/vault/api"
	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/plugin"
)

// ciphertext is as long as the real engine's for the same plaintext.
const ciphertext = "vault:v1:" +
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" +
	"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab"

func main() {
	if err := serve(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(args []string) error {
	meta := &api.PluginAPIClientMeta{}
	if err := meta.FlagSet().Parse(args); err != nil {
		return err
	}
	return plugin.Serve(&plugin.ServeOpts{
		BackendFactoryFunc: newBackend,
		TLSProviderFunc:    api.VaultPluginTLSProvider(meta.GetTLSConfig()),
	})
}

func newBackend(ctx context.Context, conf *logical.BackendConfig) (logical.Backend, error) {
	b := &framework.Backend{
		BackendType: logical.TypeLogical,
		Help:        "Answers encrypt/NAME with a fixed ciphertext, and envelope/NAME with one in the plaintext's size.",
		Paths: []*framework.Path{{
			Pattern: "encrypt/" + framework.GenericNameRegex("name"),
			Fields: map[string]*framework.FieldSchema{
				"name":      {Type: framework.TypeString},
				"plaintext": {Type: framework.TypeString},
			},
			Operations: map[logical.Operation]framework.OperationHandler{
				logical.UpdateOperation: &framework.PathOperation{Callback: echo},
			},
		}, envelopePath()},
	}
	return b, b.Setup(ctx, conf)
}

func echo(context.Context, *logical.Request, *framework.FieldData) (*logical.Response, error) {
	return &logical.Response{Data: map[string]any{"ciphertext": ciphertext, "key_version": 1}}, nil
}
