package server_test

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// lab is a service that tests call directly, without a network, on a clock that only the test moves. A [wire] shows
// that a client is served; a lab can answer thousands of requests, take requests that no client would send, and have
// its commits fail. It is for one goroutine.
type lab struct {
	// t is the test that currently uses the lab.
	t       testing.TB
	config  server.Config
	service *server.Service
	// caller is the access key that signs requests. It is the account's only one unless the test adds others.
	caller signature.Credentials
	now    time.Time
	nonces int
	log    testlog.Buffer
	// adjust changes the options of the service when it is opened, unless it is nil.
	adjust func(server.Options) server.Options
	// commit replaces every commit while it is not nil.
	commit func(commit func() error) error
}

// newLab opens a service. change, unless it is nil, changes its configuration first.
func newLab(t testing.TB, change func(*server.Config)) *lab {
	dev, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	none := -1
	dev.Config.Quotas = &server.Quotas{Keys: none, Aliases: none}
	if change != nil {
		change(&dev.Config)
	}
	l := &lab{
		t: t, config: dev.Config,
		caller: signature.Credentials{AccessKeyID: dev.AccessKeyID, AccessKeySecret: dev.AccessKeySecret},
		// In the middle of a second: timestamps are cut to seconds, so none is ahead of the clock, which would store
		// its nonce.
		now: time.Date(2026, 11, 22, 9, 0, 0, 5e8, time.UTC),
	}
	l.open()
	t.Cleanup(func() {
		l.t = t
		l.close()
	})
	return l
}

func (l *lab) open() {
	l.t.Helper()
	require.NoError(l.t, l.tryOpen())
}

// tryOpen is open for a service that may fail to start.
func (l *lab) tryOpen() error {
	o := server.Options{Logger: slog.New(slog.NewTextHandler(&l.log, nil)), Clock: func() time.Time { return l.now }}
	if _, measured := l.t.(*testing.B); !measured {
		o = o.WithUpdatesRunTwice() // As an engine with optimistic transactions may do.
	}
	if l.adjust != nil {
		o = l.adjust(o)
	}
	service, err := server.Open(l.config, o.WithCommit(func(_ int, commit func() error) error {
		if l.commit != nil {
			return l.commit(commit)
		}
		return commit()
	}))
	if err == nil {
		l.service = service
	}
	return err
}

func (l *lab) close() { require.NoError(l.t, l.service.Close()) }

// restart closes the service and opens it a second later, since earlier timestamps are refused as possible replays.
func (l *lab) restart() {
	l.t.Helper()
	l.close()
	l.open()
	l.now = l.now.Add(time.Second)
}

// signed returns the parameters of an operation, signed for POST.
func (l *lab) signed(action string, pairs ...string) kmsapi.Params {
	l.nonces++
	params := kmsapi.Params{{Name: "Action", Value: action}}
	for i := 0; i < len(pairs); i += 2 {
		params = params.Add(pairs[i], pairs[i+1])
	}
	return signature.SignV1(http.MethodPost, params, l.caller, fmt.Sprintf("nonce-%d", l.nonces), l.now)
}

// request returns a request as net/http would pass it to the service. Nothing in it need make sense.
func request(method, path, query string, header http.Header) *http.Request {
	if header == nil {
		header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	}
	return &http.Request{
		Method: method, URL: &url.URL{Path: path, RawQuery: query}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Host: "kms.example.com", RemoteAddr: "192.0.2.7:1234",
	}
}

// send returns the service's answer to r with the given body.
func (l *lab) send(r *http.Request, body string) answer {
	l.t.Helper()
	return l.answered(l.service, r, body)
}

// sendTo posts a form body to the dedicated gateway of a KMS instance, or to the shared gateway if that is "".
func (l *lab) sendTo(instance, form string) answer {
	l.t.Helper()
	return l.answered(l.service.Gateway(instance), request(http.MethodPost, "/", "", nil), form)
}

func (l *lab) answered(handler http.Handler, r *http.Request, body string) answer {
	l.t.Helper()
	r.Body = readCloser{strings.NewReader(body)}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r.WithContext(l.t.Context()))
	got := answer{status: recorder.Code, header: recorder.Header(), body: recorder.Body.Bytes()}
	if strings.HasPrefix(got.header.Get("Content-Type"), "text/xml") {
		require.NoError(l.t, xml.Unmarshal(got.body, &got), "body: %s", got.body)
	} else {
		require.NoError(l.t, json.Unmarshal(got.body, &got), "body: %s", got.body)
	}
	require.NotEmpty(l.t, got.RequestId, "every answer has an id")
	return got
}

type readCloser struct{ *strings.Reader }

func (readCloser) Close() error { return nil }

// post sends a form body.
func (l *lab) post(form string) answer {
	l.t.Helper()
	return l.send(request(http.MethodPost, "/", "", nil), form)
}

// do signs and posts an operation.
func (l *lab) do(action string, pairs ...string) answer {
	l.t.Helper()
	return l.post(l.signed(action, pairs...).Form())
}

// must is do for an operation that must succeed.
func (l *lab) must(action string, pairs ...string) answer {
	l.t.Helper()
	got := l.do(action, pairs...)
	require.Equal(l.t, http.StatusOK, got.status, "%s: %s", action, got.body)
	return got
}

func (l *lab) createKey(pairs ...string) string {
	l.t.Helper()
	return l.must("CreateKey", pairs...).KeyMetadata.KeyId
}

// auditLines returns the lines of the audit log.
func (l *lab) auditLines() []map[string]any {
	l.t.Helper()
	text, err := os.ReadFile(l.config.Audit.File)
	require.NoError(l.t, err)
	var lines []map[string]any
	for line := range strings.Lines(string(text)) {
		var fields map[string]any
		require.NoError(l.t, json.Unmarshal([]byte(line), &fields), "line: %q", line)
		lines = append(lines, fields)
	}
	return lines
}

// into decodes an answer's body.
func (a answer) into(t testing.TB, v any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(a.body, v), "body: %s", a.body)
}
