package ops

import (
	"io"
	"net/http"
)

// health answers 200 if requests can be served, and otherwise 503 and why not.
func health(check func() error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if err := check(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n") // The caller has gone if this fails.
	})
}
