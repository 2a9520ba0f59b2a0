package alicloudkms

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

const (
	defaultRandomBytes = 32
	// maxRandomBytes is transit's limit.
	maxRandomBytes = 128 * 1024
)

// The sources of random bytes, under transit's names.
const (
	fromPlatform = "platform"
	fromSeal     = "seal"
	fromAll      = "all"
)

// randomPaths returns three paths, so that a policy can allow only one source or one number of bytes.
func (b *backend) randomPaths() []*framework.Path {
	const help = `
Ask for random bytes of the Vault server's operating system, up to 131072. KMS is not called.

    vault write -f alicloudkms/random
    vault write alicloudkms/random/48 format=hex
    vault write alicloudkms/random/platform/48 format=hex
`
	answer := answerFields{"random_bytes": {Type: framework.TypeString}}
	path := func(pattern, suffix, synopsis string, inPath fields.Schemas) *framework.Path {
		return &framework.Path{
			Pattern: "random" + pattern,
			Fields:  joined(randomFields, inPath),
			Operations: operations{
				logical.UpdateOperation: anyNode(randomWrite, "generate", suffix, answer),
			},
			HelpSynopsis:    synopsis,
			HelpDescription: help,
		}
	}
	source := "/" + fields.RandomSource.Pattern
	first := fields.Schemas{fields.RandomSource.Field: sourceField("The source, or the number of bytes, in the path.")}
	both := fields.Schemas{
		fields.RandomSource.Field: sourceField("The source, in the path: platform, seal or all."),
		fields.RandomBytes.Field:  sourceField("The number of bytes, in the path."),
	}
	return []*framework.Path{
		path("", "random", "Random bytes.", nil),
		path(source, "random-with-source", "Random bytes, with the source or their number in the path.", first),
		path(source+"/"+fields.RandomBytes.Pattern, "random-with-source-and-bytes",
			"Random bytes, with the source and their number in the path.", both),
	}
}

func sourceField(description string) *framework.FieldSchema {
	return &framework.FieldSchema{Type: framework.TypeString, Description: description, Required: true}
}

var randomFields = fields.Schemas{
	"bytes": {
		Type:        framework.TypeInt,
		Description: fmt.Sprintf("How many bytes, 1 to %d.", maxRandomBytes),
		Default:     defaultRandomBytes,
	},
	"format": formatField("base64"),
}

// formatField is the field for the encoding of bytes in an answer.
func formatField(byDefault string) *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:          framework.TypeString,
		Description:   "How the answer is written: base64 or hex.",
		Default:       byDefault,
		AllowedValues: []any{"base64", "hex"},
	}
}

func randomWrite(_ context.Context, _ *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	source, n, err := randomWanted(d)
	if err != nil {
		return nil, err
	}
	random := make([]byte, n)
	rand.Read(random)
	written, err := inFormat(d, random)
	if err != nil {
		return nil, err
	}
	resp := &logical.Response{Data: map[string]any{"random_bytes": written}}
	if source != fromPlatform {
		resp.AddWarning("A plugin has no access to the entropy of Vault's seal, so the bytes come only from the operating system.")
	}
	return resp, nil
}

// randomWanted returns the source and the number of bytes. A path with a single part has one or the other, as in
// transit.
func randomWanted(d *framework.FieldData) (source string, n int, err error) {
	source, inPath := partOf(d, fields.RandomSource), partOf(d, fields.RandomBytes)
	if _, err := strconv.Atoi(source); err == nil && inPath == "" {
		source, inPath = "", source
	}
	switch source {
	case "":
		source = fromPlatform
	case fromPlatform, fromSeal, fromAll:
	default:
		return "", 0, refusal.BadRequest("the source of random bytes must be %s, %s or %s", fromPlatform, fromSeal, fromAll)
	}
	if n, err = randomBytes(d, inPath); err != nil {
		return "", 0, err
	}
	if n < 1 || n > maxRandomBytes {
		return "", 0, refusal.BadRequest("bytes must be 1 to %d", maxRandomBytes)
	}
	return source, n, nil
}

// randomBytes returns the number of bytes in the path or the body. If it is in both, they must agree.
func randomBytes(d *framework.FieldData, inPath string) (int, error) {
	given, inBody := d.GetOk("bytes")
	if inPath == "" {
		return d.Get("bytes").(int), nil
	}
	n, err := strconv.Atoi(inPath)
	switch {
	case err != nil:
		return 0, refusal.BadRequest("the number of bytes in the path must be an integer")
	case inBody && given != n:
		return 0, refusal.BadRequest("the path asks for %d bytes, and the field %q for %d", n, "bytes", given)
	default:
		return n, nil
	}
}

// partOf returns the part of the path that a kind of name matches, and "" if there is none.
func partOf(d *framework.FieldData, kind fields.Name) string {
	part, _ := d.Raw[kind.Field].(string)
	return part
}

// inFormat encodes bytes as the field format says.
func inFormat(d *framework.FieldData, data []byte) (string, error) {
	switch d.Get("format").(string) {
	case "base64":
		return base64.StdEncoding.EncodeToString(data), nil
	case "hex":
		return hex.EncodeToString(data), nil
	default:
		return "", refusal.BadRequest("format must be base64 or hex")
	}
}
