package alicloudkms

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// readyKMS answers every Encrypt as the real service answered the first, because client and service have their own
// allocation tests.
type readyKMS struct {
	kms
	answer kmsapi.Response
}

func (k *readyKMS) Do(ctx context.Context, r kmsapi.Request) (_ kmsapi.Response, err error) {
	if r.Operation() != kmsapi.OpEncrypt {
		return k.kms.Do(ctx, r)
	}
	if k.answer == nil {
		k.answer, err = k.kms.Do(ctx, r)
	}
	return k.answer, err
}

// fewestAllocations returns how many allocations f makes, in the quietest of five rounds: those of all other goroutines
// are counted too.
func fewestAllocations(runs int, f func()) float64 {
	fewest := testing.AllocsPerRun(runs/5, f)
	for range 4 {
		fewest = min(fewest, testing.AllocsPerRun(runs/5, f))
	}
	return fewest
}

// Allocations are counted, not timed: a count is the same on every machine, so it may fail a test.
func TestWarmEncryptTakesFewAllocationsAndNoStorage(t *testing.T) {
	r := newRig(t)
	conf := logical.TestBackendConfig()
	conf.System, conf.StorageView = logical.TestSystemView(), r.storage
	conf.Logger = hclog.New(&hclog.LoggerOptions{Level: hclog.Info, Output: r.log})
	b, err := newBackend(t.Context(), conf, unhurried(newProcess(func(c client.Config) (kms, error) {
		real, err := r.kms.open(c)
		return &readyKMS{kms: real}, err
	})))
	require.NoError(t, err)
	r.b = b
	r.write("config", goodConfig())
	r.write("keys/payroll", nil)
	r.encrypt("payroll", "c2VjcmV0")
	before := r.storage.total()
	request := r.request(logical.UpdateOperation, "encrypt/payroll", nil)
	got := fewestAllocations(100, func() {
		request.Data = body{"plaintext": "c2VjcmV0"}
		if _, err := r.b.HandleRequest(t.Context(), request); err != nil {
			t.Error(err)
		}
	})
	require.LessOrEqual(t, got, 50.0) // It makes 36, and 38 under the race detector.
	require.Equal(t, before, r.storage.total(), "no storage call")
}

// TestItemsOfABatchTakeFewAllocations counts the allocations of an item from the request to the JSON that Vault gets,
// including the fake KMS's: a batch of 200 differs from one of 100 only by 100 items.
func TestItemsOfABatchTakeFewAllocations(t *testing.T) {
	for path, c := range map[string]struct {
		item body
		most float64 // It makes one fewer under the race detector.
	}{
		"encrypt/a": {body{"plaintext": hello, "reference": "r"}, 11},
		"decrypt/a": {body{"ciphertext": "vault:v1:QUJD"}, 10},
		"sign/pair": {body{"input": hello}, 14},

		"encrypt/envelope": {body{"plaintext": hello, "reference": "r"}, 16},
		"decrypt/envelope": {body{"ciphertext": instantMessage(t, hello)}, 16},
		"rewrap/envelope":  {body{"ciphertext": instantMessage(t, hello)}, 25.1},
		"hmac/envelope":    {body{"input": hello}, 36.1},
	} {
		t.Run(path, func(t *testing.T) {
			engine, storage := newInstantBackend(t)
			perBatch := func(n int) float64 {
				batch := body{"batch_input": slices.Repeat([]any{c.item}, n)}
				return fewestAllocations(20, func() {
					resp, err := engine.HandleRequest(t.Context(), instantRequest(storage, path, batch))
					require.NoError(t, err)
					require.NotContains(t, resp.Data, logical.HTTPRawBody, "an item failed")
					_, err = json.Marshal(resp.Data)
					require.NoError(t, err)
				})
			}
			perItem := (perBatch(200) - perBatch(100)) / 100
			require.LessOrEqual(t, perItem, c.most)
		})
	}
}
