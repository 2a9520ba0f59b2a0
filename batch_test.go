package alicloudkms

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// batch sends items to path, and returns the status and the results.
func (r *rig) batch(path string, items []any, more ...map[string]any) (status int, results []map[string]any) {
	r.t.Helper()
	data := body{"batch_input": items}
	for _, m := range more {
		data = with(data, m)
	}
	resp, err := r.tryWrite(path, data)
	require.NoError(r.t, err)
	status, failed := resp.Data[logical.HTTPStatusCode].(int)
	if !failed {
		status = 200
	}
	return status, resultsOf(r.t, resp)
}

// resultsOf returns the results of a batch as its caller gets them, from JSON.
func resultsOf(t testing.TB, resp *logical.Response) []map[string]any {
	t.Helper()
	type answer struct {
		Results []map[string]any `json:"batch_results"`
	}
	var whole struct{ Data answer }
	if raw, failed := resp.Data[logical.HTTPRawBody].(string); failed {
		require.NoError(t, json.Unmarshal([]byte(raw), &whole))
		return whole.Data.Results
	}
	encoded, err := json.Marshal(resp.Data)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(encoded, &whole.Data))
	return whole.Data.Results
}

func object(pairs ...any) map[string]any {
	o := body{}
	for i := 0; i < len(pairs); i += 2 {
		o[pairs[i].(string)] = pairs[i+1]
	}
	return o
}

func TestThousandItemsKeepTheirOrder(t *testing.T) {
	r := newKeyRig(t, "a")
	const n = 1000
	items := make([]any, n)
	for i := range items {
		text := base64.StdEncoding.EncodeToString(fmt.Append(nil, "item ", i))
		items[i] = object("plaintext", text, "reference", fmt.Sprint(i), "encryption_context", object("n", fmt.Sprint(i)))
	}
	status, sealed := r.batch("encrypt/a", items)
	require.Equal(t, 200, status)
	require.Len(t, sealed, n)
	_, sealed = r.batch("rewrap/a", reopen(sealed))
	status, opened := r.batch("decrypt/a", reopen(sealed))
	require.Equal(t, 200, status)
	for i := range items {
		require.Equal(t, fmt.Sprint(i), opened[i]["reference"])
		require.Equal(t, items[i].(map[string]any)["plaintext"], opened[i]["plaintext"])
	}
}

// reopen returns items that decrypt the ciphertexts in results.
func reopen(results []map[string]any) []any {
	items := make([]any, len(results))
	for i, result := range results {
		items[i] = object("ciphertext", result["ciphertext"], "reference", result["reference"], "encryption_context",
			object("n", result["reference"]))
	}
	return items
}

func TestBadItemDoesNotAffectOthers(t *testing.T) {
	for name, c := range map[string]struct {
		bad  any
		says string
	}{
		"no plaintext":       {object("reference", "bad"), "plaintext"},
		"an empty plaintext": {object("reference", "bad", "plaintext", ""), "plaintext"},
		"not base64":         {object("reference", "bad", "plaintext", "!"), "base64"},
		"too long":           {object("reference", "bad", "plaintext", encoded(kmsapi.MaxPlaintext+1)), "datakey"},
		"a number":           {object("reference", "bad", "plaintext", 5), "plaintext"},
		"an unknown field":   {object("reference", "bad", "plaintext", hello, "plain", hello), `"plain"`},
		"a name":             {object("reference", "bad", "plaintext", hello, "name", "other"), `"name"`},
		"a batch in a batch": {object("reference", "bad", "batch_input", []any{}), `"batch_input"`},
		"a bad context":      {object("reference", "bad", "plaintext", hello, "context", "!"), "context"},
		"a bound entry": {
			object("reference", "bad", "plaintext", hello, "encryption_context", object("team", "it")),
			"team",
		},
		"bad associated data": {object("reference", "bad", "plaintext", hello, "associated_data", "!"), "associated_data"},
		"a context not a map": {
			object("reference", "bad", "plaintext", hello, "encryption_context", 5),
			"encryption_context",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.write("keys/a/config", body{"bound_context": "team=hr"})
			good := object("plaintext", hello, "reference", "good")
			status, results := r.batch("encrypt/a", []any{good, c.bad, good})
			require.Equal(t, 400, status)
			require.Equal(t, 2, r.kms.count(kmsapi.OpEncrypt), "the bad one never reaches KMS")
			require.Contains(t, results[1]["error"], c.says)
			require.Equal(t, "bad", results[1]["reference"])
			require.NotContains(t, results[1], "ciphertext")
			for _, i := range []int{0, 2} {
				require.NotContains(t, results[i], "error")
				require.Equal(t, "good", results[i]["reference"])
				require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": results[i]["ciphertext"]}).Data["plaintext"])
			}
		})
	}
}

func TestItemThatIsNotAnObjectFailsAlone(t *testing.T) {
	r := newKeyRig(t, "a")
	for _, bad := range []any{nil, "text", 5, true, []any{}, []any{hello}} {
		status, results := r.batch("encrypt/a", []any{bad, object("plaintext", hello)})
		require.Equal(t, 400, status)
		require.Contains(t, results[0]["error"], "object")
		require.NotEmpty(t, results[1]["ciphertext"])
	}
}

func TestInvalidBatchIsRefusedAsAWhole(t *testing.T) {
	r := newKeyRig(t, "a")
	calls := r.kms.total()
	for name, c := range map[string]struct {
		data map[string]any
		says string
	}{
		"an empty list":         {object("batch_input", []any{}), "empty"},
		"an empty list in JSON": {object("batch_input", "[]"), "empty"},
		"no list":               {object("batch_input", object("plaintext", hello)), "list"},
		"a string":              {object("batch_input", hello), "list"},
		"trailing data":         {object("batch_input", `[{"plaintext":"aGVsbG8="}] x`), "list"},
		"null in JSON":          {object("batch_input", "null"), "list"},
		"a plaintext as well": {
			object("batch_input", []any{object("plaintext", hello)}, "plaintext", hello),
			`"plaintext"`,
		},
		"a context as well": {
			object("batch_input", []any{object("plaintext", hello)}, "encryption_context", "a=b"),
			`"encryption_context"`,
		},
		"a reference as well": {object("batch_input", []any{object("plaintext", hello)}, "reference", "x"), `"reference"`},
		"too many items":      {object("batch_input", make([]any, maxBatch+1)), "10000"},
		"a status not a number": {object("batch_input", []any{object("plaintext", hello)}, "partial_failure_response_code",
			"x"), "partial_failure_response_code"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite("encrypt/a", c.data)
			refused(t, err, 400, c.says)
		})
	}
	_, err := r.tryWrite("encrypt/nobody", object("batch_input", []any{object("plaintext", hello)}))
	refused(t, err, 404, "nobody")
	require.Equal(t, calls, r.kms.total())
}

func TestBatchMayBeJSONFromTheCommandLine(t *testing.T) {
	r := newKeyRig(t, "a")
	resp := r.write("encrypt/a", body{"batch_input": ` [{"plaintext":"aGVsbG8=","nonce":"QUJD"}] `})
	results := resultsOf(t, resp)
	require.NotEmpty(t, results[0]["ciphertext"])
	require.Contains(t, results[0]["warnings"], "nonce")
	require.Equal(t, "", results[0]["reference"])
}

func TestStatusOfABatchShowsWhoseFaultItIs(t *testing.T) {
	unreachable := lost(kmsapi.OpDecrypt)
	for name, c := range map[string]struct {
		// failures are KMS's answers, in the order of the items; nil is success.
		failures []error
		code     any
		status   int
	}{
		"all succeed":                           {[]error{nil, nil}, nil, 200},
		"all succeed, with a code for failures": {[]error{nil, nil}, 207, 200},
		"the caller":                            {[]error{nil, answered(kmsapi.ErrRejectedDisabled)}, nil, 400},
		"all by the caller": {
			[]error{answered(kmsapi.ErrNoPermission), answered(kmsapi.ErrKeyNotFound)},
			nil, 400,
		},
		"KMS":                             {[]error{nil, answered(kmsapi.ErrInternalFailure)}, nil, 502},
		"the connection to KMS":           {[]error{nil, unreachable}, nil, 502},
		"KMS and the caller":              {[]error{unreachable, answered(kmsapi.ErrRejectedDisabled)}, nil, 400},
		"KMS throttles":                   {[]error{nil, answered(kmsapi.ErrThrottling)}, nil, 429},
		"KMS throttles and fails":         {[]error{unreachable, answered(kmsapi.ErrThrottling)}, nil, 502},
		"the caller wants another status": {[]error{nil, answered(kmsapi.ErrRejectedDisabled)}, 207, 207},
		"also for failures of KMS":        {[]error{nil, unreachable}, 200, 200},
		"but not if none succeeds":        {[]error{unreachable, unreachable}, 207, 502},
		"nor a status out of range":       {[]error{nil, unreachable}, 99, 502},
		"nor an informational one":        {[]error{nil, unreachable}, 100, 502},
		"nor one without a body":          {[]error{nil, unreachable}, 204, 502},
		"nor a negative one":              {[]error{nil, unreachable}, -1, 502},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.write("config", body{"max_parallel": 1})
			ciphertext := r.encrypt("a", hello)
			var calls atomic.Int64
			r.kms.before = func(context.Context, kmsapi.Request) error { return c.failures[calls.Add(1)-1] }
			more := body{}
			if c.code != nil {
				more["partial_failure_response_code"] = c.code
			}
			item := object("ciphertext", ciphertext)
			status, results := r.batch("decrypt/a", []any{item, item}, more)
			require.Equal(t, c.status, status)
			for i, failure := range c.failures {
				require.Equal(t, failure != nil, results[i]["error"] != nil)
				require.Equal(t, failure == nil, results[i]["plaintext"] == hello)
			}
		})
	}
}

func TestFailedBatchIsLoggedOnce(t *testing.T) {
	r := newKeyRig(t, "a")
	r.kms.before = func(context.Context, kmsapi.Request) error { return lost(kmsapi.OpEncrypt) }
	items := make([]any, 500)
	for i := range items {
		items[i] = object("plaintext", base64.StdEncoding.EncodeToString([]byte(markPlaintext)))
	}
	before := strings.Count(r.log.String(), "\n")
	status, _ := r.batch("encrypt/a", items)
	require.Equal(t, 502, status)
	require.Equal(t, before+1, strings.Count(r.log.String(), "\n"))
	requireNoMarker(t, "the log", r.log.String())
}

func TestBatchRunsInParallelWithinItsBounds(t *testing.T) {
	for name, c := range map[string]struct{ maxParallel, want int }{
		"as configured":              {3, 3},
		"without a configured bound": {0, defaultBatchParallel},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.write("config", body{"max_parallel": c.maxParallel})
			var now, most atomic.Int64
			full := make(chan struct{})
			r.kms.before = func(ctx context.Context, _ kmsapi.Request) error {
				if n := now.Add(1); n == int64(c.want) && most.Swap(n) != n {
					close(full)
				} else if n > int64(c.want) {
					t.Error("more than may be at one time")
				}
				<-full // All calls are in flight.
				now.Add(-1)
				return nil
			}
			items := make([]any, 100)
			for i := range items {
				items[i] = object("plaintext", hello)
			}
			status, _ := r.batch("encrypt/a", items)
			require.Equal(t, 200, status)
		})
	}
}

func TestCancelledBatchMakesNoMoreCalls(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("config", body{"max_parallel": 2})
	ctx, cancel := context.WithCancel(t.Context())
	var calls atomic.Int64
	r.kms.before = func(ctx context.Context, _ kmsapi.Request) error {
		if calls.Add(1) == 2 {
			cancel()
		}
		return ctx.Err()
	}
	items := make([]any, 1000)
	for i := range items {
		items[i] = object("plaintext", hello)
	}
	resp, err := r.tryIn(ctx, logical.UpdateOperation, "encrypt/a", body{"batch_input": items})
	require.NoError(t, err)
	require.Equal(t, 503, resp.Data[logical.HTTPStatusCode])
	require.LessOrEqual(t, calls.Load(), int64(4), "those that were under way, and no other")
}

func TestCiphertextOfAnotherKeyInABatchFailsAlone(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	mine, other := object("ciphertext", r.encrypt("a", hello)), object("ciphertext", r.encrypt("b", encoded(5)))
	for _, path := range []string{"decrypt/a", "rewrap/a"} {
		status, results := r.batch(path, []any{mine, other, mine})
		require.Equal(t, 400, status)
		require.Contains(t, results[1]["error"], "not made by this key")
		require.NotContains(t, fmt.Sprint(results[1]), encoded(5))
		require.Nil(t, results[0]["error"])
		require.Nil(t, results[2]["error"])
	}
	require.Equal(t, 3, r.kms.count(kmsapi.OpReEncrypt))
}

func TestBatchOfDataKeys(t *testing.T) {
	r := newKeyRig(t, "a")
	items := []any{
		object("reference", "1"), object("bits", 512), object("number_of_bytes", 5), object("bits", 5),
		object("bits", 128, "number_of_bytes", 5),
	}
	status, results := r.batch("datakey/plaintext/a", items)
	require.Equal(t, 400, status)
	for i, size := range []int{32, 64, 5} {
		key, err := base64.StdEncoding.DecodeString(results[i]["plaintext"].(string))
		require.NoError(t, err)
		require.Len(t, key, size)
		require.Equal(t, results[i]["plaintext"], r.write("decrypt/a",
			body{"ciphertext": results[i]["ciphertext"]}).Data["plaintext"])
	}
	require.NotEmpty(t, results[3]["error"])
	require.NotEmpty(t, results[4]["error"])
	status, results = r.batch("datakey/wrapped/a", []any{object(), object("bits", 512)})
	require.Equal(t, 200, status)
	for _, result := range results {
		require.NotContains(t, result, "plaintext")
		require.NotEmpty(t, result["ciphertext"])
	}
}

func TestReferenceOfASingleItemIsReturned(t *testing.T) {
	r := newKeyRig(t, "a")
	resp := r.write("encrypt/a", body{"plaintext": hello, "reference": "mine"})
	require.Equal(t, "mine", resp.Data["reference"])
	resp = r.write("decrypt/a", body{"ciphertext": resp.Data["ciphertext"], "reference": "yours"})
	require.Equal(t, "yours", resp.Data["reference"])
}

func TestBatchOverGRPC(t *testing.T) {
	r := newGRPCRig(t)
	_, service, _ := newRealRig(t)
	r.write("config", realConfig(service))
	r.write("keys/a", nil)
	resp := r.write("encrypt/a",
		body{"batch_input": []any{object("plaintext", hello, "reference", "1"), object("plaintext", "!")}})
	require.EqualValues(t, 400, resp.Data[logical.HTTPStatusCode])
	require.Contains(t, resp.Data[logical.HTTPRawBody], "vault:v1:")
	resp = r.write("encrypt/a", body{"batch_input": []any{object("plaintext", hello, "reference", "1")}})
	require.Len(t, resp.Data["batch_results"], 1)
}

func TestForeignCiphertextsAreLoggedOncePerBatch(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	foreign := object("ciphertext", r.encrypt("b", hello))
	before := strings.Count(r.log.String(), "[WARN]")
	status, results := r.batch("decrypt/a", []any{foreign, foreign, foreign})
	require.Equal(t, 400, status)
	require.Contains(t, results[2]["error"], "request id")
	require.Equal(t, before+1, strings.Count(r.log.String(), "[WARN]"))
	_, err := r.tryWrite("decrypt/a", foreign)
	refused(t, err, 403, "request id")
	require.Equal(t, before+2, strings.Count(r.log.String(), "[WARN]"))
}
