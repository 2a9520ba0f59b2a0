package peers

import (
	"net/http"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// factor bounds the memory that reading a message takes: so many times its length, and a little more.
const factor, more = 64, 16 << 10

// allocated returns how many bytes of memory read takes.
func allocated(read func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	read()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func FuzzRequest(f *testing.F) {
	f.Add(post("Action=Encrypt").append(nil))
	repeated := http.Header{"A": {"", "b"}}
	f.Add(Request{Method: "CONNECT", Target: "a:1", RemoteAddr: "[::1]:1", Header: repeated}.append(nil))
	f.Add([]byte("\x0a\x00\x01G\x01/\x00\x00\xff\xff\x7f"))
	f.Add(manyLines().append(nil))
	l := newLimits(1 << 10)
	f.Fuzz(func(t *testing.T, message []byte) {
		var r Request
		var err error
		size := uint64(len(message))
		require.LessOrEqual(t, allocated(func() { r, _, err = parseRequest(message, l) }), factor*size+more)
		if err != nil {
			require.ErrorIs(t, err, errMessage)
			return
		}
		require.LessOrEqual(t, len(r.Body), l.body)
		again, target, err := parseRequest(r.append(nil), l)
		require.NoError(t, err)
		require.Equal(t, r, again)
		require.NotNil(t, r.http(t.Context(), target))
	})
}

// manyLines is a request whose header has as many names as fit.
func manyLines() Request {
	r := post("")
	for a := 'a'; a <= 'z'; a++ {
		for b := 'a'; b <= 'z'; b++ {
			r.Header[http.CanonicalHeaderKey(string([]rune{a, b}))] = []string{""}
		}
	}
	return r
}

func FuzzAnswer(f *testing.F) {
	closing := http.Header{"Connection": {"close"}}
	f.Add(Answer{Status: 200, Header: closing, Body: []byte("x"), Authenticated: true}.append(nil))
	f.Add([]byte("\x00\xc8\x01\x00"))
	f.Fuzz(func(t *testing.T, message []byte) {
		var a Answer
		var err error
		size := uint64(len(message))
		require.LessOrEqual(t, allocated(func() { a, err = parseAnswer(message) }), factor*size+more)
		if err != nil {
			require.ErrorIs(t, err, errMessage)
			return
		}
		again, err := parseAnswer(a.append(nil))
		require.NoError(t, err)
		require.Equal(t, a, again)
	})
}

func FuzzGreeting(f *testing.F) {
	f.Add([]byte(`{"address":"127.0.0.1:1","version":"1","layout":4,"root_key":"cm9vdA==","measured":{"offset":1,"bound":2}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		g, err := parseGreeting(content)
		if err != nil {
			require.ErrorIs(t, err, errMessage)
			return
		}
		require.LessOrEqual(t, len(g.Version)+len(g.Address), maxVersion+maxAddress)
	})
}
