package peers

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// misbehaviours are what an active node does with a request, and what its standby then knows about it.
var misbehaviours = map[string]struct {
	talk func(*tls.Conn)
	want error
}{
	"it answers":                   {after(answerWith(200, "yes")), nil},
	"it answers after a while":     {slowly(answerWith(200, "yes")), nil},
	"it refuses":                   {after(bare(refusal)), ErrNotRun},
	"it closes its links":          {after(bare(goodbye)), ErrNotRun},
	"it closes the link":           {after(nil), ErrUnknown},
	"it is cut in its answer":      {after(answerWith(200, "yes")[:9]), ErrUnknown},
	"it is cut in a frame's start": {after(bare(answer)[:2]), ErrUnknown},
	"it stops in its answer":       {hanging(answerWith(200, "yes")[:9]), ErrUnknown},
	"it says nothing":              {hanging(nil), ErrUnknown},
	"it works, and then no longer": {hanging(bare(working)), ErrUnknown},
	"its answer is empty":          {after(bare(answer)), ErrUnknown},
	"its status is none":           {after(answerWith(199, "")), ErrUnknown},
	"its header is none":           {after(finish(append(newFrame(answer, 9), 0, 200, 1, 3, 1, 1, '\n', 0))), ErrUnknown},
	"it answers something else":    {after(bare(pong)), ErrUnknown},
	"it sends a kind that is none": {after(bare(99)), ErrUnknown},
	"its answer has no end":        {after([]byte{byte(answer), 0xff, 0xff, 0xff, 0xff}), ErrUnknown},
}

// after writes a frame when a request has arrived, and closes the link.
func after(frame []byte) func(*tls.Conn) {
	return func(conn *tls.Conn) {
		if _, ok := expect(conn, request); ok {
			_, _ = conn.Write(frame)
		}
	}
}

// hanging writes a frame when a request has arrived, and then keeps the link open silently.
func hanging(frame []byte) func(*tls.Conn) {
	return func(conn *tls.Conn) {
		after(frame)(conn)
		_, _, _ = receive(conn)
	}
}

// silence is how long an end may be silent in a test in which one is.
const silence = 4 * time.Second

// slowly says that it is working for longer than a node may be silent, and then writes a frame.
func slowly(frame []byte) func(*tls.Conn) {
	return func(conn *tls.Conn) {
		if _, ok := expect(conn, request); !ok {
			return
		}
		for range 10 {
			time.Sleep(silence / 8)
			_, _ = conn.Write(bare(working))
		}
		_, _ = conn.Write(frame)
	}
}

func TestAnErrorSaysWhetherTheRequestMayHaveRun(t *testing.T) {
	for name, tc := range misbehaviours {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			var links atomic.Int64
			active := s.impostor("a", func(conn *tls.Conn) {
				links.Add(1)
				tc.talk(conn)
			})
			standby := s.node("b", func(o *Options) { o.times.alive, o.times.content = silence, silence })
			_, err := standby.Forward(t.Context(), active, post("x"))
			require.ErrorIs(t, err, tc.want)
			require.Equal(t, int64(1), links.Load(), "it was sent once")
			require.False(t, errors.Is(err, ErrNotRun) && errors.Is(err, ErrUnknown))
		})
	}
}

func TestARequestThatWasNotWrittenIsSentAgain(t *testing.T) {
	s := newSite(t)
	var links, requests atomic.Int64
	active := s.impostor("a", func(conn *tls.Conn) {
		if links.Add(1) == 1 { // The first link is cut after the beginning of a request.
			_, _, _ = readFrame(conn, bounds{ping: 0}, time.Minute, time.Minute)
			_, _ = conn.Write(pongFrame())
			_, _, _ = readFrame(conn, bounds{}, time.Minute, time.Minute)
			return
		}
		if _, ok := expect(conn, request); ok {
			requests.Add(1)
			_, _ = conn.Write(answerWith(200, "yes"))
		}
	})
	standby := s.node("b", func(o *Options) {
		// A busy machine may take long for so many bytes.
		o.MaxRequestBytes, o.times.content, o.times.alive = maxTestRequest, neverInATest, neverInATest
	})
	// A frame that is larger than what the network holds can't have been written whole when the link is cut.
	a, err := standby.Forward(t.Context(), active, post(strings.Repeat("x", maxTestRequest-1)))
	require.NoError(t, err)
	require.Equal(t, "yes", string(a.Body))
	require.Equal(t, int64(2), links.Load())
	require.Equal(t, int64(1), requests.Load())
}

func TestIdleLinksThatTheOtherEndHasClosedAreNotUsed(t *testing.T) {
	s := newSite(t)
	var links atomic.Int64
	active := s.impostor("a", func(conn *tls.Conn) {
		links.Add(1)
		after(answerWith(200, "yes"))(conn)
	})
	standby := s.node("b", nil)
	for range 3 {
		_, err := standby.Forward(t.Context(), active, post("x"))
		require.NoError(t, err)
		route, err := standby.routeTo(active)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return !route.requests.idle[0].isQuiet() }, time.Minute, time.Millisecond)
	}
	require.Equal(t, int64(3), links.Load())
}

// cutter is a proxy that can silently forget its connections, as a firewall does.
type cutter struct {
	peer cluster.Peer
	// cut says that current and later connections are forgotten, and forgotten counts how often it was set.
	cut       atomic.Bool
	forgotten atomic.Int64
}

func (c *cutter) forget() {
	c.forgotten.Add(1)
	c.cut.Store(true)
}

func (s *site) cutter(to cluster.Peer) *cutter {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(s.t, err)
	c := &cutter{peer: cluster.Peer{Name: to.Name, Address: l.Addr().String()}}
	ended := make(chan struct{})
	s.t.Cleanup(func() {
		close(ended)
		require.NoError(s.t, l.Close())
	})
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to.Address)
			if err != nil {
				_ = in.Close()
				continue
			}
			born := c.forgotten.Load()
			go c.pass(born, in, out)
			go c.pass(born, out, in)
			go func() {
				<-ended
				_ = in.Close()
				_ = out.Close()
			}()
		}
	}()
	return c
}

func (c *cutter) pass(born int64, from, to net.Conn) {
	piece := make([]byte, 4<<10)
	for {
		n, err := from.Read(piece)
		if c.cut.Load() || c.forgotten.Load() > born {
			_, _ = io.Copy(io.Discard, from)
			return
		}
		if _, writeErr := to.Write(piece[:n]); err != nil || writeErr != nil {
			_ = to.Close()
			return
		}
	}
}

// forwardAtOnce forwards many requests at the same time, each on a link of its own.
func forwardAtOnce(t *testing.T, standby *node, to cluster.Peer, began, goOn chan bool, many int) {
	t.Helper()
	var running sync.WaitGroup
	for range many {
		running.Go(func() {
			if _, err := standby.Forward(t.Context(), to, post("")); err != nil {
				t.Error(err)
			}
		})
	}
	for range many {
		select {
		case <-began:
		case <-time.After(time.Minute):
			t.Fatal("a request has not begun")
		}
	}
	for range many {
		goOn <- true
	}
	running.Wait()
}

func TestHalfOpenLinksAreNoticed(t *testing.T) {
	s := newSite(t)
	running, goOn := make(chan bool), make(chan bool)
	active := s.active("a", func(http.ResponseWriter, *http.Request) {
		running <- true
		<-goOn
	})
	standby := s.node("b", func(o *Options) { o.times.trusted, o.times.alive = 0, silence })
	way := s.cutter(active.peer)
	const links = 16
	forwardAtOnce(t, standby, way.peer, running, goOn, links)

	way.forget()
	began := time.Now()
	usual := standby.times.dial
	standby.times.dial = 300 * time.Millisecond // No link can be made.
	_, err := standby.Forward(t.Context(), way.peer, post(""))
	standby.times.dial = usual
	require.ErrorIs(t, err, ErrNotRun, "a link was pinged first")
	require.Less(t, time.Since(began), links*standby.times.alive*3/4, "the others were not")

	way.cut.Store(false)
	forwardAtOnce(t, standby, way.peer, running, goOn, 1)
}

func TestAFailedComparisonDropsTheIdleLinks(t *testing.T) {
	s := newSite(t)
	active := s.active("a", say("hello"))
	standby := s.node("b", nil)
	way := s.cutter(active.peer)
	_, err := standby.Forward(t.Context(), way.peer, post(""))
	require.NoError(t, err)
	way.forget()
	usual := standby.times.dial
	standby.times.dial = 300 * time.Millisecond // Making a link may take longer on a busy machine.
	require.Error(t, standby.Compare(t.Context(), way.peer))
	standby.times.dial = usual
	way.cut.Store(false)
	_, err = standby.Forward(t.Context(), way.peer, post(""))
	require.NoError(t, err, "on a new link, although the old one would have been trusted")
}

func TestTheClientsContextEndsTheWait(t *testing.T) {
	s := newSite(t)
	began, ended := make(chan bool), make(chan error, 1)
	active := s.active("a", func(_ http.ResponseWriter, r *http.Request) {
		began <- true
		<-r.Context().Done()
		ended <- r.Context().Err()
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	standby := s.node("b", nil)
	go func() {
		_, err := standby.Forward(ctx, active.peer, post(""))
		done <- err
	}()
	<-began
	cancel()
	err := <-done
	require.ErrorIs(t, err, ErrUnknown)
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, <-ended, context.Canceled, "the active node learns of it")
	_, err = standby.Forward(ctx, active.peer, post(""))
	require.ErrorIs(t, err, ErrNotRun)
}

func TestAPanicIsAFailureOfItsRequest(t *testing.T) {
	s := newSite(t)
	var calls atomic.Int64
	active := s.active("a", func(http.ResponseWriter, *http.Request) {
		if calls.Add(1) == 1 {
			panic("a bug")
		}
	})
	standby := s.node("b", nil)
	_, err := standby.Forward(t.Context(), active.peer, post(""))
	require.ErrorIs(t, err, ErrUnknown)
	require.Contains(t, active.log.String(), "a bug")
	_, err = standby.Forward(t.Context(), active.peer, post(""))
	require.NoError(t, err)
}

func TestShutdownAnswersWhatIsInHandAndRunsNoMore(t *testing.T) {
	s := newSite(t)
	began, goOn := make(chan bool), make(chan bool)
	active := s.active("a", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if string(body) == "slow" {
			began <- true
			<-goOn
		}
	})
	standby := s.node("b", nil)
	_, err := standby.Forward(t.Context(), active.peer, post("quick"))
	require.NoError(t, err)
	inHand := make(chan error)
	go func() {
		_, err := standby.Forward(t.Context(), active.peer, post("slow"))
		inHand <- err
	}()
	<-began
	down := make(chan error)
	go func() { down <- active.Shutdown(t.Context()) }()
	require.Eventually(t, active.server.closing.Load, time.Minute, time.Millisecond)
	_, err = standby.Forward(t.Context(), active.peer, post("late"))
	require.ErrorIs(t, err, ErrNotRun)
	close(goOn)
	require.NoError(t, <-inHand)
	require.NoError(t, <-down)
}

func TestANodeThatIsClosedSaysGoodbye(t *testing.T) {
	s := newSite(t)
	active := s.active("a", say("hello"))
	l, err := s.node("b", nil).dial(t.Context(), active.peer)
	require.NoError(t, err)
	defer l.close()
	require.NoError(t, active.Shutdown(t.Context()))
	k, _, err := readFrame(l.conn, answers, neverInATest, neverInATest)
	require.NoError(t, err)
	require.Equal(t, goodbye, k)
	require.Eventually(t, func() bool { return !l.isQuiet() }, time.Minute, time.Millisecond)
}

func TestShutdownCutsWhatDoesNotEnd(t *testing.T) {
	s := newSite(t)
	began := make(chan bool)
	active := s.active("a", func(_ http.ResponseWriter, r *http.Request) {
		began <- true
		<-r.Context().Done()
	})
	standby := s.node("b", nil)
	inHand := make(chan error)
	go func() {
		_, err := standby.Forward(t.Context(), active.peer, post(""))
		inHand <- err
	}()
	<-began
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, active.Shutdown(ctx), context.Canceled)
	require.ErrorIs(t, <-inHand, ErrUnknown)
	require.ErrorIs(t, standby.Close(), nil)
	_, err := standby.Forward(t.Context(), active.peer, post(""))
	require.ErrorIs(t, err, ErrNotRun)
}

func TestErrorsShowNothingOfTheRequest(t *testing.T) {
	s := newSite(t)
	active := s.impostor("a", after(nil))
	r := post("Plaintext=c2VjcmV0")
	_, err := s.node("b", nil).Forward(t.Context(), active, r)
	require.False(t, strings.Contains(err.Error(), "c2VjcmV0"))
}
