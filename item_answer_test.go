package alicloudkms

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
)

var answers = map[string]struct {
	answer itemAnswer
	single map[string]any
	result string
}{
	"a ciphertext": {
		itemAnswer{ciphertext: "vault:v2:QUI+", keyVersion: 2},
		body{"ciphertext": "vault:v2:QUI+", "key_version": 2},
		`{"ciphertext":"vault:v2:QUI+","key_version":2,"reference":"r"}`,
	},
	"a data key": {
		itemAnswer{ciphertext: "vault:v1:QUI=", keyVersion: 1, plaintext: new("QUJD")},
		body{"ciphertext": "vault:v1:QUI=", "key_version": 1, "plaintext": "QUJD"},
		`{"ciphertext":"vault:v1:QUI=","key_version":1,"plaintext":"QUJD","reference":"r"}`,
	},
	"a plaintext": {
		itemAnswer{plaintext: new("QUJD")},
		body{"plaintext": "QUJD"},
		`{"plaintext":"QUJD","reference":"r"}`,
	},
	"an empty plaintext": {
		itemAnswer{plaintext: new("")},
		body{"plaintext": ""},
		`{"plaintext":"","reference":"r"}`,
	},
	"a signature": {
		itemAnswer{signature: "vault:v3:QUJD", keyVersion: 3},
		body{"signature": "vault:v3:QUJD", "key_version": 3},
		`{"key_version":3,"reference":"r","signature":"vault:v3:QUJD"}`,
	},
	"an HMAC": {
		itemAnswer{hmac: "vault:v1:QUJD"},
		body{"hmac": "vault:v1:QUJD"},
		`{"hmac":"vault:v1:QUJD","reference":"r"}`,
	},
	"right":    {itemAnswer{valid: new(true)}, body{"valid": true}, `{"reference":"r","valid":true}`},
	"wrong":    {itemAnswer{valid: new(false)}, body{"valid": false}, `{"reference":"r","valid":false}`},
	"warnings": {itemAnswer{warnings: []string{"a", "<b>"}}, body{}, `{"reference":"r","warnings":"a; \u003cb\u003e"}`},
}

func TestAnswerToASingleItem(t *testing.T) {
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			resp := c.answer.response()
			require.Equal(t, c.single, resp.Data)
			require.Equal(t, c.answer.warnings, resp.Warnings)
		})
	}
}

// These are the bytes that clients in any language see. Maps with the same fields encode to the same bytes.
func TestBytesOfABatchResult(t *testing.T) {
	r := newKeyRig(t)
	for name, c := range answers {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.result, encodedResult(t, r, itemResult{reference: "r", answer: c.answer}))
			var fields map[string]any
			require.NoError(t, json.Unmarshal([]byte(c.result), &fields))
			sorted, err := json.Marshal(fields)
			require.NoError(t, err)
			require.Equal(t, c.result, string(sorted))
		})
	}
	t.Run("without a reference", func(t *testing.T) {
		got := encodedResult(t, r, itemResult{answer: answers["right"].answer})
		require.Equal(t, `{"reference":"","valid":true}`, got)
	})
}

// encodedResult returns the JSON of one result, as Vault's plugin system encodes it.
func encodedResult(t *testing.T, r *rig, result itemResult) string {
	t.Helper()
	request := r.request(logical.UpdateOperation, "encrypt/a", nil)
	resp, err := r.backend().batchResponse(request, nil, []itemResult{result}, statusOfFailures)
	require.NoError(t, err)
	encoded, err := json.Marshal(resp.Data["batch_results"])
	require.NoError(t, err)
	return string(encoded[1 : len(encoded)-1])
}

func TestBytesOfABatchInWhichAnItemFailed(t *testing.T) {
	r := newKeyRig(t, "a")
	request := r.request(logical.UpdateOperation, "encrypt/a", nil)
	// An error drops everything else about the item.
	failed := itemResult{reference: "f", err: refusal.BadRequest("no"), answer: itemAnswer{plaintext: new("QUJD")}}
	resp, err := r.backend().batchResponse(request, &framework.FieldData{Schema: batchFields(encryptItem)}, []itemResult{
		{reference: "r", answer: answers["a ciphertext"].answer}, failed, {err: errors.New("<>")},
	}, statusOfFailures)
	require.NoError(t, err)
	require.Contains(t, resp.Data[logical.HTTPRawBody], `"data":{"batch_results":[`+
		`{"ciphertext":"vault:v2:QUI+","key_version":2,"reference":"r"},`+
		`{"error":"no","reference":"f"},{"error":"\u003c\u003e","reference":""}]}`)
}
