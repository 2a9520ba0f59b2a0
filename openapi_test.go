package alicloudkms

import (
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
)

// published returns the engine's OpenAPI.
func (r *rig) published() *framework.OASDocument {
	r.t.Helper()
	return r.do(logical.HelpOperation, "", nil).Data["openapi"].(*framework.OASDocument)
}

func TestEveryOperationIsPublishedWithASummary(t *testing.T) {
	r := newRig(t)
	doc, count, seen := r.published(), 0, map[string]bool{}
	for path, item := range doc.Paths {
		for op, published := range publishedOperations(path, item) {
			require.NotEmpty(t, published.Summary, "%s %s", op, path)
			require.False(t, seen[published.Summary], "%s %s: %s", op, path, published.Summary)
			seen[published.Summary] = true
			count++
		}
	}
	require.Greater(t, count, 30)
	for name, summary := range summaries {
		require.True(t, seen[summary], "%q is not an operation", name)
	}
}

// Unpublished paths would be missing in the end-to-end tests' matrix of policies too.
func TestEveryPathIsPublishedWithAllItsOperations(t *testing.T) {
	r := newRig(t)
	published := map[*framework.Path]map[logical.Operation]bool{}
	for path, item := range r.published().Paths {
		of := r.backend().Route(examplePath.Replace(path[1:]))
		require.NotNil(t, of, path)
		if published[of] == nil {
			published[of] = map[logical.Operation]bool{}
		}
		for op := range publishedOperations(path, item) {
			published[of][op] = true
		}
	}
	for _, path := range r.backend().Paths {
		for op := range path.Operations {
			if op == logical.CreateOperation { // A create is a POST too.
				op = logical.UpdateOperation
			}
			require.True(t, published[path][op], "%s %s", op, path.Pattern)
		}
	}
}

func TestEveryOperationIsPublishedWithTheFieldsThatItTakes(t *testing.T) {
	r := newRig(t)
	doc := r.published()
	for path, item := range doc.Paths {
		schemas := r.backend().Route(examplePath.Replace(path[1:])).Fields
		for op, published := range publishedOperations(path, item) {
			got := map[string]bool{}
			for _, p := range published.Parameters {
				got[p.Name] = true
			}
			if published.RequestBody != nil {
				for name := range published.RequestBody.Content["application/json"].Schema.Properties {
					got[name] = true
				}
			}
			want := map[string]bool{}
			for name, schema := range schemas {
				if fields.Takes(op, name, schema) {
					want[name] = true
				}
			}
			if op == logical.ListOperation {
				want["list"] = true
			}
			require.Equal(t, want, got, "%s %s", op, path)
		}
	}
}

func TestHelpOfOnePathIsPublishedLikeThatOfAll(t *testing.T) {
	r := newKeyRig(t, "a")
	doc := r.do(logical.HelpOperation, "keys/a", nil).Data["openapi"].(*framework.OASDocument)
	require.Empty(t, doc.Paths["/keys/{name}"].Get.Parameters)
	require.Len(t, doc.Paths["/keys/{name}"].Delete.Parameters, 1)
}
