package main

import (
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

// namedNode returns a node that greets each connection with its name and then waits, and whose health is status.
func namedNode(t *testing.T, name string, status int32) *node {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, name)
		}
	}()
	n := &node{name: name, listen: l.Addr().String()}
	n.status.Store(status)
	return n
}

func TestTheBalancerPrefersTheActiveNodeAndThenOneThatForwards(t *testing.T) {
	const active, standby, down = http.StatusOK, http.StatusTooManyRequests, http.StatusServiceUnavailable
	for name, tc := range map[string]struct {
		health [3]int32
		want   string
	}{
		"the active one":             {[3]int32{standby, down, active}, "c"},
		"one that forwards":          {[3]int32{down, standby, 0}, "b"},
		"any, which says what it is": {[3]int32{down, down, 0}, "a"},
	} {
		t.Run(name, func(t *testing.T) {
			b, err := newBalancer()
			require.NoError(t, err)
			defer b.close()
			var nodes []*node
			for i, n := range []string{"a", "b", "c"} {
				nodes = append(nodes, namedNode(t, n, tc.health[i]))
			}
			b.start(nodes)
			c, err := net.Dial("tcp", b.address())
			require.NoError(t, err)
			defer c.Close()
			greeting := make([]byte, 1)
			_, err = io.ReadFull(c, greeting)
			require.NoError(t, err)
			require.Equal(t, tc.want, string(greeting))
			for _, n := range nodes {
				if n.name == tc.want {
					b.cut(n)
				}
			}
			_, err = c.Read(greeting)
			require.Error(t, err, "its connections are cut with it")
		})
	}
}
