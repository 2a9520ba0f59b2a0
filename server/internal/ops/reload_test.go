package ops

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// serve answers on a socket until the test ends.
func serve(t *testing.T, handler http.Handler) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "kms-") // The path of a socket in it must be short.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	socket = filepath.Join(dir, "sock")
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { require.NoError(t, server.Close()) })
	return socket
}

func TestAReloadsReportGoesThroughTheSocketAsItIs(t *testing.T) {
	want := Reload{
		Config: "/etc/kms.hcl", Changes: []Change{{`access_key "<one>"`, "added"}}, NeedsRestart: []Change{},
		Warnings: []string{"a\nb"},
	}
	asked := ""
	socket := serve(t, controls(Options{Reload: func(file string) (Reload, error) {
		asked = file
		return want, nil
	}}))
	got, err := RequestReload(t.Context(), socket, "/etc/other name.hcl")
	require.NoError(t, err)
	require.Equal(t, want, got)
	require.Equal(t, "/etc/other name.hcl", asked)
}

func TestWhyNothingWasReloaded(t *testing.T) {
	for _, tc := range []struct {
		name    string
		handler http.Handler
		want    string
	}{
		{"a fault", reload(func(string) (Reload, error) { return Reload{}, errors.New("one\ntwo") }), "one\ntwo"},
		{
			"another file",
			reload(func(string) (Reload, error) { return Reload{}, fmt.Errorf("%w: that", ErrOtherConfig) }),
			"the service was started with another configuration file: that",
		},
		{
			"a service that has no reload", http.NotFoundHandler(),
			"the running service is of a version that can't be asked to reload; send it SIGHUP",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := RequestReload(t.Context(), serve(t, tc.handler), "/etc/kms.hcl")
			require.EqualError(t, err, tc.want)
			require.Equal(t, tc.name == "another file", errors.Is(err, ErrOtherConfig))
			require.NotErrorIs(t, err, ErrNoAnswer)
		})
	}
}

// The command or the service may end meanwhile: then it is not known whether the configuration was reloaded.
func TestAServiceThatDoesNotSayWhetherItHasReloaded(t *testing.T) {
	for name, tc := range map[string]struct {
		handler http.HandlerFunc
		want    string
	}{
		"another answer": {
			func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) },
			"it answered 418 I'm a teapot",
		},
		"no report": {
			func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("{")) },
			"its answer can't be read: unexpected end of JSON input",
		},
		"none": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		"half of one": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("{"))
		}, "the answer broke off: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := RequestReload(t.Context(), serve(t, tc.handler), "/etc/kms.hcl")
			require.ErrorIs(t, err, ErrNoAnswer)
			require.ErrorContains(t, err, "the service did not report the result: "+tc.want)
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	_, err := RequestReload(ctx, serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	})), "/etc/kms.hcl")
	require.ErrorIs(t, err, ErrNoAnswer)
	require.ErrorIs(t, err, context.Canceled)
}

func TestARequestThatIsNoneReloadsNothing(t *testing.T) {
	socket := serve(t, controls(Options{Reload: func(string) (Reload, error) {
		t.Error("reloaded")
		return Reload{}, nil
	}}))
	for _, body := range []string{"", "{", strings.Repeat(" ", maxReloadRequest+1) + "{}"} {
		response, err := ask(t.Context(), socket, reloadPath, strings.NewReader(body))
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, http.StatusBadRequest, response.StatusCode)
	}
}
