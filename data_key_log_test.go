package alicloudkms

import (
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// useOf sends a request with an id. It returns the debug log's line about its data keys, and the number of such lines.
func (r *rig) useOf(id, path string, data body) (line map[string]any, count int) {
	r.t.Helper()
	req := r.request(logical.UpdateOperation, path, data)
	req.ID = id
	_, _ = r.b.HandleRequest(r.t.Context(), req)
	lines := linesWith(r.t, r.log.String(), "vault_request_id", id)
	for _, found := range lines {
		if found["@message"] == "data keys were used" {
			require.Nil(r.t, line, "once a request")
			line = found
		}
	}
	return line, len(lines)
}

func TestTheDebugLogSaysOnceARequestWhichDataKeysWereCached(t *testing.T) {
	r := newLoggedRig(t, hclog.Debug)
	r.write("keys/a", body{"encryption": "envelope"})
	first := r.encrypt("a", hello)
	r.write("keys/a/rotate", nil)
	r.write("keys/a/rotate", nil)
	third := r.encrypt("a", hello)
	batch := body{"batch_input": []any{body{"ciphertext": first}, body{"ciphertext": third}, body{"ciphertext": first}}}
	line, lines := r.useOf("one", "decrypt/a", batch)
	for field, want := range map[string]any{
		"@level": "debug", "key": "a", "data_keys": 2.0, "hits": 1.0, "kms_calls": 1.0,
		"oldest_version": 1.0, "newest_version": 3.0, "path": "decrypt/a",
	} {
		require.Equal(t, want, line[field], field)
	}
	require.Equal(t, 2, lines, "and the call to KMS")
	line, lines = r.useOf("two", "decrypt/a", batch)
	require.Equal(t, []any{2.0, 2.0, 0.0}, []any{line["data_keys"], line["hits"], line["kms_calls"]})
	require.Equal(t, 1, lines)

	r.write("keys/a/disable", nil)
	line, _ = r.useOf("three", "encrypt/a", body{"plaintext": hello})
	require.Equal(t, []any{1.0, 0.0, 1.0}, []any{line["data_keys"], line["hits"], line["kms_calls"]}, "KMS has refused it")
	line, _ = r.useOf("four", "encrypt/payroll", body{"plaintext": hello})
	require.Nil(t, line, "it is in direct mode")
	line, _ = r.useOf("five", "encrypt/a", body{"plaintext": "?"})
	require.Nil(t, line, "it has asked for none")
}

func TestBelowDebugTheUseOfDataKeysIsNotLogged(t *testing.T) {
	r := newLoggedRig(t, hclog.Info)
	r.write("keys/a", body{"encryption": "envelope"})
	r.encrypt("a", hello)
	require.NotContains(t, r.log.String(), "data keys were used")
	ctx, release := r.backend().holdingDataKeys(t.Context())
	defer release()
	req := r.request(logical.UpdateOperation, "encrypt/a", nil)
	require.Zero(t, fewestAllocations(100, func() { r.backend().logDataKeys(ctx, req) }))
}

func counters(hits, calls, refusals uint64, cached int) map[string]any {
	return map[string]any{"hits": hits, "kms_calls": calls, "refusals": refusals, "cached": cached}
}

func TestHealthCountsTheUsesOfDataKeys(t *testing.T) {
	r := newEnvelopeRig(t, "a", "b")
	r.write("config", body{"cache_ttl": 120})
	counted := func() map[string]any {
		t.Helper()
		health := r.read("health").Data
		require.Equal(t, 120, health["cache_ttl"])
		return health["data_keys"].(map[string]any)
	}
	require.Equal(t, counters(0, 0, 0, 0), counted())
	for range 3 {
		r.encrypt("a", hello)
		r.encrypt("b", hello)
	}
	require.Equal(t, counters(4, 2, 0, 2), counted())

	r.fails(kmsapi.OpDescribeRegions, lost(kmsapi.OpDescribeRegions))
	require.Equal(t, false, r.read("health").Data["kms_reachable"])
	require.Equal(t, 2, counted()["cached"], "also if KMS can't be reached")
	r.kms.before = nil
	r.direct().do(&kmsapi.DisableKeyRequest{KeyId: r.keyID("a")})
	r.later(2 * time.Minute)
	_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 409)
	require.Equal(t, counters(4, 3, 1, 1), counted())
}

func TestBatchAsksOnceForADataKeyThatKMSDoesNotOpen(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	items := make([]any, 200)
	for i := range items {
		items[i] = body{"plaintext": hello}
	}
	for name, failure := range map[string]error{
		"KMS refuses": answered(kmsapi.ErrRejectedDisabled), "KMS throttles": answered(kmsapi.ErrThrottling),
		"KMS can't be reached": lost(kmsapi.OpDecrypt),
	} {
		t.Run(name, func(t *testing.T) {
			before := r.kms.count(kmsapi.OpDecrypt)
			r.fails(kmsapi.OpDecrypt, failure)
			_, err := r.tryWrite("encrypt/a", body{"batch_input": items})
			require.NoError(t, err)
			require.Equal(t, before+1, r.kms.count(kmsapi.OpDecrypt))
			r.kms.before = nil
		})
	}
}
