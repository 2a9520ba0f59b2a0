package config

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// Load reads a configuration file in HCL and validates it. Each fault that it finds is a [Fault], with its line. If
// there are any, it also returns what could be read. Relative paths in the file are relative to its folder.
func Load(path string) (Config, error) {
	c := Config{place: Place{file: path}}
	source, err := os.ReadFile(path)
	if err != nil {
		return c, err
	}
	var found faults
	if !isText(source) {
		found.add(Place{file: path}, "it is not a text file, so it can't be a configuration")
		return c, found.err()
	}
	file, problems := hclparse.NewParser().ParseHCL(source, path)
	if file != nil {
		c.place.body, _ = file.Body.(*hclsyntax.Body)
		decoding := gohcl.DecodeBody(withStorage(c.place.body), nil, &c)
		if problems.HasErrors() { // A missing field may follow the syntax error.
			c.rescue(string(source))
		} else {
			problems = decoding
		}
	}
	written := c.Storage.Path
	c.resolve(filepath.Dir(path))
	if problems.HasErrors() {
		found.addDiagnostics(path, problems)
		return c, found.err()
	}
	return c, errors.Join(c.Validate(), c.storeIsThere(written))
}

// withStorage returns body, with an empty storage block if it has none, since a block that is not a pointer in [Config]
// is required. Validation checks that there is a store.
func withStorage(body *hclsyntax.Body) *hclsyntax.Body {
	isStorage := func(b *hclsyntax.Block) bool { return b.Type == "storage" }
	if slices.ContainsFunc(body.Blocks, isStorage) {
		return body
	}
	whole := *body
	whole.Blocks = append(slices.Clone(body.Blocks), &hclsyntax.Block{Type: "storage", Body: &hclsyntax.Body{
		Attributes: hclsyntax.Attributes{
			"path": {Name: "path", Expr: &hclsyntax.LiteralValueExpr{Val: cty.StringVal("")}},
		},
	}})
	return &whole
}

// maxFile is more than any configuration has, in bytes.
const maxFile = 4 << 20

// isText distinguishes a configuration from a store or a backup, whose path may be given by mistake.
func isText(content []byte) bool {
	return len(content) <= maxFile && utf8.Valid(content) && !bytes.ContainsRune(content, 0)
}
