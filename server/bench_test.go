package server_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// quiet takes an answer as net/http would, and keeps only its status: what is measured is the service.
type quiet struct {
	header http.Header
	status int
}

func (q *quiet) Header() http.Header            { return q.header }
func (q *quiet) WriteHeader(status int)         { q.status = status }
func (q *quiet) Write(body []byte) (int, error) { return len(body), nil }

// benchmark answers signed requests, one after another, with all that the service does to one: signature, nonce, audit line.
func (l *lab) benchmark(b *testing.B, action string, pairs ...string) {
	forms := make([]string, b.N)
	for i := range forms {
		forms[i] = l.signed(action, pairs...).Form()
	}
	r := request(http.MethodPost, "/", "", nil).WithContext(b.Context())
	answer := &quiet{header: http.Header{}}
	b.ReportAllocs()
	b.ResetTimer()
	for _, form := range forms {
		r.Body = readCloser{strings.NewReader(form)}
		l.service.ServeHTTP(answer, r)
	}
	b.StopTimer()
	require.Equal(b, http.StatusOK, answer.status)
}

// BenchmarkRequest measures requests without the network.
func BenchmarkRequest(b *testing.B) {
	l := newLab(b, nil)
	id := l.createKey()
	context := `{"app":"payroll"}`
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0", "EncryptionContext", context).CiphertextBlob
	for _, bc := range []struct {
		action string
		pairs  []string
	}{
		{"Encrypt", []string{"KeyId", id, "Plaintext", "c2VjcmV0", "EncryptionContext", context}},
		{"Decrypt", []string{"CiphertextBlob", blob, "EncryptionContext", context}},
		{"GenerateDataKey", []string{"KeyId", id}},
		{"DescribeKey", []string{"KeyId", id}},
	} {
		b.Run(bc.action, func(b *testing.B) { l.benchmark(b, bc.action, bc.pairs...) })
	}
}
