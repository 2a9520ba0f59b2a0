package peers

import (
	"bytes"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestARequestArrivesAsTheClientHasSentIt(t *testing.T) {
	s := newSite(t)
	received := make(chan *http.Request, 1)
	bodies := make(chan []byte, 1)
	active := s.active("a", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		received <- r
		bodies <- body
		w.Header().Set("Connection", "close")
		w.Header()["X-Twice"] = []string{"2", "1"}
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte("no\x00\xff"))
	})
	standby := s.node("b", nil)
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for name, r := range map[string]Request{
		"a form":     post("Action=Encrypt&Plaintext=%2B+"),
		"an old one": {Method: "GET", Target: "/?a=b&a=%zz&&=", Host: "x", RemoteAddr: "[2001:db8::1%eth0]:1"},
		"a whole URL": {
			Method: "POST", Target: "https://kms.cn-beijing.aliyuncs.com/?x", Host: "kms.cn-beijing.aliyuncs.com", Body: every,
		},
		"one to no path":  {Method: "OPTIONS", Target: "*"},
		"one for a proxy": {Method: "CONNECT", Target: "kms.example.com:443", Host: "kms.example.com:443"},
		"repeated headers": {
			Method: "POST", Target: "/%2f//?", Host: "a:1",
			Header: http.Header{"X-Acs-A": {"2", "1", " 1", "2", "", "\xe4\xb8\xad\xff"}, "X-Acs-B": {strings.Repeat("b", 300)}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := standby.Forward(t.Context(), active.peer, r)
			require.NoError(t, err)
			got, body := <-received, <-bodies
			require.Equal(t, r.Method, got.Method)
			require.Equal(t, r.Target, got.RequestURI)
			require.Equal(t, r.Host, got.Host)
			require.Equal(t, r.RemoteAddr, got.RemoteAddr)
			require.True(t, maps.EqualFunc(r.Header, got.Header, func(a, b []string) bool {
				return strings.Join(a, "\n") == strings.Join(b, "\n")
			}))
			require.True(t, bytes.Equal(r.Body, body))
			require.Equal(t, int64(len(body)), got.ContentLength)
			require.Equal(t, r, withoutEmpty(NewRequest(got, "", body), r))
			require.Equal(t, Answer{
				Status: http.StatusForbidden, Header: http.Header{"Connection": {"close"}, "X-Twice": {"2", "1"}},
				Body: []byte("no\x00\xff"),
			}, a)
		})
	}
}

// withoutEmpty returns got with nil where it is empty and want has nil.
func withoutEmpty(got, want Request) Request {
	if want.Header == nil && len(got.Header) == 0 {
		got.Header = nil
	}
	if want.Body == nil && len(got.Body) == 0 {
		got.Body = nil
	}
	return got
}

func TestTheHandlerIsThatOfTheSameGateway(t *testing.T) {
	s := newSite(t)
	active := s.node("a", func(o *Options) {
		o.Handler = func(gateway string) http.Handler {
			if gateway == "kst-unknown" {
				return nil
			}
			return say("at %q", gateway)
		}
	})
	standby := s.node("b", nil)
	for _, gateway := range []string{"", "kst-dev"} {
		r := post("")
		r.Gateway = gateway
		a, err := standby.Forward(t.Context(), active.peer, r)
		require.NoError(t, err)
		require.Equal(t, `at "`+gateway+`"`, string(a.Body))
	}
	r := post("")
	r.Gateway = "kst-unknown"
	_, err := standby.Forward(t.Context(), active.peer, r)
	require.ErrorIs(t, err, ErrNotRun)
	require.ErrorIs(t, err, ErrNotActive)
	_, err = standby.Forward(t.Context(), active.peer, post(""))
	require.NoError(t, err, "the link goes on")
}

func TestSizesAtTheLimits(t *testing.T) {
	s := newSite(t)
	active := s.active("a", func(w http.ResponseWriter, r *http.Request) {
		n, _ := io.Copy(io.Discard, r.Body)
		_, _ = w.Write(make([]byte, n))
	})
	standby := s.node("b", nil)
	large := post(strings.Repeat("x", testLimit))
	large.Header.Set("X-Large", strings.Repeat("y", testLimit))
	a, err := standby.Forward(t.Context(), active.peer, large)
	require.NoError(t, err)
	require.Len(t, a.Body, testLimit)

	body, head := large, post("")
	body.Body = append(body.Body, 'x')
	head.Header = http.Header{"X-Large": {strings.Repeat("y", testLimit+headRoom)}}
	for _, r := range []Request{body, head} {
		_, err = standby.Forward(t.Context(), active.peer, r)
		require.ErrorIs(t, err, ErrNotRun)
		require.ErrorIs(t, err, ErrTooLarge)
	}

	active = s.active("a", func(w http.ResponseWriter, r *http.Request) {
		for range 100 {
			_, _ = w.Write(make([]byte, maxAnswer/64))
		}
	})
	_, err = standby.Forward(t.Context(), active.peer, post(""))
	require.ErrorIs(t, err, ErrUnknown, "an answer that is too long is none")
	require.Contains(t, active.log.String(), errLongAnswer.Error())
}

func TestManyCallersShareFewLinks(t *testing.T) {
	s := newSite(t)
	var most, now atomic.Int64
	active := s.active("a", func(w http.ResponseWriter, r *http.Request) {
		running := now.Add(1)
		defer now.Add(-1)
		for before := most.Load(); running > before && !most.CompareAndSwap(before, running); before = most.Load() {
		}
		_, _ = io.Copy(w, r.Body)
	})
	standby := s.node("b", func(o *Options) { o.Links = 4 })
	var callers sync.WaitGroup
	for c := range 16 {
		callers.Go(func() {
			for range 50 {
				want := strings.Repeat(string(rune('a'+c)), 100)
				a, err := standby.Forward(t.Context(), active.peer, post(want))
				if err != nil || string(a.Body) != want {
					t.Errorf("caller %d: %v, %q", c, err, a.Body)
				}
			}
		})
	}
	callers.Wait()
	require.LessOrEqual(t, most.Load(), int64(4))
	active.server.mu.Lock()
	defer active.server.mu.Unlock()
	require.LessOrEqual(t, len(active.server.sessions["b"]), 4)
}

func TestARequestThatFindsNoLinkHasNotRun(t *testing.T) {
	s := newSite(t)
	began, goOn := make(chan bool), make(chan bool)
	active := s.active("a", func(http.ResponseWriter, *http.Request) {
		began <- true
		<-goOn
	})
	standby := s.node("b", func(o *Options) { o.Links, o.times.slot = 1, 300*time.Millisecond })
	done := make(chan error)
	go func() {
		_, err := standby.Forward(t.Context(), active.peer, post(""))
		done <- err
	}()
	<-began
	_, err := standby.Forward(t.Context(), active.peer, post(""))
	require.ErrorIs(t, err, ErrNotRun)
	require.ErrorIs(t, err, errBusy)
	close(goOn)
	require.NoError(t, <-done, "the working node was waited for")
}

func TestLinksEndWhenAnotherNodeIsActive(t *testing.T) {
	s := newSite(t)
	first, second, standby := s.active("a", say("a")), s.active("c", say("c")), s.node("b", nil)
	sessions := func(n *node) int {
		n.server.mu.Lock()
		defer n.server.mu.Unlock()
		return len(n.server.sessions["b"])
	}
	_, err := standby.Forward(t.Context(), first.peer, post(""))
	require.NoError(t, err)
	require.NoError(t, standby.Compare(t.Context(), first.peer))
	require.Equal(t, 2, sessions(first), "one for requests, one for comparisons")
	a, err := standby.Forward(t.Context(), second.peer, post(""))
	require.NoError(t, err)
	require.Equal(t, "c", string(a.Body))
	require.Eventually(t, func() bool { return sessions(first) == 0 }, time.Minute, time.Millisecond)
}
