package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Allocations are counted, not timed: a count is the same on every machine, so it may fail a test. These bounds are
// some more than what BenchmarkRequest shows, since under the race detector pools lose a part of what they are given.
func TestARequestTakesFewAllocations(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0",
		"EncryptionContext", `{"app":"payroll"}`).CiphertextBlob
	for _, tc := range []struct {
		action string
		pairs  []string
		most   float64
	}{
		{"Encrypt", []string{"KeyId", id, "Plaintext", "c2VjcmV0", "EncryptionContext", `{"app":"payroll"}`}, 120},
		{"Decrypt", []string{"CiphertextBlob", blob, "EncryptionContext", `{"app":"payroll"}`}, 125},
		{"GenerateDataKey", []string{"KeyId", id}, 120},
		{"GenerateDataKeyWithoutPlaintext", []string{"KeyId", id}, 120},
		{"GenerateAndExportDataKey", append(toRecipient(), "KeyId", id), 160},
		{"ExportDataKey", append(toRecipient(), "CiphertextBlob", blob, "EncryptionContext", `{"app":"payroll"}`), 165},
		{
			"ReEncrypt",
			[]string{"CiphertextBlob", blob, "SourceEncryptionContext", `{"app":"payroll"}`, "DestinationKeyId", id},
			170,
		},
		{"DescribeKey", []string{"KeyId", id}, 90},
	} {
		t.Run(tc.action, func(t *testing.T) {
			const runs = 100
			forms := make([]string, runs+1) // It runs once more than it counts.
			for i := range forms {
				forms[i] = l.signed(tc.action, tc.pairs...).Form()
			}
			r, answer, next := request(http.MethodPost, "/", "", nil).WithContext(t.Context()), &quiet{header: http.Header{}}, 0
			got := testing.AllocsPerRun(runs, func() {
				r.Body = readCloser{strings.NewReader(forms[next])}
				l.service.ServeHTTP(answer, r)
				next++
			})
			require.Equal(t, http.StatusOK, answer.status)
			require.LessOrEqual(t, got, tc.most)
		})
	}
}
