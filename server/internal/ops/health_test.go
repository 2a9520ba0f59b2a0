package ops

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The statuses lack the functions that read more, so calling one would panic: health is checked every second, even in a
// service with many keys.
func TestHealthLooksForNothing(t *testing.T) {
	broken := errors.New("broken")
	stale := "ok\nThe configuration is stale: reloads have failed since 2026-11-22T09:00:00Z; the log says why.\n"
	for name, tc := range map[string]struct {
		status Status
		code   int
		text   string
	}{
		"all is well":         {Status{}, http.StatusOK, "ok\n"},
		"stale":               {Status{StaleSince: now.In(time.FixedZone("", 3600))}, http.StatusOK, stale},
		"the store":           {Status{StoreErr: broken}, http.StatusServiceUnavailable, "broken\n"},
		"the store and stale": {Status{StoreErr: broken, StaleSince: now}, http.StatusServiceUnavailable, "broken\n"},
		"the audit log": {
			Status{AuditErr: errors.New("full"), RetryAudit: func() error { return broken }},
			http.StatusServiceUnavailable, "broken\n",
		},
		"the audit log has recovered": {
			Status{AuditErr: broken, RetryAudit: func() error { return nil }}, http.StatusOK, "ok\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			answer := httptest.NewRecorder()
			health(func() Status { return tc.status }).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/healthz", nil))
			require.Equal(t, tc.code, answer.Code)
			require.Equal(t, tc.text, answer.Body.String())
		})
	}
}
