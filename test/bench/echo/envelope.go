package main

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
)

// envelope/NAME stands for an engine whose cryptography costs nothing: it takes the fields of the real engine's
// encrypt/NAME in envelope mode, and answers with as many bytes in the same types, so that Vault, the plugin transport
// and JSON have the same work. It neither decodes base64 nor looks at anything but the plaintext's length.
func envelopePath() *framework.Path {
	return &framework.Path{
		Pattern: "envelope/" + framework.GenericNameRegex("name"),
		Fields: map[string]*framework.FieldSchema{
			"name":        {Type: framework.TypeString},
			"plaintext":   {Type: framework.TypeString},
			"batch_input": {Type: framework.TypeSlice},
		},
		Operations: map[logical.Operation]framework.OperationHandler{
			logical.UpdateOperation: &framework.PathOperation{Callback: answerInSize},
		},
	}
}

// sealed is an item's answer.
type sealed struct {
	Ciphertext string `json:"ciphertext"`
	KeyVersion int    `json:"key_version"`
	Reference  string `json:"reference"`
}

func answerInSize(_ context.Context, _ *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	items, many := d.Raw["batch_input"].([]any)
	if !many {
		plaintext, _ := d.Raw["plaintext"].(string)
		return &logical.Response{Data: map[string]any{"ciphertext": inSize(plaintext), "key_version": 1}}, nil
	}
	results := make([]sealed, len(items))
	for i, item := range items {
		fields, ok := item.(map[string]any)
		if !ok {
			return nil, errors.New("an item is no object")
		}
		plaintext, _ := fields["plaintext"].(string)
		results[i] = sealed{Ciphertext: inSize(plaintext), KeyVersion: 1}
	}
	return &logical.Response{Data: map[string]any{"batch_results": results}}, nil
}

const (
	// wrappedKey is the size of a data key that the KMS service has wrapped.
	wrappedKey = 121
	// largest is the size of the largest plaintext.
	largest = 4 << 20
)

// longest is the answer to the largest plaintext. All others are its beginning.
var longest = strings.Repeat("A", ciphertextSize(largest))

// inSize is a string as long as the ciphertext of a plaintext, which is in base64.
func inSize(plaintext string) string {
	padding := strings.Count(plaintext[max(0, len(plaintext)-2):], "=")
	return longest[:ciphertextSize(base64.StdEncoding.DecodedLen(len(plaintext))-padding)]
}

func ciphertextSize(plaintext int) int {
	return len(versions.Join(1, "")) + base64.StdEncoding.EncodedLen(envelope.MessageSize(wrappedKey, plaintext))
}
