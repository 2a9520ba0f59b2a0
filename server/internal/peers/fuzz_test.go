package peers

import (
	"net/http"
	"runtime"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// factor and more bound the memory that reading a message takes: factor times its length, plus more.
const factor, more = 64, 16 << 10

// unseen is how much memory the runtime may allocate before its metrics show it.
const unseen = 1 << 20

// allocated returns how many bytes have been allocated, without stopping the world, which would slow down a fuzzer.
func allocated() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

func TestReadingAMessageTakesMemoryInProportion(t *testing.T) {
	const most = 1 << 20
	l := limits{head: most, body: most}
	announced := append([]byte("\x00\x01G\x01/\x00\x00\xff\xff\x0f"), make([]byte, most/2)...)
	repeated := post("")
	repeated.Header["A"] = make([]string, most/8)
	for name, message := range map[string][]byte{
		"many names":      manyLines().append(nil),
		"one name often":  repeated.append(nil),
		"lines announced": appendField(nil, announced),
		"a long head":     with("A", strings.Repeat("a", most/2)).append(nil),
		"a long body":     post(strings.Repeat("a", most)).append(nil),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _, _ = parseRequest(message, l)
			_, _ = parseAnswer(message)
			runtime.ReadMemStats(&after)
			require.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(factor*len(message)+more))
		})
	}
}

func FuzzRequest(f *testing.F) {
	f.Add(post("Action=Encrypt").append(nil))
	repeated := http.Header{"A": {"", "b"}}
	f.Add(Request{Method: "CONNECT", Target: "a:1", RemoteAddr: "[::1]:1", Header: repeated}.append(nil))
	f.Add([]byte("\x0a\x00\x01G\x01/\x00\x00\xff\xff\x7f"))
	f.Add(manyLines().append(nil))
	l := newLimits(1 << 10)
	f.Fuzz(func(t *testing.T, message []byte) {
		size, before := uint64(len(message)), allocated()
		r, _, err := parseRequest(message, l)
		require.LessOrEqual(t, allocated()-before, size*factor+unseen)
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

// manyLines returns a request whose header has as many names as fit.
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
		size, before := uint64(len(message)), allocated()
		a, err := parseAnswer(message)
		require.LessOrEqual(t, allocated()-before, size*factor+unseen)
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
