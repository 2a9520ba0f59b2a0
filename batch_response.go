package alicloudkms

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

// An itemResult is the outcome of one item.
type itemResult struct {
	reference string
	answer    itemAnswer
	err       error
}

// batchResponse answers as transit does: 200 if every item succeeded; otherwise what the rule makes of the failures, or
// what partial_failure_response_code asks for if some items succeeded.
func (b *backend) batchResponse(
	req *logical.Request, d *framework.FieldData, results []itemResult, rule statusRule,
) (*logical.Response, error) {
	answers := make([]batchResult, len(results))
	failures := new(batchFailures)
	for i := range results {
		result := &results[i]
		if result.err == nil {
			answers[i] = result.answer.result(result.reference)
			continue
		}
		known := b.explain(req, result.err)
		answers[i] = batchResult{Error: known.Error(), Reference: result.reference}
		failures.add(result.err, known)
	}
	resp := &logical.Response{Data: map[string]any{"batch_results": answers}}
	if failures.count == 0 {
		return resp, nil
	}
	b.logFailures(req.Path, len(results), failures)
	code := rule(failures, len(results))
	if wanted, ok := d.GetOk("partial_failure_response_code"); ok && failures.count < len(results) {
		if n := wanted.(int); hasBody(n) {
			code = n
		} else {
			resp.AddWarning(fmt.Sprintf("partial_failure_response_code must be 200 to 599, and a status that has a body; the status is %d instead", code))
		}
	}
	if code == http.StatusOK {
		return resp, nil
	}
	return logical.RespondWithStatusCode(resp, req, code)
}

// hasBody reports whether answers with a status have a body. Without it, the results would be lost.
func hasBody(status int) bool {
	switch status {
	case http.StatusNoContent, http.StatusResetContent, http.StatusNotModified:
		return false
	default:
		return status >= http.StatusOK && status < 600
	}
}

// logFailures logs what a single request would log, once for the whole batch.
func (b *backend) logFailures(path string, items int, f *batchFailures) {
	if f.foreign > 0 {
		b.Logger().Warn("refused to open ciphertexts of other keys", "path", path, "items", items, "refused", f.foreign)
	}
	if f.status() >= http.StatusInternalServerError {
		b.Logger().Warn("items of a batch failed",
			"path", path, "items", items, "failed", f.count, "one_error", f.worst.Error())
	}
}

// batchFailures sums up the failed items of a batch.
type batchFailures struct {
	count int
	// foreign counts the ciphertexts of other keys.
	foreign int
	// user is set if at least one failure is the caller's mistake.
	user bool
	// ofRequest is set if at least one failure is not about its item alone.
	ofRequest bool
	// worst is the error with the highest status.
	worst       error
	worstStatus int
}

// add counts a failure. known is its explanation, with a status.
func (f *batchFailures) add(err, known error) {
	f.count++
	if _, ok := errors.AsType[*foreignError](err); ok {
		f.foreign++
	}
	status := refusal.Status(known)
	f.user = f.user || status < http.StatusInternalServerError && status != http.StatusTooManyRequests
	f.ofRequest = f.ofRequest || !isOfItem(err, status)
	if status > f.worstStatus {
		f.worst, f.worstStatus = known, status
	}
}

// status is 400 if any failure is the caller's mistake, so that nobody retries the same batch in vain. Otherwise KMS
// throttled or failed, and status is the highest of an item.
func (f *batchFailures) status() int {
	if f.user {
		return http.StatusBadRequest
	}
	return f.worstStatus
}
