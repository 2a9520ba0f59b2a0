package peers

import (
	"crypto/tls"
	"net/http"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARequestThatWasHeldUpDoesNotRun(t *testing.T) {
	s := newSite(t)
	var served atomic.Int64
	var elapsing watch
	active := s.node("a", func(o *Options) {
		o.Elapsed = elapsing.Elapsed
		o.Handler = func(string) http.Handler {
			return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.Add(1) })
		}
	})
	standby := s.node("b", func(o *Options) { o.times.trusted = neverInATest })
	forward := func() error {
		_, err := standby.Forward(t.Context(), active.peer, post(""))
		return err
	}
	require.NoError(t, forward())
	elapsing.pass(standby.times.content)
	require.NoError(t, forward(), "its sender may still wait")
	require.Equal(t, int64(2), served.Load())

	elapsing.pass(standby.times.alive + neverInATest)
	require.ErrorIs(t, forward(), ErrNotRun)
	require.Equal(t, int64(2), served.Load())
	require.NoError(t, forward(), "on a new link")
}

// neverInATest is longer than any test takes.
const neverInATest = time.Hour

func TestALinkThatIsGivenUpCarriesNothingMore(t *testing.T) {
	s := newSite(t)
	ended := make(chan error, 1)
	active := s.impostor("a", func(conn *tls.Conn) {
		expect(conn, request)
		_, _, err := receive(conn)
		ended <- err
	})
	standby := s.node("b", func(o *Options) { o.times.alive = silence })
	_, err := standby.Forward(t.Context(), active, post(""))
	require.ErrorIs(t, err, ErrUnknown)
	require.ErrorIs(t, <-ended, syscall.ECONNRESET)
}
