package alicloudkms

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// The statuses are transit's, whose batches on these paths report a faulty item in its place, with 200.
func TestStatusOfABatchThatSignsVerifiesOrMakesHMACs(t *testing.T) {
	good, bad := object("input", hello), object("input", "not base64!")
	forged, odd := object("input", hello, "signature", "vault:v9:AAAA"), object("input", hello, "hmac", "x")
	disabled := answered(kmsapi.ErrRejectedDisabled)
	for name, c := range map[string]struct {
		path   string
		items  []any
		more   map[string]any
		kms    error
		status int
		failed int
	}{
		"an item is not base64": {"sign/pair", []any{good, bad}, nil, nil, 200, 1},
		"no item is":            {"sign/pair", []any{bad, bad}, nil, nil, 200, 2},
		"another status is asked for": {
			"sign/pair", []any{good, bad}, body{"partial_failure_response_code": 207}, nil, 207, 1,
		},
		"a hash function no item chose":   {"sign/pair", []any{good}, body{"hash_algorithm": "md5"}, nil, 400, 1},
		"a version no item chose":         {"sign/pair", []any{good}, body{"key_version": 7}, nil, 400, 1},
		"a key that does not sign":        {"sign/a", []any{good, bad}, nil, nil, 400, 2},
		"KMS refuses":                     {"sign/pair", []any{good, good}, nil, disabled, 400, 2},
		"KMS refuses, and an item is bad": {"sign/pair", []any{good, bad}, nil, disabled, 400, 2},
		"KMS fails":                       {"sign/pair", []any{good}, nil, lost(kmsapi.OpAsymmetricSign), 502, 1},
		"a signature of no version":       {"verify/pair", []any{forged}, nil, nil, 200, 1},
		"an HMAC that is none":            {"verify/a", []any{odd}, nil, nil, 200, 1},
		"an item of an HMAC":              {"hmac/a", []any{good, bad}, nil, nil, 200, 1},
		"a key without a data key":        {"hmac/direct", []any{good}, nil, nil, 400, 1},
		"an unknown function":             {"hmac/a/md5", []any{good}, nil, nil, 400, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "direct")
			r.makeKey("a", body{"encryption": "envelope"})
			r.makeKey("pair", body{"type": "ecdsa-p256"})
			if c.kms != nil {
				r.kms.before = func(context.Context, kmsapi.Request) error { return c.kms }
			}
			status, results := r.batch(c.path, c.items, c.more)
			require.Equal(t, c.status, status)
			failed := 0
			for _, result := range results {
				if result["error"] != nil {
					failed++
				}
			}
			require.Equal(t, c.failed, failed)
		})
	}
}
