package server_test

import (
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func (w *wire) page() string {
	w.t.Helper()
	status, text := w.observe(http.MethodGet, "/")
	require.Equal(w.t, http.StatusOK, status)
	return text
}

func TestThePageShowsWhatOperatorsLookForAndNothingElse(t *testing.T) {
	ops := withOps(t)
	w := configured(t, func(c *server.Config) {
		ops(c)
		c.RateLimits.ListTags = 1
	})
	id := w.createKey("Description", "private-note")
	w.must("CreateAlias", "KeyId", id, "AliasName", "alias/private-alias")
	w.must("TagResource", "KeyId", id, "Tags", `[{"TagKey":"private-key","TagValue":"private-tag"}]`)
	deleted := w.createKey()
	w.must("ScheduleKeyDeletion", "KeyId", deleted, "PendingWindowInDays", "7")
	w.createSecret("private/secret")
	w.must("DeleteSecret", "SecretName", "private/secret", "RecoveryWindowInDays", "7")
	w.untilThrottled("ListResourceTags", "KeyId", id)
	page := w.page()
	for _, shown := range []string{
		"<title>ok · KMS service</title>", "123456", "cn-hangzhou", deleted, "key deleted", "secret deleted",
		"Rejected.Throttling", "kst-dev", "takes writes", "storage layout 4", "list tags",
	} {
		require.Contains(t, page, shown)
	}
	for _, hidden := range []string{"private", id, w.kms.AccessKeyID, w.kms.AccessKeySecret.Reveal(), w.kms.DataDir} {
		require.NotContains(t, page, hidden)
	}
}

func TestThePageIsReadOnlyAndLoadsNothing(t *testing.T) {
	w := configured(t, withOps(t))
	answer := func(method, host string) *http.Response {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://"+w.kms.OpsAddress()+"/", nil)
		require.NoError(t, err)
		if host != "" {
			req.Host = host
		}
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		resp := answer(method, "")
		require.Equal(t, http.StatusOK, resp.StatusCode)
		require.Regexp(t, `^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; img-src data:; base-uri 'none'; `+
			`form-action 'none'; frame-ancestors 'none'$`, resp.Header.Get("Content-Security-Policy"))
		require.Equal(t, "nosniff", resp.Header.Get("X-Content-Type-Options"))
		require.Equal(t, "no-store", resp.Header.Get("Cache-Control"))
		require.Equal(t, "no-referrer", resp.Header.Get("Referrer-Policy"))
		require.Equal(t, "same-origin", resp.Header.Get("Cross-Origin-Resource-Policy"))
	}
	for _, host := range []string{"localhost:9180", "LOCALHOST", "127.0.0.1", "[::1]:9180", "10.0.0.7:80"} {
		require.Equal(t, http.StatusOK, answer(http.MethodGet, host).StatusCode, host)
	}
	// Host names of foreign pages that resolve to this machine after the page was loaded (DNS rebinding).
	for _, host := range []string{
		"evil.example", "evil.example:9180", "127.0.0.1.evil.example", "localhost.evil.example",
	} {
		require.Equal(t, http.StatusMisdirectedRequest, answer(http.MethodGet, host).StatusCode, host)
	}
}

func TestThePageStopsLoadingItselfAgainIfItIsAskedTo(t *testing.T) {
	w := configured(t, withOps(t))
	const refresh = `<meta http-equiv="refresh" content="30">`
	require.Contains(t, w.page(), refresh)
	require.Contains(t, w.page(), `<a href="?refresh=off">stop</a>`)
	status, page := w.observe(http.MethodGet, "/?refresh=off")
	require.Equal(t, http.StatusOK, status)
	require.NotContains(t, page, refresh)
	require.Contains(t, page, `<a href="/">refresh every 30 s</a>`)
}

func TestThePageSaysWhyTheServiceIsDegraded(t *testing.T) {
	const degraded = "<title>degraded · KMS service</title>"
	t.Run("the audit log", func(t *testing.T) {
		ops := withOps(t)
		w := configured(t, func(c *server.Config) {
			ops(c)
			c.Audit.File = "/dev/full" // a device on which every write fails
		})
		require.NotContains(t, w.page(), degraded, "nothing has failed yet")
		w.do("ListKeys")
		page := w.page()
		require.Contains(t, page, degraded)
		require.Contains(t, page, "Audit lines can&#39;t be written")
	})
	t.Run("a stale configuration", func(t *testing.T) {
		w := configured(t, withOps(t))
		require.Error(t, w.kms.Reload(func(c *server.Config) { c.RateLimits = &server.RateLimits{Read: -2} }))
		page := w.page()
		require.Contains(t, page, degraded)
		require.Contains(t, page, "reloads have failed since "+w.kms.Now().UTC().Format("2006-01-02 "))
		require.NoError(t, w.kms.Reload(func(c *server.Config) { c.RateLimits = nil }))
		require.NotContains(t, w.page(), degraded)
	})
	t.Run("the store", func(t *testing.T) {
		dev, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
		require.NoError(t, err)
		withOps(t)(&dev.Config)
		broken := false
		s, err := server.Start(dev.Config, server.Options{}.WithCommit(func(_ int, commit func() error) error {
			if broken {
				return errors.New("the disk is <gone>")
			}
			return commit()
		}))
		require.NoError(t, err)
		defer s.Close()
		broken = true
		require.Error(t, s.FailACommit(t.Context()))
		_, page := observe(t, s.OpsAddress(), http.MethodGet, "/")
		require.Contains(t, page, degraded)
		require.Contains(t, page, "the disk is &lt;gone&gt;")
	})
	t.Run("a certificate", func(t *testing.T) {
		w := configured(t, withOps(t))
		w.kms.Advance(355 * day)
		page := w.page()
		require.NotContains(t, page, degraded)
		require.Contains(t, page, "The certificate of gateway shared expires in ")
		w.kms.Advance(20 * day)
		page = w.page()
		require.Contains(t, page, degraded)
		require.Contains(t, page, "The certificate of gateway shared has expired.")
	})
}

func TestThePageCountsWhatALimitHasSeen(t *testing.T) {
	ops := withOps(t)
	w := configured(t, func(c *server.Config) {
		ops(c)
		c.RateLimits.Read = 5
	})
	require.Contains(t, w.page(), "No request has counted against a limit.")
	for range 30 {
		w.do("ListKeys")
	}
	require.Regexp(t, `123456 <span>cn-hangzhou</span></th><td class="word" data-label="Class">read</td>`, w.page())
	w.kms.Advance(3 * time.Minute)
	require.Regexp(t, `data-label="Class">read</td><td class="n" data-label="Rate">0</td>`, w.page(), "it was long ago")
}
