package peers

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// alone returns comparisons with a watch and without a peer.
func alone(w *watch) *comparisons {
	return &comparisons{
		now: func() reading { return reading{w.Clock(), w.Elapsed()} }, self: func() Description { return Description{} },
		maxSkew: time.Second, peers: map[string]peer{},
	}
}

// says lets a peer report how far ahead it has found this node's clock to be.
func (c *comparisons) says(name string, ahead time.Duration) {
	c.greeted(name, greeting{Measured: &measured{Offset: ahead}})
}

func TestTheClockOfTheActiveNodeIsOffIfMostOthersSaySo(t *testing.T) {
	const off, near = 600 * time.Millisecond, 400 * time.Millisecond
	for name, tc := range map[string]struct {
		say  []time.Duration
		want error
	}{
		"nobody":                 {nil, nil},
		"the one other":          {[]time.Duration{-off}, ErrClock},
		"one of two":             {[]time.Duration{off, near}, nil},
		"two of three":           {[]time.Duration{off, -off, near}, ErrClock},
		"all are near":           {[]time.Duration{near, -near}, nil},
		"one that says nonsense": {[]time.Duration{-1 << 63, near}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := alone(&watch{})
			c.greeted("one that can't tell", greeting{})
			for n, ahead := range tc.say {
				c.says(string(rune('a'+n)), ahead)
			}
			require.ErrorIs(t, c.clockOff(), tc.want)
		})
	}
}

func TestTheClockOfANodeThatHasGoneDoesNotCount(t *testing.T) {
	w := &watch{}
	c := alone(w)
	c.says("a", time.Second)
	require.Error(t, c.clockOff())
	w.pass(recently)
	require.Len(t, c.offsets(), 1)
	w.pass(1)
	require.NoError(t, c.clockOff())
	require.Empty(t, c.offsets())
}

func TestANodeTellsAPeerAboutThatOnesClockAlone(t *testing.T) {
	c := alone(&watch{})
	c.active(cluster.Peer{Name: "a"}, greeting{}, timing{
		sent: reading{start, 0}, back: reading{start, 0}, received: start.Add(time.Minute), answered: start.Add(time.Minute),
	})
	require.Equal(t, &measured{Offset: time.Minute}, c.measured("a"))
	require.Nil(t, c.measured("b"), "the next active node would take it for its own")
	require.Equal(t, []time.Duration{time.Minute}, c.offsets(), "it counts once")
}

func TestAnActiveNodeThatIsCutOffIsKnownToBe(t *testing.T) {
	s := newSite(t)
	w := &watch{}
	standby := s.node("b", func(o *Options) { o.Elapsed = w.Elapsed })
	gone, other := cluster.Peer{Name: "a", Address: "127.0.0.1:1"}, cluster.Peer{Name: "c", Address: "127.0.0.1:1"}
	fail := func(to cluster.Peer) { standby.reached(to, standby.Compare(t.Context(), to)) }
	fail(gone)
	require.NoError(t, standby.Unreachable(), "it may have just gone")
	w.pass(unreachableAfter)
	require.ErrorContains(t, standby.Unreachable(), "node a at 127.0.0.1:1: ")
	fail(gone)
	require.Error(t, standby.Unreachable())
	fail(other)
	require.NoError(t, standby.Unreachable(), "another one")
	w.pass(unreachableAfter)
	require.Error(t, standby.Unreachable())
	standby.reached(other, nil)
	require.NoError(t, standby.Unreachable())
}

func TestTheActiveNodeIsNotForgottenForOthers(t *testing.T) {
	w := &watch{}
	c := alone(w)
	c.active(cluster.Peer{Name: "active"}, greeting{}, timing{back: reading{start, 0}})
	for n := range 3 * maxPeers {
		w.pass(time.Second)
		c.greeted(string(rune('A'+n)), greeting{})
	}
	require.Len(t, c.peers, maxPeers)
	require.Contains(t, c.peers, "active")
}
