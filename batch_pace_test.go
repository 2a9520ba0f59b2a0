package alicloudkms

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// newSlowRig makes an engine with the key "a", on a KMS that encrypts 20 times a second. The engine retries throttled
// requests up to maxRetries times.
func newSlowRig(t *testing.T, maxRetries int) (*rig, *kmstest.KMS) {
	t.Helper()
	r, service := newEngine(t), kmstest.Configured(t, kmstest.CryptoRate(20))
	r.write("config", with(realConfig(service), body{"max_retries": maxRetries}))
	r.write("keys/a", nil)
	return r, service
}

func manyItems(n int) body {
	items := make([]any, n)
	for i := range items {
		items[i] = object("plaintext", hello)
	}
	return body{"batch_input": items}
}

func TestBatchLargerThanTheQuotaIsAnsweredInOneRequest(t *testing.T) {
	r, service := newSlowRig(t, 5)
	began := time.Now()
	status, results := r.batch("encrypt/a", manyItems(100)["batch_input"].([]any))
	t.Logf("100 items took %s", time.Since(began).Round(time.Millisecond))
	require.Equal(t, http.StatusOK, status)
	for _, result := range results {
		require.NotEmpty(t, result["ciphertext"])
	}
	require.Equal(t, 100, encryptions(t, service), "no item is sent again that KMS had answered")
}

// A lateDeadline is a context without a deadline until it is given one. It does not end then: it only says by when
// answers are needed, so that no call is cut off.
type lateDeadline struct {
	context.Context
	at atomic.Pointer[time.Time]
}

func (c *lateDeadline) Deadline() (at time.Time, ok bool) {
	if at := c.at.Load(); at != nil {
		return *at, true
	}
	return time.Time{}, false
}

// answeredKMS calls answered after each success.
type answeredKMS struct {
	kms
	answered func()
}

func (k *answeredKMS) Do(ctx context.Context, q kmsapi.Request) (kmsapi.Response, error) {
	answer, err := k.kms.Do(ctx, q)
	if err == nil {
		k.answered()
	}
	return answer, err
}

func TestBatchWhoseTimeRunsOutAnswersWhatIsDone(t *testing.T) {
	r, service := newSlowRig(t, 3)
	ctx := &lateDeadline{Context: t.Context()}
	var answers atomic.Int64
	answered := func() {
		if answers.Add(1) == 20 { // Two seconds are left once KMS has answered as many as it takes at once.
			at := time.Now().Add(2 * time.Second)
			ctx.at.Store(&at)
		}
	}
	r.backend().process.open = func(c client.Config) (kms, error) {
		opened, err := openClient(c)
		return &answeredKMS{opened, answered}, err
	}
	r.backend().forgetConnection()
	resp, err := r.b.HandleRequest(ctx, r.request(logical.UpdateOperation, "encrypt/a", manyItems(1000)))
	require.NoError(t, err)
	var answer struct {
		Data struct {
			Results []struct{ Ciphertext, Error string } `json:"batch_results"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(resp.Data[logical.HTTPRawBody].(string)), &answer))
	done, underWay := 0, 0
	for _, result := range answer.Data.Results {
		switch {
		case result.Ciphertext != "":
			done++
		case !strings.Contains(result.Error, string(kmsapi.ErrThrottling.Code)):
			underWay++
		}
	}
	// On a busy machine, a few items may want a new connection when the time is over.
	status := http.StatusTooManyRequests
	if underWay > 0 {
		status = http.StatusGatewayTimeout
	}
	require.EqualValues(t, status, resp.Data[logical.HTTPStatusCode])
	require.LessOrEqual(t, underWay, defaultBatchParallel)
	require.Len(t, answer.Data.Results, 1000)
	encrypted := encryptions(t, service)
	require.GreaterOrEqual(t, encrypted, done)
	require.LessOrEqual(t, encrypted, done+underWay)
	require.GreaterOrEqual(t, done, 20)
}

// timesOut is a context that ends like one whose deadline has passed.
type timesOut struct{ context.Context }

func (c timesOut) Err() error {
	if c.Context.Err() == nil {
		return nil
	}
	return context.DeadlineExceeded
}

func TestItemsOfABatchThatAreUnderWayWhenItsTimeIsOverFail(t *testing.T) {
	r := newKeyRig(t, "a")
	ending, end := context.WithCancel(t.Context())
	defer end()
	const done = 20
	var calls atomic.Int64
	r.kms.before = func(ctx context.Context, _ kmsapi.Request) error {
		n := calls.Add(1)
		if n <= done {
			return nil
		}
		if n == done+defaultBatchParallel { // All items in progress are here, so those before them are done.
			end()
		}
		<-ctx.Done()
		return ctx.Err()
	}
	resp, err := r.tryIn(timesOut{ending}, logical.UpdateOperation, "encrypt/a", manyItems(100))
	require.NoError(t, err)
	require.Equal(t, http.StatusGatewayTimeout, resp.Data[logical.HTTPStatusCode])
	succeeded := 0
	for _, result := range resultsOf(t, resp) {
		if result["error"] == nil {
			require.NotEmpty(t, result["ciphertext"])
			succeeded++
		}
	}
	require.Equal(t, done, succeeded)
	require.EqualValues(t, done+defaultBatchParallel, calls.Load(), "no item was sent after that")
}

// encryptions counts the encryptions that the service has answered.
func encryptions(t *testing.T, service *kmstest.KMS) (n int) {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(service.DataDir, "audit.log"))
	require.NoError(t, err)
	for line := range strings.Lines(string(log)) {
		if !strings.HasSuffix(line, "\n") {
			break // The service is still writing this line.
		}
		var entry struct {
			Operation string
			Status    int
		}
		require.NoError(t, json.Unmarshal([]byte(line), &entry))
		if entry.Operation == string(kmsapi.OpEncrypt) && entry.Status == http.StatusOK {
			n++
		}
	}
	return n
}
