package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
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
	// defaultBatchParallel is how many items of a batch are worked on at one time, unless max_parallel says otherwise.
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

// referenceField goes with every item.
func referenceField() *framework.FieldSchema {
	return &framework.FieldSchema{Type: framework.TypeString, Description: "Any text. It comes back with the item's answer."}
}

// batchAnswer describes the answer of a path that takes batches.
func batchAnswer(single answerFields) answerFields {
	answer := maps.Clone(single)
	answer["reference"] = &framework.FieldSchema{Type: framework.TypeString, Description: "As it was given."}
	answer["batch_results"] = &framework.FieldSchema{
		Type:        framework.TypeSlice,
		Description: "Of a batch only: for each item, in order, the fields of a single answer, or error.",
	}
	return answer
}

// useKeyForItems adapts a handler of one item to requests of one item and of many.
func (b *backend) useKeyForItems(items fields.Schemas, handle useHandler) framework.OperationFunc {
	one, many := b.useKey(withReference(handle)), b.batch(items, withReference(handle))
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		if _, ok := d.GetOk("batch_input"); ok {
			return many(ctx, req, d)
		}
		return one(ctx, req, d)
	}
}

// withReference lets an item's reference come back.
func withReference(handle useHandler) useHandler {
	return func(ctx context.Context, c *connection, k target, d *framework.FieldData) (*logical.Response, error) {
		resp, err := handle(ctx, c, k, d)
		if reference, ok := d.GetOk("reference"); ok && err == nil {
			resp.Data["reference"] = reference
		}
		return resp, err
	}
}

// batch works on the items of batch_input. An item's failure is its own: it is told in its place, and the others go on.
func (b *backend) batch(items fields.Schemas, handle useHandler) framework.OperationFunc {
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		list, err := batchItems(items, d)
		if err != nil {
			return nil, err
		}
		conn, k, err := b.target(ctx, req, d)
		if err != nil {
			return nil, err
		}
		outcomes := make([]outcome, len(list))
		conn.inParallel(len(list), func(i int) {
			outcomes[i] = itemOutcome(items, list[i], func(item *framework.FieldData) (*logical.Response, error) {
				resp, err := handle(ctx, conn, k, item)
				return resp, withKey(err, k.name)
			})
		})
		return b.batchResponse(req, d, outcomes)
	}
}

// batchItems returns the items of a batch, whatever each may be.
func batchItems(items fields.Schemas, d *framework.FieldData) ([]any, error) {
	for _, name := range slices.Sorted(maps.Keys(d.Raw)) {
		if items[name] != nil && !fields.IsTransit(name) {
			return nil, refusal.BadRequest("the field %q belongs into the items, because there is a batch_input", name)
		}
	}
	list := d.Get("batch_input").([]any)
	switch {
	case len(list) == 0:
		return nil, refusal.BadRequest("batch_input is empty")
	case len(list) > maxBatch:
		return nil, refusal.BadRequest("batch_input has %d items, and may have %d", len(list), maxBatch)
	default:
		return list, nil
	}
}

// An outcome is what came of one item.
type outcome struct {
	reference string
	data      map[string]any
	warnings  []string
	err       error
}

// itemOutcome checks an item and lets handle work on it.
func itemOutcome(items fields.Schemas, raw any, handle func(*framework.FieldData) (*logical.Response, error)) (out outcome) {
	given, ok := raw.(map[string]any)
	if !ok {
		out.err = refusal.BadRequest("the item must be an object with the fields of a single request")
		return out
	}
	out.reference, _ = given["reference"].(string)
	checked, ignored, err := fields.Check(items, logical.UpdateOperation, given)
	if err != nil {
		out.err = err
		return out
	}
	resp, err := handle(&framework.FieldData{Raw: checked, Schema: items})
	if err != nil {
		out.err = err
		return out
	}
	resp = fields.WarnIgnored(resp, ignored)
	out.data, out.warnings = resp.Data, resp.Warnings
	return out
}

// inParallel calls do for 0 to n-1, a bounded number at a time, and returns when all have ended.
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

// batchResponse answers as transit does: 200 if every item succeeded; otherwise the status of the failures, or what
// partial_failure_response_code asks for if some items succeeded.
func (b *backend) batchResponse(req *logical.Request, d *framework.FieldData, outcomes []outcome) (*logical.Response, error) {
	results := make([]map[string]any, len(outcomes))
	foreign := 0
	failures := new(batchFailures)
	for i, out := range outcomes {
		results[i] = out.result()
		if out.err != nil {
			if _, ok := errors.AsType[*foreignError](out.err); ok {
				foreign++
			}
			known := b.explain(req, out.err)
			results[i]["error"] = known.Error()
			failures.add(known)
		}
	}
	resp := &logical.Response{Data: map[string]any{"batch_results": results}}
	if failures.count == 0 {
		return resp, nil
	}
	if foreign > 0 {
		b.Logger().Warn("refused to open ciphertexts of other keys", "path", req.Path, "items", len(outcomes), "refused", foreign)
	}
	if failures.status() >= http.StatusInternalServerError {
		b.Logger().Warn("items of a batch failed", "path", req.Path, "items", len(outcomes), "failed", failures.count, "one_error", failures.worst.Error())
	}
	code := failures.status()
	if wanted, ok := d.GetOk("partial_failure_response_code"); ok && failures.count < len(outcomes) {
		if n := wanted.(int); n >= http.StatusOK && n < 600 && !withoutBody[n] {
			code = n
		} else {
			resp.AddWarning(fmt.Sprintf("partial_failure_response_code must be 200 to 599 and a status that has a body, so it is %d", code))
		}
	}
	return logical.RespondWithStatusCode(resp, req, code)
}

// withoutBody are statuses whose answers would lose the results.
var withoutBody = map[int]bool{http.StatusNoContent: true, http.StatusResetContent: true, http.StatusNotModified: true}

// result is an item's place in batch_results. reference is always there, as in transit's.
func (o outcome) result() map[string]any {
	result := maps.Clone(o.data)
	if result == nil {
		result = map[string]any{}
	}
	result["reference"] = o.reference
	if len(o.warnings) > 0 {
		result["warnings"] = strings.Join(o.warnings, "; ")
	}
	return result
}

// batchFailures sums up the failed items of a batch.
type batchFailures struct {
	count int
	// user is set if the caller is to blame for at least one.
	user bool
	// worst is the one with the highest status.
	worst       error
	worstStatus int
}

func (f *batchFailures) add(err error) {
	status := http.StatusInternalServerError
	if coded, ok := errors.AsType[logical.HTTPCodedError](err); ok {
		status = coded.Code()
	}
	f.count++
	f.user = f.user || status < http.StatusInternalServerError && status != http.StatusTooManyRequests
	if status > f.worstStatus {
		f.worst, f.worstStatus = err, status
	}
}

// status is 400 if any item is the caller's mistake, so that nobody sends the same batch again in hope. Otherwise KMS
// throttled or failed, and it is the highest status of an item.
func (f *batchFailures) status() int {
	if f.user {
		return http.StatusBadRequest
	}
	return f.worstStatus
}
