package client_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestWhatIsRetried(t *testing.T) {
	for _, tc := range []struct {
		name  string
		first step
		// encrypts and creates are the numbers of requests that Encrypt and CreateKey send, of at most two.
		encrypts, creates int
	}{
		{"Rejected.Throttling, which surely did not run", throttle, 2, 2},
		{"Throttling of the gateway", refuse(400, "Throttling"), 2, 2},
		{"Throttling.User of the gateway", refuse(400, "Throttling.User"), 2, 2},
		{"ServiceUnavailableTemporary", refuse(503, "ServiceUnavailableTemporary"), 2, 1},
		{"ServiceUnavailableTemporary with an odd status", refuse(400, "ServiceUnavailableTemporary"), 2, 1},
		{"InternalFailure", refuse(500, "InternalFailure"), 2, 1},
		{"another code with status 502", refuse(502, "Some.Thing"), 2, 1},
		{"a proxy's 502", status(502, "<html>bad gateway</html>"), 2, 1},
		{"a connection closed without an answer", hangUp, 2, 1},
		{"a truncated answer", cut, 2, 1},
		{"not a permanent refusal", refuse(404, "Forbidden.KeyNotFound"), 1, 1},
		{"not a code that merely begins like throttling", refuse(400, "ThrottlingIsNot"), 1, 1},
		{"not a proxy's 403", status(403, "<html>forbidden</html>"), 1, 1},
		{"not garbage with status 200", answer("garbage"), 1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, call := range []struct {
				run  func(context.Context, *client.Client) error
				want int
			}{{encrypt, tc.encrypts}, {createKey, tc.creates}} {
				server := newScript(t, tc.first, done)
				err := call.run(context.Background(), server.dial(t, nil))
				require.Len(t, server.seen(), call.want)
				require.Equal(t, call.want == 2, err == nil, "%v", err)
			}
		})
	}
}

func TestEveryAttemptHasAFreshSignature(t *testing.T) {
	server := newScript(t, throttle, hangUp, refuse(500, "InternalFailure"), done)
	require.NoError(t, encrypt(context.Background(), server.dial(t, nil)))
	nonces, signatures := map[string]bool{}, map[string]bool{}
	for _, r := range server.seen() {
		nonces[r.form.Get("SignatureNonce")] = true
		signatures[r.form.Get("Signature")] = true
	}
	require.Len(t, nonces, 4)
	require.Len(t, signatures, 4)
}

func TestNumberOfRetries(t *testing.T) {
	for _, tc := range []struct {
		name              string
		retries, requests int
	}{
		{"three by default", 0, 4},
		{"as many as asked for", 5, 6},
		{"none if negative", -1, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := newScript(t, throttle)
			c := server.dial(t, func(cfg *client.Config) { cfg.MaxRetries = tc.retries })
			require.ErrorIs(t, encrypt(context.Background(), c), kmsapi.ErrThrottling)
			require.Len(t, server.seen(), tc.requests)
		})
	}
}

func TestBackoffDoublesUpToFiveSeconds(t *testing.T) {
	server := newScript(t, refuse(http.StatusServiceUnavailable, "ServiceUnavailableTemporary"))
	var limits []time.Duration
	c := server.dial(t, func(cfg *client.Config) {
		cfg.MaxRetries = 70
		cfg.Jitter = func(limit time.Duration) time.Duration { limits = append(limits, limit); return 0 }
	})
	require.Error(t, encrypt(context.Background(), c))
	require.Len(t, limits, 70)
	const ms = time.Millisecond
	doubled := []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 3200 * ms, 5000 * ms}
	require.Equal(t, doubled, limits[:7])
	for _, limit := range limits[7:] {
		require.Equal(t, 5*time.Second, limit)
	}
}

func TestWaitsDoNotGrowIfTheServerSaysHowLongToWait(t *testing.T) {
	server := newScript(t, header("Retry-After", "1", refuse(503, "ServiceUnavailableTemporary")))
	var limits []time.Duration
	c := server.dial(t, func(cfg *client.Config) {
		cfg.MaxRetries = 6
		cfg.Jitter = func(limit time.Duration) time.Duration {
			limits = append(limits, limit)
			return -time.Second // so that it waits for nothing
		}
	})
	require.Error(t, encrypt(context.Background(), c))
	const ms = time.Millisecond
	require.Equal(t, []time.Duration{100 * ms, 200 * ms, 400 * ms, 800 * ms, 1000 * ms, 1000 * ms}, limits)
}

func TestWaitNeverExceedsTheDeadline(t *testing.T) {
	server := newScript(t, throttle)
	c := server.dial(t, func(cfg *client.Config) {
		cfg.Jitter = func(time.Duration) time.Duration { return 2 * time.Hour }
	})
	ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
	defer cancel()
	require.ErrorIs(t, encrypt(ctx, c), kmsapi.ErrThrottling, "the refusal is more useful than a deadline error")
	require.Len(t, server.seen(), 1)
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for _, tc := range []struct {
		name, value string
		requests    int
	}{
		{"of zero seconds causes no wait", "0", 2},
		{"in the past causes no wait", now.Add(-time.Hour).Format(http.TimeFormat), 2},
		{"that is malformed is ignored", "soon", 2},
		{"of a minute is too long to wait", "60", 1},
		{"that is a date a minute ahead is too long to wait", now.Add(time.Minute).Format(http.TimeFormat), 1},
		{"of more seconds than a duration holds is ignored", "99999999999999", 2},
	} {
		t.Run(tc.name, func(t *testing.T) {
			server := newScript(t, header("Retry-After", tc.value, throttle), done)
			c := server.dial(t, func(cfg *client.Config) { cfg.Clock = func() time.Time { return now } })
			require.Equal(t, tc.requests == 1, encrypt(context.Background(), c) != nil)
			require.Len(t, server.seen(), tc.requests)
		})
	}
	t.Run("of five seconds is waited for and counts against the deadline", func(t *testing.T) {
		server := newScript(t, header("Retry-After", "5", throttle), done)
		c := server.dial(t, func(cfg *client.Config) {
			cfg.Jitter = func(time.Duration) time.Duration { return 24 * time.Hour }
		})
		ctx, cancel := context.WithTimeout(context.Background(), 24*time.Hour+3*time.Second)
		defer cancel()
		require.ErrorIs(t, encrypt(ctx, c), kmsapi.ErrThrottling)
		require.Len(t, server.seen(), 1)
	})
}

func TestCanceledCallReturnsTheCancellation(t *testing.T) {
	reason := errors.New("the user left")
	t.Run("before the call", func(t *testing.T) {
		server := newScript(t, done)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		err := encrypt(ctx, server.dial(t, nil))
		require.ErrorIs(t, err, context.Canceled)
		requireTransportError(t, err, kmsapi.OpEncrypt)
		require.Empty(t, server.seen())
	})
	t.Run("with a deadline in the past", func(t *testing.T) {
		server := newScript(t, done)
		ctx, cancel := context.WithDeadline(context.Background(), time.Now().Add(-time.Second))
		defer cancel()
		require.ErrorIs(t, encrypt(ctx, server.dial(t, nil)), context.DeadlineExceeded)
		require.Empty(t, server.seen())
	})
	t.Run("with its own cause, while KMS works", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		server := newScript(t, func(w http.ResponseWriter, r *http.Request) {
			cancel(reason)
			hang(w, r)
		})
		err := encrypt(ctx, server.dial(t, nil))
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, reason)
		requireTransportError(t, err, kmsapi.OpEncrypt)
		require.Len(t, server.seen(), 1)
	})
	t.Run("while the answer is on its way", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		server := newScript(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "100")
			_ = http.NewResponseController(w).Flush()
			cancel()
			hang(w, r)
		})
		require.ErrorIs(t, encrypt(ctx, server.dial(t, nil)), context.Canceled)
		require.Len(t, server.seen(), 1)
	})
	t.Run("even if an early end of the answer still arrives", func(t *testing.T) {
		for range 50 {
			ctx, cancel := context.WithCancel(context.Background())
			server := newScript(t, func(w http.ResponseWriter, _ *http.Request) {
				cancel()
				w.WriteHeader(http.StatusOK)
			})
			require.ErrorIs(t, encrypt(ctx, server.dial(t, nil)), context.Canceled)
			server.Close()
		}
	})
	t.Run("while waiting for another attempt", func(t *testing.T) {
		server := newScript(t, throttle)
		ctx, cancel := context.WithCancel(context.Background())
		c := server.dial(t, func(cfg *client.Config) {
			cfg.Jitter = func(time.Duration) time.Duration { cancel(); return time.Hour }
		})
		err := encrypt(ctx, c)
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, kmsapi.ErrThrottling, "the reason for the wait is reported too")
		require.Len(t, server.seen(), 1)
	})
}

func TestRequestTimeoutLimitsOneAttempt(t *testing.T) {
	impatient := func(retries int) func(*client.Config) {
		return func(cfg *client.Config) { cfg.RequestTimeout, cfg.MaxRetries = 100*time.Millisecond, retries }
	}
	t.Run("and another may succeed", func(t *testing.T) {
		server := newScript(t, hang, done)
		require.NoError(t, encrypt(context.Background(), server.dial(t, impatient(100))))
		require.GreaterOrEqual(t, len(server.seen()), 2)
	})
	t.Run("and the error reports the timeout", func(t *testing.T) {
		server := newScript(t, hang)
		ctx := context.Background()
		c := server.dial(t, func(cfg *client.Config) { cfg.MaxRetries = -1 })
		c.LimitAttempts(100 * time.Millisecond) // A TLS handshake that ends first would be another error.
		err := encrypt(ctx, c)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.ErrorContains(t, requireTransportError(t, err, kmsapi.OpEncrypt), "no answer in time")
		require.NoError(t, ctx.Err())
	})
	t.Run("and includes the handshake", func(t *testing.T) {
		// The kernel completes connections that the process never accepts.
		silent, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = silent.Close() })
		cfg := client.Config{Endpoint: silent.Addr().String(), Credentials: staff}
		impatient(-1)(&cfg)
		err = encrypt(context.Background(), newClient(t, cfg))
		require.ErrorContains(t, requireTransportError(t, err, kmsapi.OpEncrypt), "no answer in time")
	})
}

// This is like a paused machine behind a load balancer, which sends new connections elsewhere.
func TestOneAttemptFindsOutThatAllKeptConnectionsHang(t *testing.T) {
	const kept = 3
	var together sync.WaitGroup
	together.Add(kept)
	meet := func(w http.ResponseWriter, r *http.Request) {
		together.Done()
		together.Wait()
		done(w, r)
	}
	before := map[string]bool{} // the client's addresses of the kept connections
	var met atomic.Bool
	server := newScript(t, meet, meet, meet, func(w http.ResponseWriter, r *http.Request) {
		if before[r.RemoteAddr] {
			met.Store(true)
			hang(w, r)
		} else {
			done(w, r)
		}
	})
	c := server.dialHanging(t, func(*client.Config) {}, met.Load)
	c.LimitAttempts(time.Minute)
	var all errgroup.Group
	for range kept {
		all.Go(func() error { return encrypt(context.Background(), c) })
	}
	require.NoError(t, all.Wait())
	for _, r := range server.seen() {
		before[r.remote] = true
	}
	require.Len(t, before, kept)
	c.LimitAttempts(time.Second)
	require.NoError(t, encrypt(context.Background(), c))
	require.Len(t, server.seen(), kept+2, "one attempt has hung")
}

func TestCreateKeyThatMayHaveRunIsNotRepeatedAfterATimeout(t *testing.T) {
	received := make(chan struct{}, 10)
	server := newScript(t, func(w http.ResponseWriter, r *http.Request) { received <- struct{}{}; hang(w, r) })
	// a full second, so that the request arrives in time on a busy machine
	c := server.dial(t, func(cfg *client.Config) { cfg.RequestTimeout, cfg.MaxRetries = time.Second, 100 })
	require.ErrorIs(t, createKey(context.Background(), c), context.DeadlineExceeded)
	require.Eventually(t, func() bool { return len(received) > 0 }, time.Minute, time.Millisecond)
	require.Len(t, received, 1)
}

// dropping closes the first connections right after accepting them, so that their TLS handshakes fail.
type dropping struct {
	net.Listener
	left atomic.Int32
}

func (d *dropping) Accept() (net.Conn, error) {
	conn, err := d.Listener.Accept()
	if err == nil && d.left.Add(-1) >= 0 {
		_ = conn.Close()
	}
	return conn, err
}

func TestCreateKeyIsRetriedAfterAFailedHandshake(t *testing.T) {
	front := new(dropping)
	front.left.Store(2)
	server := newScriptBehind(t, func(l net.Listener) net.Listener { front.Listener = l; return front }, done)
	require.NoError(t, createKey(context.Background(), server.dial(t, nil)))
	require.Len(t, server.seen(), 1)
	require.Negative(t, front.left.Load(), "the first connections failed")
}

func TestCreateKeyIsRetriedWhenNothingListens(t *testing.T) {
	attempts := 0
	c := newClient(t, client.Config{
		Endpoint: heldport.For(t), Credentials: staff,
		Jitter: func(time.Duration) time.Duration { attempts++; return 0 },
	})
	err := createKey(context.Background(), c)
	failed := requireTransportError(t, err, kmsapi.OpCreateKey)
	require.ErrorContains(t, failed, "check region, network and endpoint")
	require.True(t, failed.Unsent)
	require.Equal(t, 3, attempts)
}

func TestRequestThatMayHaveRunIsNotUnsent(t *testing.T) {
	server := newScript(t, hangUp)
	failure := createKey(context.Background(), server.dial(t, nil))
	require.False(t, requireTransportError(t, failure, kmsapi.OpCreateKey).Unsent)

	// The first attempt may have run, so it does not matter that nothing listens at the second.
	l, err := net.Listen("tcp", heldport.For(t)) // so that nothing else does
	require.NoError(t, err)
	leaving := newScriptBehind(t, func(any net.Listener) net.Listener {
		_ = any.Close()
		return l
	}, func(w http.ResponseWriter, r *http.Request) {
		_ = l.Close()
		hangUp(w, r)
	})
	err = encrypt(context.Background(), leaving.dial(t, nil))
	failed := requireTransportError(t, err, kmsapi.OpEncrypt)
	require.ErrorContains(t, failed, "no connection was made")
	require.False(t, failed.Unsent)
}

func TestCreateKeyUsesANewConnection(t *testing.T) {
	server := newScript(t, done, done, hangUp, done)
	c := server.dial(t, nil)
	require.NoError(t, encrypt(context.Background(), c))
	require.NoError(t, encrypt(context.Background(), c))
	require.Error(t, createKey(context.Background(), c))
	seen := server.seen()
	require.Len(t, seen, 3, "net/http did not retry on its own")
	require.Equal(t, seen[0].remote, seen[1].remote, "connections are kept")
	require.NotEqual(t, seen[0].remote, seen[2].remote)
}
