package alicloudkms

import (
	"maps"
	"net/http"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
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

// operation describes a handler for OpenAPI. verb and suffix make the operation id. The answer is 204 if it has no
// fields.
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

// withOperationPrefix gives every path the prefix of its operation ids.
func withOperationPrefix(paths []*framework.Path) []*framework.Path {
	for _, path := range paths {
		path.DisplayAttrs = &framework.DisplayAttributes{OperationPrefix: operationPrefix}
	}
	return paths
}

// joined returns the fields of all parts.
func joined(parts ...answerFields) answerFields {
	all := answerFields{}
	for _, part := range parts {
		maps.Copy(all, part)
	}
	return all
}
