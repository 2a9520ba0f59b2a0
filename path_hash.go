package alicloudkms

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"hash"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/signing"
)

const defaultHash = "sha2-256"

// hashes are the hash functions under transit's names. SM3, which transit lacks, is not built into every program.
var hashes = map[string]func() hash.Hash{
	"sha2-224": sha256.New224,
	"sha2-256": sha256.New,
	"sha2-384": sha512.New384,
	"sha2-512": sha512.New,
	"sha3-224": func() hash.Hash { return sha3.New224() },
	"sha3-256": func() hash.Hash { return sha3.New256() },
	"sha3-384": func() hash.Hash { return sha3.New384() },
	"sha3-512": func() hash.Hash { return sha3.New512() },

	signing.HashSM3: func() hash.Hash { return signing.NewSM3()() },
}

func (b *backend) hashPaths() []*framework.Path {
	const help = `
Hash data. KMS is not called, and no key is used.

    vault write alicloudkms/hash input="$(echo -n hello | base64)"
    vault write alicloudkms/hash/sha3-512 input="$(echo -n hello | base64)" format=base64
`
	answer := answerFields{"sum": {Type: framework.TypeString}}
	return []*framework.Path{
		{
			Pattern:         "hash",
			Fields:          hashFields,
			Operations:      operations{logical.UpdateOperation: anyNode(hashWrite, "hash", "", answer)},
			HelpSynopsis:    "The hash of data.",
			HelpDescription: help,
		},
		{
			Pattern: "hash/" + fields.Hash.Pattern,
			Fields: joined(hashFields, fields.Schemas{fields.Hash.Field: {
				Type:        framework.TypeString,
				Description: "The hash function, in the path.",
				Required:    true,
			}}),
			Operations:      operations{logical.UpdateOperation: anyNode(hashWrite, "hash", "with-algorithm", answer)},
			HelpSynopsis:    "The hash of data, with the hash function in the path.",
			HelpDescription: help,
		},
	}
}

var hashFields = fields.Schemas{
	"input": {
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.InBase64},
		Description:  "The data, in base64.",
	},
	"algorithm": {
		Type:        framework.TypeString,
		Description: "The hash function: " + strings.Join(sortedKeys(hashes), ", ") + ".",
		Default:     defaultHash,
	},
	"format": formatField("hex"),
}

func hashWrite(_ context.Context, _ *logical.Request, d *framework.FieldData) (*logical.Response, error) {
	newHash, err := hashNamed(hashNames(d))
	if err != nil {
		return nil, err
	}
	data, err := fields.Base64("input", d.Get("input").(string))
	if err != nil {
		return nil, err
	}
	sum := newHash()
	sum.Write(data)
	written, err := inFormat(d, sum.Sum(nil))
	if err != nil {
		return nil, err
	}
	return &logical.Response{Data: map[string]any{"sum": written}}, nil
}

// hashFieldsOf returns the fields with which a request names the hash function of a signature or an HMAC. functions
// describes the choices.
func hashFieldsOf(functions string) fields.Schemas {
	return fields.Schemas{
		fields.Hash.Field: {
			Type:        framework.TypeString,
			Description: "The hash function, in the path. " + functions,
		},
		"hash_algorithm": {
			Type:        framework.TypeString,
			Description: "The hash function. " + functions,
		},
		"algorithm": {
			Type:        framework.TypeString,
			Description: "Another name of hash_algorithm.",
		},
	}
}

// hashNames returns the names of the hash function in the path and in the fields of a request. Those that are not given
// are empty.
func hashNames(d *framework.FieldData) []string {
	given := func(field string) string {
		name, _ := d.Raw[field].(string) // Not the default, which might contradict a name in the path.
		return name
	}
	return []string{strings.TrimPrefix(partOf(d, fields.Hash), "/"), given("hash_algorithm"), given("algorithm")}
}

// hashNamed returns the hash function with these names. They must agree. Without a name, it is the default.
func hashNamed(names []string) (func() hash.Hash, error) {
	wanted := ""
	for _, name := range names {
		if name != "" && wanted != "" && name != wanted {
			return nil, refusal.BadRequest("the path and the fields of the request name different hash functions")
		}
		wanted = cmp.Or(wanted, name)
	}
	newHash := hashes[cmp.Or(wanted, defaultHash)]
	if wanted == signing.HashSM3 && signing.NewSM3() == nil {
		return nil, refusal.BadRequest("this program is built without SM3")
	}
	if newHash == nil {
		return nil, refusal.BadRequest("the hash function must be one of %s", strings.Join(sortedKeys(hashes), ", "))
	}
	return newHash, nil
}
