package strangers

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// crowd is more connections than the service has by default.
const crowd = 4200

func TestGoodCallersAreServedWhileStrangersHoldAllTheyCan(t *testing.T) {
	s := start(t, build(t))
	s.wantFiles(crowd)
	s.together(crowd/3, s.dialTCP, func(net.Conn) error { return nil })
	s.together(crowd/3, s.dial, saying("POST / HTTP/1.1\r\nHost: k\r\nX-A: "))
	s.together(crowd/3, s.dial, saying("GET /abc HTTP/1.1\r\nHost: k\r\n\r\n"))
	var longest time.Duration
	const calls = 20
	for range calls {
		began := time.Now()
		c, err := s.Client() // Each has a connection of its own.
		require.NoError(t, err)
		_, err = c.ListKeys(t.Context(), &kmsapi.ListKeysRequest{})
		require.NoError(t, err)
		c.Close()
		longest = max(longest, time.Since(began))
	}
	t.Logf("the longest of %d calls took %s; resident at most %d MiB", calls, longest, s.peak()>>20)
}

func TestWhatStrangersSendTakesLittleMemory(t *testing.T) {
	const size = 245_000
	program := build(t)
	var headers strings.Builder
	for i := 0; headers.Len() < size; i++ {
		fmt.Fprintf(&headers, "%x:\r\n", i)
	}
	// By default, the service lets its heap grow to five times what it uses, so its peak would depend on chance. Each
	// of its processors lets two requests be received.
	t.Setenv("GOGC", "100")
	t.Setenv("GOMAXPROCS", "2")
	// most is in MiB, and twice what is seen: a parameter is escaped to five times its size, and a header of a few bytes
	// takes hundreds.
	for name, tc := range map[string]struct {
		connections, most int
		request           func(*service) string
	}{
		"spellings of one header": {64, 50, func(s *service) string {
			return fmt.Sprintf("POST / HTTP/1.1\r\nHost: k\r\nContent-Length: 0\r\nX-Aa: %s\r\nAuthorization: ACS3-HMAC-SHA256 "+
				"Credential=%s,Signature=00,SignedHeaders=%s\r\n\r\n", strings.Repeat("a", size), s.Credentials().AccessKeyID,
				strings.Join(spellings(), ";"))
		}},
		"parameters": {400, 60, func(*service) string { return posted(strings.Repeat("a=&", 65_535)) }},
		"one parameter": {400, 140, func(s *service) string {
			form := s.SignedForm(&kmsapi.ListKeysRequest{}, "n", time.Now())
			return posted(form + "&A=" + strings.Repeat("*", size))
		}},
		"small headers": {400, 280, func(*service) string {
			return "GET / HTTP/1.1\r\nHost: k\r\n" + headers.String() + "\r\n"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, program)
			request := tc.request(s)
			before := s.peak()
			s.together(tc.connections, s.dial, func(conn net.Conn) error {
				return errors.Join(saying(request)(conn), listen(conn))
			})
			after := s.peak()
			t.Logf("%d MiB before, %d MiB at most", before>>20, after>>20)
			require.Less(t, after-before, tc.most<<20)
			c, err := s.Client()
			require.NoError(t, err)
			defer c.Close()
			_, err = c.ListKeys(t.Context(), &kmsapi.ListKeysRequest{})
			require.NoError(t, err)
		})
	}
}

// spellings returns different ways to write one name.
func spellings() []string {
	names := make([]string, 59)
	for i := range names {
		name := []byte("x-aaaaaa")
		for bit := range 6 {
			name[2+bit] -= byte(i>>bit&1) * ('a' - 'A')
		}
		names[i] = string(name)
	}
	return names
}

func posted(form string) string {
	return fmt.Sprintf("POST / HTTP/1.1\r\nHost: k\r\nContent-Type: application/x-www-form-urlencoded\r\n"+
		"Content-Length: %d\r\n\r\n%s", len(form), form)
}

// together opens connections, and calls f for all of them at the same time. They stay open until the end of the test.
func (s *service) together(n int, dial func() (net.Conn, error), f func(net.Conn) error) {
	s.t.Helper()
	connections := make([]net.Conn, n)
	var dialers, users errgroup.Group
	const parallel = 32
	dialers.SetLimit(parallel)
	for i := range connections {
		dialers.Go(func() (err error) {
			connections[i], err = dial()
			return err
		})
	}
	require.NoError(s.t, dialers.Wait())
	for _, conn := range connections {
		users.Go(func() error { return f(conn) })
	}
	require.NoError(s.t, users.Wait())
}
