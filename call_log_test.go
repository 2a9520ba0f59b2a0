package alicloudkms

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// newLoggedRig is a key rig with the key payroll, whose log is JSON and begins at level.
func newLoggedRig(t *testing.T, level hclog.Level) *rig {
	t.Helper()
	r := newRig(t)
	conf := logical.TestBackendConfig()
	conf.System, conf.StorageView = logical.TestSystemView(), r.storage
	conf.Logger = hclog.New(&hclog.LoggerOptions{Level: level, Output: r.log, JSONFormat: true})
	b, err := newBackend(t.Context(), conf, r.process())
	require.NoError(t, err)
	r.b = b
	r.write("config", goodConfig())
	r.write("keys/payroll", nil)
	return r
}

// linesWith returns the lines of a log in which a field has a value.
func linesWith(t *testing.T, log, field, value string) (found []map[string]any) {
	t.Helper()
	for line := range strings.Lines(log) {
		var fields map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &fields))
		if fields[field] == value {
			found = append(found, fields)
		}
	}
	return found
}

func TestTheDebugLogJoinsVaultsAuditLogWithThatOfKMS(t *testing.T) {
	r := newLoggedRig(t, hclog.Debug)
	ciphertext := r.encrypt("payroll", hello)
	for _, tc := range []struct {
		path    string
		data    body
		message string
	}{
		{"keys/invoices", nil, "KMS answered"},
		{"encrypt/payroll", body{"plaintext": hello}, "KMS answered"},
		{"decrypt/payroll", body{"ciphertext": ciphertext}, "KMS answered"},
		{"datakey/wrapped/payroll", nil, "KMS answered"},
		{"keys/payroll/disable", nil, "KMS answered"},
		{"encrypt/payroll", body{"plaintext": hello}, "KMS refused"},
	} {
		req := r.request(logical.UpdateOperation, tc.path, tc.data)
		req.ID = "vault's " + tc.path + " " + tc.message
		_, _ = r.b.HandleRequest(t.Context(), req)
		calls := linesWith(t, r.log.String(), "vault_request_id", req.ID)
		require.Len(t, calls, 1, tc.path)
		audit, err := os.ReadFile(r.kms.service().Config().Audit.File)
		require.NoError(t, err)
		served := linesWith(t, string(audit), "request_id", calls[0]["request_id"].(string))
		require.Len(t, served, 1, tc.path)

		require.Equal(t, "debug", calls[0]["@level"])
		require.Equal(t, tc.message, calls[0]["@message"])
		require.Equal(t, tc.path, calls[0]["path"])
		require.Positive(t, calls[0]["duration_us"])
		require.NotEmpty(t, calls[0]["key_id"])
		for _, field := range []string{"operation", "key_id"} {
			require.Equal(t, served[0][field], calls[0][field], "%s of %s", field, tc.path)
		}
		if tc.message == "KMS refused" {
			require.Equal(t, served[0]["code"], calls[0]["code"])
		}
	}
}

func TestBelowDebugACallIsNotLoggedAndTakesNoMemoryForIt(t *testing.T) {
	r := newLoggedRig(t, hclog.Info)
	r.encrypt("payroll", hello)
	require.Empty(t, linesWith(t, r.log.String(), "@message", "KMS answered"))

	b, req := r.backend(), r.request(logical.UpdateOperation, "encrypt/payroll", nil)
	conn, err := b.connection(t.Context(), req)
	require.NoError(t, err)
	ctx, q, answer := t.Context(), kmsapi.Request(&kmsapi.EncryptRequest{}), kmsapi.Response(&kmsapi.EncryptResponse{})
	require.Zero(t, fewestAllocations(100, func() {
		conn.logCall(b.traced(ctx, req), conn.startTimer(), q, answer, nil)
	}))
}
