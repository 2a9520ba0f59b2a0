package alicloudkms

import (
	"net/http"

	"github.com/hashicorp/vault/sdk/framework"
)

// operationPrefix begins every OpenAPI operation id.
const operationPrefix = "alicloudkms"

type answerFields = map[string]*framework.FieldSchema

// operation describes a handler for OpenAPI. verb and suffix make the operation id. The answer is 204 if it has no fields.
func operation(handle framework.OperationFunc, verb, suffix string, answer answerFields) *framework.PathOperation {
	responses := map[int][]framework.Response{http.StatusNoContent: {{Description: http.StatusText(http.StatusNoContent)}}}
	if answer != nil {
		responses = map[int][]framework.Response{http.StatusOK: {{Description: http.StatusText(http.StatusOK), Fields: answer}}}
	}
	return &framework.PathOperation{
		Callback:     handle,
		DisplayAttrs: &framework.DisplayAttributes{OperationVerb: verb, OperationSuffix: suffix},
		Responses:    responses,
	}
}

// reads describes a handler that leaves storage as it is. Every node can run it.
func anyNode(handle framework.OperationFunc, verb, suffix string, answer answerFields) *framework.PathOperation {
	return operation(handle, verb, suffix, answer)
}

// writes describes a handler that writes storage, so that only the primary's active node can run it.
func primaryOnly(handle framework.OperationFunc, verb, suffix string, answer answerFields) *framework.PathOperation {
	op := operation(handle, verb, suffix, answer)
	op.ForwardPerformanceStandby = true
	op.ForwardPerformanceSecondary = true
	return op
}

// nameField is the key's name in a path.
func nameField() *framework.FieldSchema {
	return &framework.FieldSchema{Type: framework.TypeString, Description: "The name of the key.", Required: true}
}
