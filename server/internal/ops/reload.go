package ops

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

const (
	reloadPath = "/reload"
	// maxReloadRequest and maxReloadAnswer bound how much of each is read, in bytes.
	maxReloadRequest = 16 << 10
	maxReloadAnswer  = 16 << 20
)

// Reload is what a reload of the configuration has changed.
type Reload struct {
	// Config is the path of the configuration file.
	Config string `json:"config"`
	// Changes are the changes that have taken effect.
	Changes []Change `json:"changes"`
	// NeedsRestart are the changes of the file that take effect only at the next start.
	NeedsRestart []Change `json:"needs_restart"`
	// Warnings are about settings that are valid, but probably do not do what is expected.
	Warnings []string `json:"warnings"`
}

// Change is a change of a part of the configuration. It contains no secret.
type Change struct {
	// Part is, for example, `access_key "LTAIpayroll"` or `rate_limits.crypto`.
	Part string `json:"part"`
	// What is, for example, "added" or "1000 → 2000".
	What string `json:"what"`
}

// String returns, for example, `access_key "LTAIpayroll": added`.
func (c Change) String() string { return c.Part + ": " + c.What }

// ErrOtherConfig reports that a service was started with a configuration file other than the one in the request.
var ErrOtherConfig = errors.New("the service was started with another configuration file")

// reloadRequest is the body of POST /reload.
type reloadRequest struct {
	// Config is the absolute path of the file that the caller means.
	Config string `json:"config"`
}

// refused is the body of an answer that is not 200.
type refused struct {
	Error string `json:"error"`
}

// reload answers POST /reload once the configuration is reloaded or found to be invalid. If the caller means a file
// other than the service's, nothing is reloaded.
func reload(run func(file string) (Reload, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked reloadRequest
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReloadRequest)).Decode(&asked); err != nil {
			answer(w, http.StatusBadRequest, refused{err.Error()})
			return
		}
		report, err := run(asked.Config)
		switch {
		case errors.Is(err, ErrOtherConfig):
			answer(w, http.StatusConflict, refused{err.Error()})
		case err != nil:
			answer(w, http.StatusUnprocessableEntity, refused{err.Error()})
		default:
			answer(w, http.StatusOK, report)
		}
	})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // The caller has gone if this fails.
}

// RequestReload asks the service that listens on socket to reload its configuration file, which must be the one at the
// absolute path file, and waits for the result. An error that wraps [ErrNoService] or [ErrNotAllowed] means that the
// service was not reached, and one that wraps [ErrNoAnswer] that it may or may not have reloaded. After any other error
// the service has kept its configuration.
func RequestReload(ctx context.Context, socket, file string) (Reload, error) {
	body, err := json.Marshal(reloadRequest{file})
	if err != nil {
		return Reload{}, err
	}
	response, err := ask(ctx, socket, reloadPath, bytes.NewReader(body))
	if err != nil {
		return Reload{}, err
	}
	defer func() { _ = response.Body.Close() }() // It was only read.
	text, err := io.ReadAll(io.LimitReader(response.Body, maxReloadAnswer))
	if err != nil {
		return Reload{}, fmt.Errorf("socket %s: %w: the answer broke off: %w", socket, ErrNoAnswer, err)
	}
	if response.StatusCode == http.StatusOK {
		var report Reload
		if err := json.Unmarshal(text, &report); err != nil {
			return Reload{}, fmt.Errorf("socket %s: %w: its answer can't be read: %w", socket, ErrNoAnswer, err)
		}
		return report, nil
	}
	return Reload{}, refusal(response, text)
}

// refusal returns why nothing was reloaded.
func refusal(response *http.Response, text []byte) error {
	var why refused
	switch err := json.Unmarshal(text, &why); {
	case response.StatusCode == http.StatusNotFound:
		return errors.New("the running service is of a version that can't be asked to reload; send it SIGHUP")
	case err != nil || why.Error == "":
		return fmt.Errorf("%w: it answered %s", ErrNoAnswer, response.Status)
	case response.StatusCode == http.StatusConflict:
		return &otherConfig{why.Error}
	default:
		return errors.New(why.Error)
	}
}

// otherConfig is an [ErrOtherConfig] reported by a service.
type otherConfig struct{ text string }

func (e *otherConfig) Error() string { return e.text }
func (e *otherConfig) Unwrap() error { return ErrOtherConfig }
