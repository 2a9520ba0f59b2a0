package edge_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/audit"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/edge"
)

// slowAudit calls during while it writes a line.
type slowAudit struct{ during func() }

func (s slowAudit) Write(audit.Record) error         { s.during(); return nil }
func (s slowAudit) WriteStranger(audit.Record) error { s.during(); return nil }

// noMetrics counts nothing.
type noMetrics struct{}

func (noMetrics) Answered(string, string, kmsapi.Code, time.Duration) {}
func (noMetrics) Panicked()                                           {}

func TestAnAnswerDoesNotLeaveIfTheTermEndsWhileItsAuditLineIsWritten(t *testing.T) {
	ended := false
	e := edge.New(edge.Options{
		MaxBytes: 1 << 10, Unavailable: func(error) bool { return false }, Clock: time.Now, Metrics: noMetrics{},
		Serving: func() error {
			if ended {
				return kmsapi.ErrServiceUnavailable
			}
			return nil
		},
		Audit: slowAudit{func() { ended = true }}, Log: slog.New(slog.DiscardHandler),
	})
	answer := httptest.NewRecorder()
	e.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/no-such-path", nil))
	require.Equal(t, http.StatusServiceUnavailable, answer.Code)
	require.Equal(t, "1", answer.Header().Get("Retry-After"))
}

func TestOnlyWhatPassesAsksForAWait(t *testing.T) {
	for name, tc := range map[string]struct {
		refusal error
		want    string
	}{
		"no node is the active one":   {kmsapi.ErrServiceUnavailable.WithMessage("No node is the active one."), "1"},
		"the request itself is wrong": {kmsapi.ErrKeyNotFound, ""},
		"a bug":                       {errors.New("a bug"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := edge.NewStandby(edge.Options{
				MaxBytes: 1 << 10, Unavailable: func(error) bool { return false }, Clock: time.Now, Metrics: noMetrics{},
				Audit: slowAudit{func() {}}, Log: slog.New(slog.DiscardHandler),
			}, func(context.Context, *http.Request, []byte) (edge.Answer, error) { return edge.Answer{}, tc.refusal })
			got := httptest.NewRecorder()
			s.ServeHTTP(got, httptest.NewRequest(http.MethodGet, "/?Action=ListKeys", nil))
			require.Equal(t, tc.want, got.Header().Get("Retry-After"))
		})
	}
}
