package kmsprovider

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	kms "k8s.io/kms/apis/v2"
)

// A serving is a provider that serves.
type serving struct {
	socket, ops string
	ended       chan error
	stop        context.CancelFunc
}

// serve starts a provider, and stops it when the test ends.
func serve(t *testing.T, p *Provider, socket string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &serving{socket: socket, ended: make(chan error, 1), stop: cancel}
	ready := make(chan string, 1)
	var serving sync.WaitGroup
	serving.Go(func() {
		s.ended <- p.Serve(ctx, Listening{Socket: socket, Ops: "127.0.0.1:0", Ready: func(ops string) { ready <- ops }})
	})
	t.Cleanup(func() {
		cancel()
		serving.Wait() // It logs to the test until then.
	})
	select {
	case s.ops = <-ready:
	case err := <-s.ended:
		t.Fatal(err)
	}
	return s
}

func (s *serving) dial(t *testing.T) kms.KeyManagementServiceClient {
	t.Helper()
	conn, err := grpc.NewClient("unix://"+s.socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	return kms.NewKeyManagementServiceClient(conn)
}

func (s *serving) get(t *testing.T, path string) (code int, body string) {
	t.Helper()
	answer, err := http.Get("http://" + s.ops + path)
	require.NoError(t, err)
	defer answer.Body.Close()
	content, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer.StatusCode, string(content)
}

func TestAProviderServesAndCleansUp(t *testing.T) {
	r := newRig(t)
	s := serve(t, r.Provider, filepath.Join(t.TempDir(), "kms.sock"))
	info, err := os.Stat(s.socket)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	api := s.dial(t)
	made, err := api.Encrypt(t.Context(), &kms.EncryptRequest{Plaintext: []byte("x"), Uid: "1"})
	require.NoError(t, err)
	_, err = api.Decrypt(t.Context(), &kms.DecryptRequest{Ciphertext: made.Ciphertext, KeyId: "other", Uid: "2"})
	require.Equal(t, codes.PermissionDenied, status.Code(err))
	_, metrics := s.get(t, "/metrics")
	for _, line := range []string{
		`requests_total{code="OK",method="Encrypt"} 1`, `requests_total{code="PermissionDenied",method="Decrypt"} 1`,
		`key_info{key_id="` + made.KeyId + `"} 1`, "healthy 1",
	} {
		require.Contains(t, metrics, namePrefix+line)
	}
	s.stop()
	require.NoError(t, <-s.ended)
	_, err = os.Stat(s.socket)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestHealthIsThatOfTheKeyAndLifeThatOfTheProcess(t *testing.T) {
	r := newRig(t)
	s := serve(t, r.Provider, filepath.Join(t.TempDir(), "kms.sock"))
	code, body := s.get(t, "/healthz")
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, "ok\n", body)
	r.kms.Stop()
	require.Error(t, r.Check(t.Context()))
	code, body = s.get(t, "/healthz")
	require.Equal(t, http.StatusServiceUnavailable, code)
	require.Contains(t, body, "DescribeKey")
	code, _ = s.get(t, "/livez")
	require.Equal(t, http.StatusOK, code)
}

func TestAProviderStartsWithoutKMS(t *testing.T) {
	r := newRig(t)
	r.kms.Stop()
	s := serve(t, r.provide(r.backend), filepath.Join(t.TempDir(), "kms.sock"))
	answer, err := s.dial(t).Status(t.Context(), &kms.StatusRequest{})
	require.NoError(t, err)
	require.Contains(t, answer.Healthz, "DescribeKey")
}

func TestARequestEndsInTime(t *testing.T) {
	r := newRig(t)
	p := New(hanging{r.backend}, Options{Log: r.options.Log, Timeout: 50 * time.Millisecond})
	_, err := p.observe(t.Context(), &kms.EncryptRequest{}, &grpc.UnaryServerInfo{FullMethod: "/v2/Encrypt"},
		func(ctx context.Context, _ any) (any, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
	require.Equal(t, codes.DeadlineExceeded, status.Code(err))
}

// stuck is a backend that encrypts when the context ends.
type stuck struct{ Backend }

func (stuck) Encrypt(ctx context.Context, _ []byte) (Sealed, error) {
	<-ctx.Done()
	return Sealed{}, ctx.Err()
}

// A KMS that does not answer must not make the API server consider the provider dead.
func TestStatusWaitsForNoOtherRequest(t *testing.T) {
	r := newRig(t)
	p := New(stuck{r.backend}, Options{Log: r.options.Log, Timeout: time.Hour})
	s := serve(t, p, filepath.Join(t.TempDir(), "kms.sock"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	api := s.dial(t)
	var began, ended sync.WaitGroup
	for range 600 {
		began.Add(1)
		ended.Go(func() {
			began.Done()
			_, _ = api.Encrypt(ctx, &kms.EncryptRequest{Plaintext: []byte("x")})
		})
	}
	began.Wait()
	require.Eventually(t, func() bool { return len(p.running) == maxRunning }, time.Minute, time.Millisecond)
	soon, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	_, err := api.Status(soon, &kms.StatusRequest{})
	require.NoError(t, err)
	cancel()
	ended.Wait()
	require.Eventually(t, func() bool { return len(p.running) == 0 }, time.Minute, time.Millisecond)
}

type intact bool

func (i intact) Intact() bool { return bool(i) }

// TestTheWatchChecksSoonerAfterAFailure runs on a clock of its own.
func TestTheWatchChecksSoonerAfterAFailure(t *testing.T) {
	r := newRig(t)
	waits, due := make(chan time.Duration), make(chan time.Time)
	p := New(r.backend, Options{Log: r.options.Log, After: func(d time.Duration) <-chan time.Time {
		waits <- d
		return due
	}})
	require.NoError(t, p.Check(t.Context()))
	go p.watch(t.Context(), intact(true))
	require.Equal(t, DefaultInterval, <-waits)
	r.kms.Stop()
	due <- time.Time{}
	require.Equal(t, retryInterval, <-waits)
	r.kms.Start()
	due <- time.Time{}
	require.Equal(t, DefaultInterval, <-waits)
}

func TestAProviderEndsIfItsSocketIsGone(t *testing.T) {
	r := newRig(t)
	due := make(chan time.Time)
	p := New(r.backend, Options{Log: r.options.Log, After: func(time.Duration) <-chan time.Time { return due }})
	s := serve(t, p, filepath.Join(t.TempDir(), "kms.sock"))
	require.NoError(t, os.Remove(s.socket))
	require.NoError(t, os.WriteFile(s.socket, []byte("somebody else's"), 0o600))
	due <- time.Time{}
	require.ErrorIs(t, <-s.ended, errSocketGone)
	require.FileExists(t, s.socket)
}

func TestOneSocketIsForOneProvider(t *testing.T) {
	r := newRig(t)
	socket := filepath.Join(t.TempDir(), "kms.sock")
	ended := make(chan error)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	const many = 4
	for range many {
		go func() { ended <- r.provide(r.backend).Serve(ctx, Listening{Socket: socket}) }()
	}
	for range many - 1 {
		require.ErrorContains(t, <-ended, "in use by another provider")
	}
	cancel()
	require.NoError(t, <-ended)
}

func TestWhatElseIsAtThePathOfTheSocket(t *testing.T) {
	r := newRig(t)
	dir := t.TempDir()
	at := func(name string) (string, error) {
		path := filepath.Join(dir, name)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		return path, r.Serve(ctx, Listening{Socket: path, Ready: func(string) { cancel() }})
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), []byte("precious"), 0o600))
	path, err := at("file")
	require.ErrorContains(t, err, "not a socket")
	require.FileExists(t, path)
	require.NoFileExists(t, path+".lock", "nothing is left where no socket can be")

	stale, err := net.ListenUnix("unix", &net.UnixAddr{Name: filepath.Join(dir, "stale"), Net: "unix"})
	require.NoError(t, err)
	stale.SetUnlinkOnClose(false)
	path, err = at("stale")
	require.ErrorContains(t, err, "in use")
	require.NoError(t, stale.Close())
	_, err = os.Stat(path)
	require.NoError(t, err)
	_, err = at("stale")
	require.NoError(t, err)

	require.NoError(t, os.Symlink(filepath.Join(dir, "file"), filepath.Join(dir, "link.lock")))
	_, err = at("link")
	require.Error(t, err, "somebody else chose the file to lock")
	_, err = at(strings.Repeat("long", 30))
	require.ErrorContains(t, err, "too long")
}
