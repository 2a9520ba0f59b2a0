package server_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// shortDir returns a new folder whose path is short enough for a socket.
func shortDir(t *testing.T) string {
	dir, err := os.MkdirTemp("", "kms-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return dir
}

func withOps(t *testing.T) func(*server.Config) {
	socket := filepath.Join(shortDir(t), "sock")
	return func(c *server.Config) {
		c.Ops = &server.OpsConfig{Address: "127.0.0.1:0", Socket: socket}
	}
}

func (w *wire) observe(method, path string) (status int, text string) {
	w.t.Helper()
	return observe(w.t, w.kms.OpsAddress(), method, path)
}

// observe sends a request to the operators' address of a service.
func observe(t testing.TB, address, method, path string) (status int, text string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+path, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}

func (w *wire) metrics() string {
	w.t.Helper()
	status, text := w.observe(http.MethodGet, "/metrics")
	require.Equal(w.t, http.StatusOK, status)
	return text
}

// untilThrottled sends an operation until its rate limit refuses it, and returns how often it was served. On a slow
// machine, a limit of one a second lets more than one pass.
func (w *wire) untilThrottled(action string, pairs ...string) (served int) {
	w.t.Helper()
	for ; ; served++ {
		got := w.do(action, pairs...)
		if got.Code == kmsapi.ErrThrottling.Code {
			return served
		}
		require.Equal(w.t, http.StatusOK, got.status, "%s: %s", action, got.body)
	}
}

func TestMetricsCountWhatWasDone(t *testing.T) {
	ops := withOps(t)
	w := configured(t, func(c *server.Config) {
		ops(c)
		c.RateLimits.ListTags = 1
	})
	text := w.metrics()
	for _, operation := range server.Operations() {
		require.Contains(t, text, `alicloudkms_requests_total{action="`+string(operation)+`",code="OK"} 0`,
			"every operation begins at zero")
		require.Contains(t, text, `alicloudkms_operation_info{action="`+string(operation)+`",class="`+
			string(operation.RateClass())+`"} 1`, "an operation has the class of its limit")
	}
	id := w.createKey()
	w.createKey("Origin", "EXTERNAL")
	w.do("DescribeKey", "KeyId", "nothing")
	create := w.signed(http.MethodPost, "CreateKey")
	w.post(create)
	w.post(create)
	w.createSecret("db/password")
	w.createSecret("api/token")
	w.must("DeleteSecret", "SecretName", "api/token")
	listed := w.untilThrottled("ListResourceTags", "KeyId", id)
	for _, name := range []string{"DropAllKeys", "Nonsense", "\"}\nfake 1"} {
		w.do(name)
	}
	text = w.metrics()
	for _, line := range []string{
		`alicloudkms_requests_total{action="CreateKey",code="OK"} 3`,
		`alicloudkms_requests_total{action="DescribeKey",code="Forbidden.KeyNotFound"} 1`,
		`alicloudkms_requests_total{action="CreateKey",code="SignatureNonceUsed"} 1`,
		`alicloudkms_requests_total{action="unknown",code="InvalidAction.NotFound"} 3`,
		`alicloudkms_nonce_refusals_total{reason="used"} 1`,
		`alicloudkms_rate_limited_total{class="list_tags"} 1`,
		`alicloudkms_keys{account="123456",region="cn-hangzhou",state="Enabled"} 2`,
		`alicloudkms_keys{account="123456",region="cn-hangzhou",state="PendingImport"} 1`,
		`alicloudkms_secrets{account="123456",region="cn-hangzhou"} 2`,
		`alicloudkms_request_duration_seconds_bucket{action="CreateKey",le="0.0001"}`,
		"alicloudkms_store_failed 0", "alicloudkms_audit_failed 0", "alicloudkms_panics_total 0",
		"alicloudkms_certificate_expiry_timestamp_seconds ", fmt.Sprintf("alicloudkms_nonces %d\n", 11+listed),
		"go_goroutines ",
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, "DropAllKeys", "no caller can make a label")
	require.NotContains(t, text, "\nfake 1")
}

func TestMetricsSayWhatIsDueAndWhatIsAllowed(t *testing.T) {
	ops := withOps(t)
	w := configured(t, func(c *server.Config) {
		ops(c)
		c.RateLimits = &server.RateLimits{Crypto: 500, Read: server.Unlimited}
		c.Quotas = &server.Quotas{Keys: 70, Secrets: server.Unlimited}
	})
	text := w.metrics()
	for _, line := range []string{
		`alicloudkms_rate_limit{class="crypto"} 500`, `alicloudkms_rate_limit{class="create_key"} 10`,
		`alicloudkms_quota{metric="alicloudkms_keys"} 70`,
		`alicloudkms_gateway_rate_limit{gateway="kst-dev"} `,
		`alicloudkms_gateway_certificate_expiry_timestamp_seconds{gateway="shared"} `,
		`alicloudkms_gateway_certificate_expiry_timestamp_seconds{gateway="kst-dev"} `,
		"alicloudkms_store_size_bytes ", "alicloudkms_start_time_seconds ", `alicloudkms_info{layout="4",version=""} 1`,
	} {
		require.Contains(t, text, line)
	}
	require.NotContains(t, text, `alicloudkms_rate_limit{class="read"}`, "it has no limit")
	require.NotContains(t, text, `alicloudkms_quota{metric="alicloudkms_secrets"}`, "it has no quota")
	require.NotContains(t, text, "alicloudkms_store_size_bytes 0\n")
	require.NotContains(t, text, "alicloudkms_next_due_timestamp_seconds{", "nothing is planned")

	w.must("ScheduleKeyDeletion", "KeyId", w.createKey(), "PendingWindowInDays", "8")
	w.must("ScheduleKeyDeletion", "KeyId", w.createKey(), "PendingWindowInDays", "7")
	w.createKey("EnableAutomaticRotation", "true", "RotationInterval", "30d")
	w.createSecret("db/password")
	w.must("DeleteSecret", "SecretName", "db/password", "RecoveryWindowInDays", "9")
	text = w.metrics()
	for event, days := range map[string]time.Duration{"key_loss": 7, "secret_deletion": 9, "rotation": 30} {
		due := regexp.MustCompile(`alicloudkms_next_due_timestamp_seconds\{event="` + event + `"} (\S+)`)
		seconds, err := strconv.ParseFloat(due.FindStringSubmatch(text)[1], 64)
		require.NoError(t, err)
		require.InDelta(t, w.kms.Now().Add(days*day).Unix(), seconds, 60, event)
	}
}

func TestHealthFollowsTheAuditLog(t *testing.T) {
	const full = "/dev/full" // a device on which every write fails
	ops := withOps(t)
	w := configured(t, func(c *server.Config) {
		ops(c)
		c.Audit.File = full
	})
	status, _ := w.observe(http.MethodGet, "/healthz")
	require.Equal(t, http.StatusOK, status, "nothing has failed yet")
	require.Equal(t, http.StatusServiceUnavailable, w.do("ListKeys").status)
	status, text := w.observe(http.MethodGet, "/healthz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, text, "audit log")
	require.Contains(t, w.metrics(), "alicloudkms_audit_failed 1")
}

func TestHealthFollowsTheStore(t *testing.T) {
	dev, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	withOps(t)(&dev.Config)
	broken := false
	s, err := server.Start(dev.Config, server.Options{}.WithCommit(func(_ int, commit func() error) error {
		if broken {
			return errors.New("the disk is gone")
		}
		return commit()
	}))
	require.NoError(t, err)
	defer s.Close()
	health := func() (int, string) {
		resp, err := http.Get("http://" + s.OpsAddress() + "/healthz")
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp.StatusCode, string(body)
	}
	status, text := health()
	require.Equal(t, http.StatusOK, status, text)
	broken = true
	require.Error(t, s.FailACommit(t.Context()))
	status, text = health()
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, text, "read-only")
}

func TestTheOpsAddressOffersNothingElse(t *testing.T) {
	w := configured(t, withOps(t))
	for _, path := range []string{"/backup", "/index.html", "/favicon.ico", "/debug/pprof/", "/backup?Action=ListKeys"} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			status, _ := w.observe(method, path)
			require.Contains(t, []int{http.StatusNotFound, http.StatusMethodNotAllowed}, status, "%s %s", method, path)
		}
	}
	for _, path := range []string{"/metrics", "/healthz", "/", "/?Action=ListKeys"} {
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			status, _ := w.observe(method, path)
			require.Equal(t, http.StatusMethodNotAllowed, status, "%s %s", method, path)
		}
	}
}

// withProbes starts a service that answers probes from other machines.
func withProbes(t *testing.T) *server.Server {
	t.Helper()
	dev, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	withOps(t)(&dev.Config)
	dev.Config.Ops.HealthAddress = "127.0.0.1:0"
	s, err := server.Start(dev.Config, server.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func TestProbesFromOtherMachinesGetTheHealthAlone(t *testing.T) {
	s := withProbes(t)
	status, text := observe(t, s.HealthAddress(), http.MethodGet, "/healthz")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, "active\n", text)
	status, text = observe(t, s.HealthAddress(), http.MethodHead, "/healthz")
	require.Equal(t, http.StatusOK, status)
	require.Empty(t, text)
	for _, path := range []string{"/", "/metrics", "/backup", "/reload", "/healthz/", "/?Action=ListKeys"} {
		status, _ := observe(t, s.HealthAddress(), http.MethodGet, path)
		require.Equal(t, http.StatusNotFound, status, path)
	}
	status, _ = observe(t, s.HealthAddress(), http.MethodPost, "/healthz")
	require.Equal(t, http.StatusMethodNotAllowed, status)
	require.NotEqual(t, s.OpsAddress(), s.HealthAddress())
}

func TestProbesAreAnsweredWhileStrangersHoldConnections(t *testing.T) {
	s := withProbes(t)
	for name, said := range map[string]string{
		"that say nothing":       "",
		"that begin a header":    "GET /healthz HTTP/1.1\r\nHost: kms\r\nX-A: ",
		"that begin a large one": "GET /healthz HTTP/1.1\r\nHost: kms\r\nX-A: " + strings.Repeat("a", 20_000),
		"that begin a body":      begun("/healthz", 1_000_000, "a"),
	} {
		t.Run(name, func(t *testing.T) {
			var strangers []net.Conn
			for range 300 {
				conn, err := net.Dial("tcp", s.HealthAddress())
				require.NoError(t, err)
				t.Cleanup(func() { _ = conn.Close() })
				_, _ = io.WriteString(conn, said) // The service may have closed the connection to make room.
				strangers = append(strangers, conn)
			}
			status, _ := observe(t, s.HealthAddress(), http.MethodGet, "/healthz")
			require.Equal(t, http.StatusOK, status)
			closes(t, strangers[0])
		})
	}
}

func TestAnAnswerToAProbeEndsItsConnection(t *testing.T) {
	conn, err := net.Dial("tcp", withProbes(t).HealthAddress())
	require.NoError(t, err)
	defer conn.Close()
	_, err = io.WriteString(conn, "GET /healthz?standbyok=true HTTP/1.1\r\nHost: kms\r\n\r\n")
	require.NoError(t, err)
	said := closes(t, conn)
	require.Regexp(t, `(?s)^HTTP/1.1 200 OK\r\n.*\r\nConnection: close\r\n(.*\r\n)?\r\nactive\n$`, said)
}

func TestAnAddressForProbesThatIsTakenIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	dev, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	withOps(t)(&dev.Config)
	dev.Config.Ops.HealthAddress = taken.Addr().String()
	_, err = server.Start(dev.Config, server.Options{})
	require.ErrorContains(t, err, taken.Addr().String())
	require.ErrorIs(t, err, syscall.EADDRINUSE)
	require.NoFileExists(t, dev.Config.Ops.Socket)
}

func TestTheSocketIsItsOwnersAlone(t *testing.T) {
	w := configured(t, withOps(t))
	socket := w.kms.Config().Ops.Socket
	info, err := os.Lstat(socket)
	require.NoError(t, err)
	require.Equal(t, os.ModeSocket|0o600, info.Mode())
	beside, err := os.ReadDir(filepath.Dir(socket))
	require.NoError(t, err)
	require.Len(t, beside, 1, "the folder that it was made in is gone")
	w.kms.Stop()
	require.NoFileExists(t, socket)
}

func TestASocketThatWasLeftBehindIsReplaced(t *testing.T) {
	change := withOps(t)
	var config server.Config
	change(&config)
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: config.Ops.Socket, Net: "unix"})
	require.NoError(t, err)
	left.SetUnlinkOnClose(false)

	refused := func(want string) {
		dev, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
		require.NoError(t, err)
		change(&dev.Config)
		_, err = server.Start(dev.Config, server.Options{})
		require.ErrorContains(t, err, want)
	}
	refused("in use by another process")
	require.NoError(t, left.Close())
	configured(t, change).kms.Stop()
	require.NoError(t, os.WriteFile(config.Ops.Socket, []byte("precious"), 0o600))
	refused("not a socket")
	kept, err := os.ReadFile(config.Ops.Socket)
	require.NoError(t, err)
	require.Equal(t, "precious", string(kept))
}
