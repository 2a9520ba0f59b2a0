package alicloudkms

import (
	"context"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
)

// An itemAnswer is the answer to one item. A field that is not in the answer is zero.
type itemAnswer struct {
	ciphertext, signature, hmac string
	keyVersion                  int
	// plaintext and valid are nil if the answer has none, because an empty plaintext and false are answers.
	plaintext *string
	valid     *bool
	warnings  []string
}

func (a *itemAnswer) warn(warning string) { a.warnings = append(a.warnings, warning) }

// response is the answer to a request with one item.
func (a *itemAnswer) response() *logical.Response {
	data := make(map[string]any, 4) // the most fields of an answer, with its reference
	for _, field := range []struct{ name, value string }{
		{"ciphertext", a.ciphertext}, {"signature", a.signature}, {"hmac", a.hmac},
	} {
		if field.value != "" {
			data[field.name] = field.value
		}
	}
	if a.keyVersion != 0 {
		data["key_version"] = a.keyVersion
	}
	if a.plaintext != nil {
		data["plaintext"] = *a.plaintext
	}
	if a.valid != nil {
		data["valid"] = *a.valid
	}
	return &logical.Response{Data: data, Warnings: a.warnings}
}

// single adapts a handler of items to a request with one item. It returns the item's reference with its answer.
func single(handle itemHandler) useHandler {
	return func(ctx context.Context, c *connection, k target, d *framework.FieldData) (*logical.Response, error) {
		answer, err := handle(ctx, c, k, d)
		if err != nil {
			return nil, err
		}
		resp := answer.response()
		if reference, ok := d.Raw["reference"]; ok {
			resp.Data["reference"] = reference
		}
		return resp, nil
	}
}

// A batchResult is an item's place in batch_results, encoded as JSON. It is not a map, because making and sorting one
// for each item would take longer than the item. Its fields are in alphabetical order, like the keys of an encoded map.
// As in transit, there is always a reference.
type batchResult struct {
	Ciphertext string  `json:"ciphertext,omitempty"`
	Error      string  `json:"error,omitempty"`
	HMAC       string  `json:"hmac,omitempty"`
	KeyVersion int     `json:"key_version,omitempty"`
	Plaintext  *string `json:"plaintext,omitempty"`
	Reference  string  `json:"reference"`
	Signature  string  `json:"signature,omitempty"`
	Valid      *bool   `json:"valid,omitempty"`
	Warnings   string  `json:"warnings,omitempty"`
}

// result is the answer to an item of a batch.
func (a *itemAnswer) result(reference string) batchResult {
	return batchResult{
		Ciphertext: a.ciphertext,
		HMAC:       a.hmac,
		KeyVersion: a.keyVersion,
		Plaintext:  a.plaintext,
		Reference:  reference,
		Signature:  a.signature,
		Valid:      a.valid,
		Warnings:   strings.Join(a.warnings, "; "),
	}
}
