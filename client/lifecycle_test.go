package client_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestManyGoroutinesShareAClient(t *testing.T) {
	echo := func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, `{"RequestId":"r","CiphertextBlob":%q}`, r.Form.Get("Plaintext"))
	}
	server := newScript(t, echo)
	c := server.dial(t, nil)
	const workers, calls = 16, 20
	var all sync.WaitGroup
	for worker := range workers {
		all.Go(func() {
			for call := range calls {
				want := fmt.Sprintf("%d of %d", call, worker)
				got, err := c.Encrypt(context.Background(), &kmsapi.EncryptRequest{Plaintext: kmsapi.NewSecret(want)})
				if err != nil || got.CiphertextBlob != want {
					t.Errorf("%s: %+v, %v", want, got, err)
				}
			}
		})
	}
	all.Wait()
	nonces := map[string]bool{}
	for _, r := range server.seen() {
		nonces[r.form.Get("SignatureNonce")] = true
	}
	require.Len(t, nonces, workers*calls)
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	var open atomic.Int64
	before := runtime.NumGoroutine()
	server := unstarted(t, done)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			open.Add(1)
		case http.StateClosed:
			open.Add(-1)
		}
	}
	server.StartTLS()
	c := server.dial(t, nil)
	for range 3 {
		require.NoError(t, encrypt(context.Background(), c))
		require.NoError(t, createKey(context.Background(), c))
	}
	require.Eventually(t, func() bool { return open.Load() == 1 }, time.Minute, time.Millisecond, "one is kept")
	c.Close()
	const beforeIdleTimeout = 20 * time.Second
	require.Eventually(t, func() bool { return open.Load() == 0 }, beforeIdleTimeout, time.Millisecond)
	server.Close()
	// Not Eventually, which would count its own goroutine.
	for tries := 0; runtime.NumGoroutine() > before; tries++ {
		require.Less(t, tries, 60_000, "goroutines are still running")
		time.Sleep(time.Millisecond)
	}
}

func TestCloseLetsRequestsInFlightEnd(t *testing.T) {
	arrived, closed := make(chan struct{}), make(chan struct{})
	server := newScript(t, func(w http.ResponseWriter, r *http.Request) {
		close(arrived)
		<-closed
		done(w, r)
	}, done)
	c := server.dial(t, nil)
	result := make(chan error)
	go func() { result <- encrypt(context.Background(), c) }()
	<-arrived
	c.Close()
	close(closed)
	require.NoError(t, <-result)
	require.NoError(t, encrypt(context.Background(), c), "a closed client still works")
}
