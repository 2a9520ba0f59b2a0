package connlimit_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/connlimit"
)

// network is a listener for connections that the test makes.
type network struct {
	*connlimit.Listener
	dialed chan net.Conn
	counts map[string]int
}

func listen(connections, perAddress, turns int) *network {
	n := &network{dialed: make(chan net.Conn, 1), counts: map[string]int{}}
	limits := connlimit.Limits{Connections: connections, StrangersPerAddress: perAddress}
	n.Listener = connlimit.Listen(pipes{n.dialed}, limits, make(connlimit.Turns, turns), n)
	return n
}

func (n *network) ConnectionClosed(bound string) { n.counts[bound]++ }
func (n *network) AnsweredByHTTP()               { n.counts["HTTP"]++ }

type pipes struct{ dialed chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	conn := <-p.dialed
	if conn == nil {
		return nil, syscall.EMFILE
	}
	return conn, nil
}
func (pipes) Close() error   { return nil }
func (pipes) Addr() net.Addr { return nil }

// from is a connection from an address.
type from struct {
	net.Conn
	ip string
}

func (f from) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(f.ip), Port: 1} }

// peer is both ends of an accepted connection.
type peer struct {
	*connlimit.Conn
	far net.Conn
}

// dial connects from ip, and returns once the connection is accepted.
func (n *network) dial(t *testing.T, ip string) peer {
	t.Helper()
	near, far := net.Pipe()
	t.Cleanup(func() { _ = far.Close() })
	go func() { n.dialed <- from{near, ip} }()
	accepted, err := n.Accept()
	require.NoError(t, err)
	return peer{connlimit.Of(accepted), far}
}

// dialCaller is dial for a caller that has been authenticated and has a request.
func (n *network) dialCaller(t *testing.T, ip string) peer {
	t.Helper()
	p := n.dial(t, ip)
	n.Track(p.Conn, http.StateActive)
	p.Authenticated()
	return p
}

// isOpen reports whether the service has kept the connection open.
func (p peer) isOpen() bool {
	_ = p.far.SetReadDeadline(time.Now())
	_, err := p.far.Read(make([]byte, 1))
	return err != io.EOF
}

func TestTheOldestStrangerGoesFirst(t *testing.T) {
	n := listen(3, 0, 1)
	caller := n.dialCaller(t, "192.0.2.1")
	n.Track(caller.Conn, http.StateIdle)
	first, second := n.dial(t, "192.0.2.2"), n.dial(t, "192.0.2.3")
	third := n.dial(t, "192.0.2.4")
	require.Equal(t, []bool{true, false, true, true},
		[]bool{caller.isOpen(), first.isOpen(), second.isOpen(), third.isOpen()})
	require.Equal(t, 1, n.counts[connlimit.BoundConnections])
	require.NoError(t, third.Close())
	n.dial(t, "192.0.2.5")
	require.True(t, second.isOpen(), "there was room")
}

func TestTheConnectionThatIsIdleLongestGoesNext(t *testing.T) {
	n := listen(2, 0, 1)
	first, second := n.dialCaller(t, "192.0.2.1"), n.dialCaller(t, "192.0.2.2")
	n.Track(second.Conn, http.StateIdle)
	n.Track(first.Conn, http.StateIdle)
	n.dial(t, "192.0.2.3")
	require.Equal(t, []bool{true, false}, []bool{first.isOpen(), second.isOpen()})
}

// Otherwise new callers would close each other's connections if most of a service's connections are idle.
func TestAFewStrangersMayStay(t *testing.T) {
	n := listen(16, 0, 1)
	var callers []peer
	for range 14 {
		callers = append(callers, n.dialCaller(t, "192.0.2.1"))
		n.Track(callers[len(callers)-1].Conn, http.StateIdle)
	}
	strangers := []peer{n.dial(t, "192.0.2.2"), n.dial(t, "192.0.2.2"), n.dial(t, "192.0.2.2")}
	require.False(t, callers[0].isOpen())
	require.True(t, strangers[0].isOpen())
	n.dial(t, "192.0.2.2")
	require.True(t, callers[1].isOpen())
	require.False(t, strangers[0].isOpen())
}

func TestRequestsOfCallersAreNotCutShort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := listen(2, 0, 1)
		first, second := n.dialCaller(t, "192.0.2.1"), n.dialCaller(t, "192.0.2.2")
		accepted := make(chan struct{})
		go func() {
			n.dial(t, "192.0.2.3")
			close(accepted)
		}()
		synctest.Wait()
		select {
		case <-accepted:
			t.Error("there is no room")
		default:
		}
		require.True(t, first.isOpen() && second.isOpen())
		n.Track(second.Conn, http.StateIdle)
		<-accepted
		require.Equal(t, []bool{true, false}, []bool{first.isOpen(), second.isOpen()})
	})
}

func TestACallerKeepsNoConnectionBySendingSlowly(t *testing.T) {
	n := listen(2, 0, 1)
	slow, busy := n.dialCaller(t, "192.0.2.1"), n.dialCaller(t, "192.0.2.2")
	for _, p := range []peer{slow, busy} {
		n.Track(p.Conn, http.StateIdle)
		n.Track(p.Conn, http.StateActive)
	}
	busy.Authenticated()
	n.dial(t, "192.0.2.3")
	require.Equal(t, []bool{false, true}, []bool{slow.isOpen(), busy.isOpen()})
}

func TestAListenerThatIsClosedAcceptsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := listen(1, 0, 1)
		n.dialCaller(t, "192.0.2.1")
		near, far := net.Pipe()
		go func() { n.dialed <- from{near, "192.0.2.2"} }()
		ended := make(chan error)
		go func() {
			_, err := n.Accept()
			ended <- err
		}()
		synctest.Wait()
		require.NoError(t, n.Close())
		require.ErrorIs(t, <-ended, net.ErrClosed)
		_, err := far.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	})
}

func TestAProcessThatHasNoFilesLeftClosesConnections(t *testing.T) {
	n := listen(100, 0, 1)
	stranger := n.dial(t, "192.0.2.1")
	n.dialed <- nil
	n.dial(t, "192.0.2.2")
	require.False(t, stranger.isOpen())
	n = listen(100, 0, 1)
	n.dialCaller(t, "192.0.2.1")
	n.dialed <- nil
	_, err := n.Accept()
	require.ErrorIs(t, err, syscall.EMFILE, "nothing can be closed")
}

func TestAnAddressHasAFewStrangers(t *testing.T) {
	for name, tc := range map[string]struct {
		ips    [3]string // of three connections; two from one address are too many
		closes bool
	}{
		"one address":               {[3]string{"192.0.2.1", "192.0.2.9", "192.0.2.1"}, true},
		"one network of IPv6":       {[3]string{"2001:db8::1", "192.0.2.9", "2001:db8::ffff:2"}, true},
		"one address in two forms":  {[3]string{"::ffff:192.0.2.1", "192.0.2.9", "192.0.2.1"}, true},
		"others":                    {[3]string{"192.0.2.1", "192.0.2.2", "2001:db8:0:1::1"}, false},
		"networks of IPv6":          {[3]string{"2001:db8::1", "192.0.2.2", "2001:db8:0:1::1"}, false},
		"the machine itself":        {[3]string{"127.0.0.1", "127.0.0.1", "127.0.0.1"}, false},
		"the machine itself, in v6": {[3]string{"::1", "::1", "::1"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			n := listen(100, 1, 1)
			first, second := n.dial(t, tc.ips[0]), n.dial(t, tc.ips[1])
			third := n.dial(t, tc.ips[2])
			require.Equal(t, !tc.closes, first.isOpen())
			require.True(t, second.isOpen() && third.isOpen())
		})
	}
	n := listen(100, 1, 1)
	caller := n.dialCaller(t, "192.0.2.1")
	for range 10 {
		n.dial(t, "192.0.2.1")
	}
	require.True(t, caller.isOpen(), "only strangers count")
	require.Equal(t, 9, n.counts[connlimit.BoundAddress])
}

func TestLargeRequestsOfStrangersTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := listen(100, 0, 1)
		await := func(p peer) error { return p.AwaitLarge(t.Context()) }
		first, second, third := n.dial(t, "192.0.2.1"), n.dial(t, "192.0.2.2"), n.dial(t, "192.0.2.3")
		caller := n.dialCaller(t, "192.0.2.4")
		require.NoError(t, await(first))
		require.NoError(t, await(first), "it has the turn")
		require.NoError(t, await(caller), "it needs none")

		next := make(chan error)
		go func() { next <- await(second) }()
		synctest.Wait()
		first.Authenticated()
		require.NoError(t, <-next)

		go func() { next <- await(third) }()
		synctest.Wait()
		require.NoError(t, second.Close())
		require.NoError(t, <-next)

		go func() { next <- await(n.dial(t, "192.0.2.5")) }()
		require.NoError(t, <-next, "the one before took too long")
		require.False(t, third.isOpen())
		require.Equal(t, 1, n.counts[connlimit.BoundLarge])
	})
}

func TestAStrangerWithoutATurnGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := listen(100, 0, 0)
		p := n.dial(t, "192.0.2.1")
		require.ErrorIs(t, p.AwaitLarge(t.Context()), context.DeadlineExceeded)
		ended, end := context.WithCancel(t.Context())
		end()
		require.ErrorIs(t, p.AwaitLarge(ended), context.Canceled)
		time.AfterFunc(time.Second, func() { _ = p.Close() })
		require.ErrorIs(t, p.AwaitLarge(t.Context()), net.ErrClosed)
	})
}

func TestALargeHeaderOfAStrangerIsNotReadWithoutATurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := listen(100, 0, 0)
		sent := func(p peer) (n int) {
			defer p.Close()
			go func() { _, _ = io.Copy(io.Discard, p) }()
			for buf := make([]byte, 1024); ; n += len(buf) {
				_ = p.far.SetWriteDeadline(time.Now().Add(time.Second))
				if _, err := p.far.Write(buf); err != nil || n > 10*connlimit.TrustedBytes {
					return n
				}
			}
		}
		require.LessOrEqual(t, sent(n.dial(t, "192.0.2.1")), connlimit.TrustedBytes+1024)
		require.Greater(t, sent(n.dialCaller(t, "192.0.2.2")), 10*connlimit.TrustedBytes)
	})
}
