package ops

import (
	"io"
	"net/http"
	"time"
)

// health answers 200 if requests can be served, and otherwise 503 and why not. A stale configuration is mentioned but
// is no reason for 503: a restart because of it would replace a service that works with one that can't start. What is
// wrong with the configuration is only for operators, so it is in the log. Certificates that have expired or expire
// soon are mentioned too: no restart renews them.
func health(status func() Status) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s := status()
		if err := s.health(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		text := "ok\n"
		if since := s.StaleSince; !since.IsZero() {
			text += "The configuration is stale: reloads have failed since " + since.UTC().Format(time.RFC3339) +
				"; the log says why.\n"
		}
		for _, note := range append(s.expiredNotes(), s.expiryNotes()...) {
			text += note + "\n"
		}
		_, _ = io.WriteString(w, text) // The caller has gone if this fails.
	})
}
