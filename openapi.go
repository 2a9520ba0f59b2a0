package alicloudkms

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
)

// operationPrefix begins every OpenAPI operation id.
const operationPrefix = "alicloudkms"

type (
	operations   = map[logical.Operation]framework.OperationHandler
	answerFields = map[string]*framework.FieldSchema
)

// anyNode describes an operation that does not depend on writing Vault's storage, so that every node can run it.
func anyNode(handle framework.OperationFunc, verb, suffix string, answer answerFields) *framework.PathOperation {
	return operation(handle, verb, suffix, answer)
}

// primaryOnly describes an operation that writes Vault's storage, so that only the primary's active node can run it.
func primaryOnly(handle framework.OperationFunc, verb, suffix string, answer answerFields) *framework.PathOperation {
	op := operation(handle, verb, suffix, answer)
	op.ForwardPerformanceStandby = true
	op.ForwardPerformanceSecondary = true
	return op
}

// operation describes a handler for OpenAPI. verb and suffix make the operation id. The status is 204 if the answer has
// no fields.
func operation(handle framework.OperationFunc, verb, suffix string, answer answerFields) *framework.PathOperation {
	status := http.StatusOK
	if answer == nil {
		status = http.StatusNoContent
	}
	return &framework.PathOperation{
		Callback:     handle,
		DisplayAttrs: &framework.DisplayAttributes{OperationVerb: verb, OperationSuffix: suffix},
		Responses:    map[int][]framework.Response{status: {{Description: http.StatusText(status), Fields: answer}}},
	}
}

// described gives every path the prefix of its operation ids, and every operation a summary. A single operation has the
// path's.
func described(paths []*framework.Path) []*framework.Path {
	for _, path := range paths {
		path.DisplayAttrs = &framework.DisplayAttributes{OperationPrefix: operationPrefix}
		for _, handler := range path.Operations {
			op := handler.(*framework.PathOperation)
			op.Summary = cmp.Or(summaries[op.DisplayAttrs.OperationVerb+" "+op.DisplayAttrs.OperationSuffix], path.HelpSynopsis)
		}
	}
	return paths
}

// summaries are the summaries of operations whose path has several, by verb and suffix.
var summaries = map[string]string{
	"configure ":           "Configure how the engine reaches KMS.",
	"patch configuration":  "Change some fields of the configuration.",
	"read configuration":   "Read the configuration, without its secrets.",
	"delete configuration": "Delete the configuration.",

	"configure cache":          "Keep a size of transit's cache of keys, without effect.",
	"read cache-configuration": "Read the size of transit's cache of keys, which has no effect.",
	"configure keys":           "Accept transit's setting of whether encrypt makes keys, without effect.",
	"read keys-configuration":  "Read that encrypt makes no keys.",

	"create key":               "Make a key, with a new key in KMS.",
	"read key":                 "Read what KMS and Vault know of a key.",
	"schedule-deletion-of key": "Schedule the deletion of a key's KMS key.",

	"configure key":           "Configure a key.",
	"patch key-configuration": "Change some of the configuration of a key.",
	"read key-configuration":  "Read the configuration of a key, with the rest of the key.",

	"read key-tags":   "Read the tags of a key.",
	"add key-tags":    "Add tags to a key, or change their values.",
	"patch key-tags":  "Add, change and remove tags of a key.",
	"remove key-tags": "Remove tags of a key, or all.",

	"write alias":  "Point an alias at the KMS key of a key.",
	"read alias":   "Read which KMS key an alias names.",
	"delete alias": "Remove an alias, and leave its KMS key alone.",
}

// publish corrects the OpenAPI in the answer to a request for help. The framework publishes all fields of a path for
// each of its operations, and lists in queries without the type of their items. Vault loses references to schemas in a
// plugin's answer, so publish puts the schemas in their place.
func (b *backend) publish(help *logical.Response) {
	doc, ok := help.Data["openapi"].(*framework.OASDocument)
	if !ok {
		return
	}
	for path, item := range doc.Paths {
		route := b.Route(examplePath.Replace(strings.Trim(path, "/")))
		if route == nil { // The framework could not read its pattern, and published no operation.
			continue
		}
		for op, published := range publishedOperations(path, item) {
			for _, resp := range published.Responses {
				resolve(resp.Content, doc.Components)
			}
			if published.RequestBody != nil {
				resolve(published.RequestBody.Content, doc.Components)
				correctBody(route.Fields, op, published.RequestBody)
			}
			correctParameters(route.Fields, op, published)
		}
	}
	doc.Components = framework.OASComponents{Schemas: map[string]*framework.OASSchema{}}
}

// resolve replaces references to schemas.
func resolve(content framework.OASContent, components framework.OASComponents) {
	for _, media := range content {
		if name, ok := strings.CutPrefix(media.Schema.Ref, "#/components/schemas/"); ok {
			media.Schema = components.Schemas[name]
		}
	}
}

// examplePath turns an OpenAPI path into the path of a request.
var examplePath = func() *strings.Replacer {
	var examples []string
	for _, kind := range fields.Names() {
		examples = append(examples, "{"+kind.Field+"}", "a")
	}
	return strings.NewReplacer(examples...)
}()

func publishedOperations(path string, item *framework.OASPathItem) map[logical.Operation]*framework.OASOperation {
	var get logical.Operation = logical.ReadOperation
	if strings.HasSuffix(path, "/") {
		get = logical.ListOperation
	}
	all := map[logical.Operation]*framework.OASOperation{
		get: item.Get, logical.UpdateOperation: item.Post, logical.PatchOperation: item.Patch,
		logical.DeleteOperation: item.Delete,
	}
	maps.DeleteFunc(all, func(_ logical.Operation, o *framework.OASOperation) bool { return o == nil })
	return all
}

func correctParameters(schemas fields.Schemas, op logical.Operation, published *framework.OASOperation) {
	published.Parameters = slices.DeleteFunc(published.Parameters, func(p framework.OASParameter) bool {
		return p.In == "query" && schemas[p.Name] != nil && !fields.Takes(op, p.Name, schemas[p.Name])
	})
	for _, p := range published.Parameters {
		if p.Schema.Type == "array" {
			p.Schema.Items = &framework.OASSchema{Type: "string"}
		}
	}
}

func correctBody(schemas fields.Schemas, op logical.Operation, body *framework.OASRequestBody) {
	for _, media := range body.Content {
		maps.DeleteFunc(media.Schema.Properties, func(name string, _ *framework.OASSchema) bool {
			return !fields.Takes(op, name, schemas[name])
		})
		body.Required = len(media.Schema.Required) > 0
	}
}

// joined returns the fields of all parts.
func joined(parts ...answerFields) answerFields {
	all := answerFields{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}
