package peers

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestAHostilePeerGetsNoAnswerAndItsLinkEnds(t *testing.T) {
	frame := func(k kind, content string) []byte { return finish(append(newFrame(k, 0), content...)) }
	long := func(k kind, size int) []byte {
		header := bare(k)
		binary.BigEndian.PutUint32(header[1:], uint32(size))
		return header
	}
	of := func(r Request) []byte { return requestFrame(r.append(nil)) }
	sound := string(post("x").append(nil))
	for name, sent := range map[string][]byte{
		"a kind that is none":           frame(99, ""),
		"an answer":                     frame(answer, "x"),
		"a refusal":                     bare(refusal),
		"a ping with content":           frame(ping, "x"),
		"a request beyond the limits":   long(request, newLimits(testLimit).request()+1),
		"the longest length":            long(request, 1<<32-1),
		"a hello beyond the limits":     long(hello, maxHello+1),
		"a hello that is none":          frame(hello, "{"),
		"a hello with a line break":     frame(hello, `{"version":"1\n2"}`),
		"a hello with a long version":   frame(hello, `{"version":"`+strings.Repeat("1", maxVersion+1)+`"}`),
		"an empty request":              frame(request, ""),
		"a request without an expiry":   frame(request, sound[:7]),
		"an expiry without a request":   requestFrame(""),
		"an expiry before all time":     frame(request, "\xff"+strings.Repeat("x", 7)+sound),
		"a request cut in its head":     requestFrame(sound[:9]),
		"a body beyond its limit":       of(post(strings.Repeat("x", testLimit+1))),
		"a head beyond its limit":       of(with("X-A", strings.Repeat("x", testLimit+headRoom))),
		"a head longer than its frame":  requestFrame("\xff\xff\x03x"),
		"a head without an end":         requestFrame("\xff\xff\xff\xff\xff"),
		"a header with a line break":    of(with("X-A", "b\r\nX-B: c")),
		"a name with a blank":           of(with("X A", "b")),
		"a name that is not canonical":  of(with("x-acs-date", "b")),
		"a name that is empty":          of(with("", "b")),
		"a method with a blank":         of(Request{Method: "GET /", Target: "/"}),
		"no method":                     of(Request{Target: "/"}),
		"no target":                     of(Request{Method: "GET"}),
		"a target with a line break":    of(Request{Method: "GET", Target: "/\n"}),
		"a host with a line break":      of(Request{Method: "GET", Target: "/", Host: "\n"}),
		"an address that is none":       of(Request{Method: "GET", Target: "/", RemoteAddr: "x"}),
		"a gateway with a line break":   of(Request{Method: "GET", Target: "/", Gateway: "\n"}),
		"more lines than the head has":  requestFrame("\x0a\x00\x01G\x01/\x00\x00\xff\xff\x7f"),
		"bytes after the header's end":  requestFrame("\x09\x00\x01G\x01/\x00\x00\x00x"),
		"a length longer than the head": requestFrame("\x03\xff\xff\x7f"),
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			var served atomic.Int64
			active := s.active("a", func(http.ResponseWriter, *http.Request) { served.Add(1) })
			l, err := s.node("b", nil).dial(t.Context(), active.peer)
			require.NoError(t, err)
			defer l.close()
			_, err = l.conn.Write(sent)
			require.NoError(t, err)
			require.NoError(t, l.conn.SetReadDeadline(time.Now().Add(active.times.content/2)))
			received, err := io.ReadAll(l.conn)
			require.Empty(t, received)
			var failed net.Error
			require.False(t, errors.As(err, &failed) && failed.Timeout(), "the link ends at once")
			require.Zero(t, served.Load())
			require.Eventually(t, func() bool { return strings.Contains(active.log.String(), "malformed") },
				time.Minute, time.Millisecond)
		})
	}
}

// with returns a request with one header line.
func with(name, value string) Request {
	r := post("")
	r.Header = http.Header{name: {value}}
	return r
}

func TestMemoryIsGivenOnlyForWhatHasArrived(t *testing.T) {
	s := newSite(t)
	const limit = 64 << 20
	active := s.node("a", func(o *Options) { o.MaxRequestBytes = limit })
	standby := s.node("b", nil)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range 8 {
		l, err := standby.dial(t.Context(), active.peer)
		require.NoError(t, err)
		defer l.close()
		header := bare(request)
		binary.BigEndian.PutUint32(header[1:], limit)
		_, err = l.conn.Write(header)
		require.NoError(t, err)
	}
	time.Sleep(50 * time.Millisecond)
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(limit))
}

func TestAPeerHasABoundOfLinks(t *testing.T) {
	s := newSite(t)
	active := s.node("a", func(o *Options) { o.Links = 2 })
	standby := s.node("b", nil)
	const most = 2*2 + 2
	for range most {
		l, err := standby.dial(t.Context(), active.peer)
		require.NoError(t, err)
		defer l.close()
	}
	_, err := standby.dial(t.Context(), active.peer)
	require.Error(t, err)
	other := s.node("c", nil)
	l, err := other.dial(t.Context(), active.peer)
	require.NoError(t, err, "others have their own")
	l.close()
}

func TestALinkThatSendsTooSlowlyEnds(t *testing.T) {
	s := newSite(t)
	active := s.node("a", func(o *Options) { o.times.content = time.Second })
	l, err := s.node("b", nil).dial(t.Context(), active.peer)
	require.NoError(t, err)
	defer l.close()
	whole := requestFrame(post("x").append(nil))
	_, err = l.conn.Write(whole[:len(whole)-1])
	require.NoError(t, err)
	require.NoError(t, l.conn.SetReadDeadline(time.Now().Add(time.Minute)))
	received, err := io.ReadAll(l.conn)
	require.NoError(t, err)
	require.Empty(t, received)
}
