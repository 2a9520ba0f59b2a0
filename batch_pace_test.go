package alicloudkms

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

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

func TestBatchWhoseTimeRunsOutAnswersWhatIsDone(t *testing.T) {
	r, service := newSlowRig(t, 3)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
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
	// On a busy machine, a few items are in flight when the time ends, and KMS may have encrypted them.
	status := http.StatusTooManyRequests
	if underWay > 0 {
		status = http.StatusGatewayTimeout
	}
	require.EqualValues(t, status, resp.Data[logical.HTTPStatusCode])
	require.LessOrEqual(t, underWay, 20)
	require.Len(t, answer.Data.Results, 1000)
	encrypted := encryptions(t, service)
	require.GreaterOrEqual(t, encrypted, done)
	require.LessOrEqual(t, encrypted, done+underWay)
	require.GreaterOrEqual(t, done, 20)
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
