package alicloudkms

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

const (
	// maxBatch bounds the items of one request, since each costs a call to KMS.
	maxBatch = 10_000
	// defaultBatchParallel is how many items of a batch are worked on at a time, unless max_parallel says otherwise.
	defaultBatchParallel = 32
	maxBatchParallel     = 256
)

// batchFields are the fields of a path whose requests have one item, or many in batch_input.
func batchFields(items fields.Schemas) fields.Schemas {
	schemas := maps.Clone(items)
	maps.Copy(schemas, fields.Schemas{
		"name": nameField(),
		"batch_input": {
			Type:        framework.TypeSlice,
			Description: fmt.Sprintf("Many items instead of one: a list of up to %d objects, each with the fields of a single request.", maxBatch),
		},
		"partial_failure_response_code": {
			Type:        framework.TypeInt,
			Description: "The HTTP status, 200 to 599, of the answer to a batch in which some items succeed and others fail.",
		},
	})
	return schemas
}

// referenceField is a field of every item.
func referenceField() *framework.FieldSchema {
	return &framework.FieldSchema{
		Type:         framework.TypeString,
		DisplayAttrs: &framework.DisplayAttributes{EditType: fields.AsGiven},
		Description:  "Any string. It is returned with the item's answer.",
	}
}

// batchAnswer describes the answer of a path that takes batches.
func batchAnswer(single answerFields) answerFields {
	answer := maps.Clone(single)
	answer["reference"] = &framework.FieldSchema{Type: framework.TypeString, Description: "As the caller gave it."}
	answer["batch_results"] = &framework.FieldSchema{
		Type:        framework.TypeSlice,
		Description: "For a batch only: for each item, in order, the fields of a single answer, or error.",
	}
	return answer
}

// useKeyForItems adapts a handler of one item to requests with one item or many.
func (b *backend) useKeyForItems(items fields.Schemas, handle itemHandler) framework.OperationFunc {
	return b.useKeyByRule(items, handle, statusOfFailures)
}

// useKeyByRule is useKeyForItems with a rule for the status of a batch with failures.
func (b *backend) useKeyByRule(items fields.Schemas, handle itemHandler, rule statusRule) framework.OperationFunc {
	one, many := b.useKey(single(handle)), b.batch(items, handle, rule)
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		ctx, release := b.holdingDataKeys(ctx)
		defer release()
		defer b.logDataKeys(ctx, req)
		if _, ok := d.Raw["batch_input"]; ok {
			return many(ctx, req, d)
		}
		let, err := b.admitItem(d)
		if err != nil {
			return nil, err
		}
		defer let()
		return one(ctx, req, d)
	}
}

// batch adapts a handler of one item to batch_input. An item that fails is reported in its place, and does not stop the
// others.
func (b *backend) batch(items fields.Schemas, handle itemHandler, rule statusRule) framework.OperationFunc {
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		list, err := batchItems(items, d)
		if err != nil {
			return nil, err
		}
		release, err := b.admit(list)
		if err != nil {
			return nil, err
		}
		defer release()
		conn, k, err := b.target(ctx, req, d)
		if err != nil {
			return nil, err
		}
		results := make([]itemResult, len(list))
		conn.inParallel(len(list), func(i int) {
			item := list[i]
			list[i] = nil // Its memory is free as soon as it has been sent.
			results[i] = runItem(items, item, func(item *framework.FieldData) (itemAnswer, error) {
				return useTarget(ctx, b, req, conn, k, item, handle)
			})
		})
		return b.batchResponse(req, d, results, rule)
	}
}

// batchItems returns the items of a batch, which are not checked yet.
func batchItems(items fields.Schemas, d *framework.FieldData) ([]any, error) {
	for _, name := range slices.Sorted(maps.Keys(d.Raw)) {
		if schema := items[name]; schema != nil && !fields.IsTransit(name, schema) {
			return nil, refusal.BadRequest("the field %q belongs in the items, because there is a batch_input", name)
		}
	}
	list, _ := d.Raw["batch_input"].([]any) // Get would make a copy, which keeps all items in memory.
	switch {
	case len(list) == 0:
		return nil, refusal.BadRequest("batch_input is empty")
	case len(list) > maxBatch:
		return nil, refusal.BadRequest("batch_input has %d items, and may have %d", len(list), maxBatch)
	default:
		return list, nil
	}
}

// runItem checks an item and passes it to handle.
func runItem(
	items fields.Schemas, raw any, handle func(*framework.FieldData) (itemAnswer, error),
) (result itemResult) {
	given, ok := raw.(map[string]any)
	if !ok {
		result.err = refusal.BadRequest("the item must be an object with the fields of a single request")
		return result
	}
	result.reference, _ = given["reference"].(string)
	checked, remarks, err := fields.Check(items, logical.UpdateOperation, given)
	if err != nil {
		result.err = err
		return result
	}
	result.answer, result.err = handle(&framework.FieldData{Raw: checked, Schema: items})
	result.answer.warnings = append(result.answer.warnings, remarks.Warnings()...)
	return result
}

// inParallel calls do with 0 to n-1, a bounded number at a time, and returns when all calls have ended.
func (c *connection) inParallel(n int, do func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n, c.parallel) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	group.Wait()
}
