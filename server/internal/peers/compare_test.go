package peers

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// watched starts a node with a watch of its own. All watches of a site start at the same time.
func (s *site) watched(name string, change func(*Description)) (*node, *watch) {
	w := &watch{}
	return s.node(name, func(o *Options) {
		o.Clock = func() time.Time { return s.began.Add(w.Clock().Sub(start)) } // Certificates are valid at began.
		o.Elapsed = w.Elapsed
		if change != nil {
			change(&o.Self)
		}
	}), w
}

func TestACandidateIsLikeTheActiveNode(t *testing.T) {
	for name, tc := range map[string]struct {
		active func(*Description)
		want   error
	}{
		"one that is alike":             {func(*Description) {}, nil},
		"another version":               {func(s *Description) { s.Version = "2" }, nil},
		"an older layout of the active": {func(s *Description) { s.Layout = 3 }, nil},
		"a newer layout of the active":  {func(s *Description) { s.Layout = 5 }, ErrLayout},
		"another root key":              {func(s *Description) { s.RootKey = []byte("other") }, ErrRootKey},
		"no root key":                   {func(s *Description) { s.RootKey = nil }, ErrRootKey},
		"another configuration":         {func(s *Description) { s.Config = []byte("other") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			active, _ := s.watched("a", tc.active)
			standby, _ := s.watched("b", nil)
			require.NoError(t, standby.Candidate(), "nothing is known yet")
			require.NoError(t, standby.Compare(t.Context(), active.peer))
			require.ErrorIs(t, standby.Candidate(), tc.want)
		})
	}
}

func TestAConfigurationMayDifferForAWhile(t *testing.T) {
	s := newSite(t)
	active, activeWatch := s.watched("a", func(s *Description) { s.Config = []byte("new") })
	standby, w := s.watched("b", nil)
	pass := func(d time.Duration) {
		w.pass(d)
		activeWatch.pass(d)
		require.NoError(t, standby.Compare(t.Context(), active.peer))
	}
	require.NoError(t, standby.Compare(t.Context(), active.peer))
	pass(ConfigGrace - 1)
	require.NoError(t, standby.Candidate())
	pass(1)
	require.ErrorIs(t, standby.Candidate(), ErrConfig)

	other := *standby.self.Load()
	other.Config = []byte("new")
	standby.Describe(other)
	require.NoError(t, standby.Candidate(), "a reload ends it, without another comparison")
	other.Config = []byte("newer")
	standby.Describe(other)
	require.NoError(t, standby.Candidate(), "and the time begins again")
	pass(ConfigGrace)
	require.ErrorIs(t, standby.Candidate(), ErrConfig)
	changed := *active.self.Load()
	changed.Config = []byte("newer")
	active.Describe(changed)
	pass(0)
	require.NoError(t, standby.Candidate())
}

func TestAClockThatIsOffIsNoCandidates(t *testing.T) {
	s := newSite(t)
	active, activeWatch := s.watched("a", nil)
	standby, w := s.watched("b", nil)
	compare := func() error {
		require.NoError(t, standby.Compare(t.Context(), active.peer))
		return standby.Candidate()
	}
	require.NoError(t, compare())
	for _, off := range []time.Duration{450 * time.Millisecond, -450 * time.Millisecond} {
		activeWatch.set(off)
		require.NoError(t, compare())
		require.Equal(t, off, standby.Others()[0].Ahead)
		activeWatch.set(off)
		require.ErrorIs(t, compare(), ErrClock)
		activeWatch.set(-2 * off)
	}
	require.NoError(t, compare())

	w.set(time.Hour)
	require.ErrorIs(t, standby.Candidate(), ErrClock, "a jump of the own clock is noticed without a comparison")
	w.set(-time.Hour)
	require.NoError(t, standby.Candidate(), "and so is its end, when there may be no active node left")
	w.pass(time.Hour)
	require.NoError(t, standby.Candidate(), "time that goes by is no jump")
}

func TestTheOffsetOfAClockIsWithinHalfOfTheRoundTrip(t *testing.T) {
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	own := func(ms int) reading { return reading{at(ms), time.Duration(ms) * time.Millisecond} }
	for name, tc := range map[string]struct {
		timing       timing
		ahead, bound time.Duration
		ok           bool
	}{
		"a fast link":         {timing{own(0), own(10), at(5), at(5)}, 0, 5 * time.Millisecond, true},
		"a slow peer":         {timing{own(0), own(110), at(5), at(105)}, 0, 5 * time.Millisecond, true},
		"ahead":               {timing{own(0), own(10), at(1005), at(1005)}, time.Second, 5 * time.Millisecond, true},
		"behind":              {timing{own(0), own(10), at(-995), at(-995)}, -time.Second, 5 * time.Millisecond, true},
		"only one way slow":   {timing{own(0), own(10), at(10), at(10)}, 5 * time.Millisecond, 5 * time.Millisecond, true},
		"an answer before it": {timing{own(0), own(10), at(5), at(4)}, 0, 0, false},
		"longer than waited":  {timing{own(0), own(10), at(0), at(11)}, 0, 0, false},
		"no times at all":     {timing{sent: own(0), back: own(10)}, -start.Sub(time.Time{}), 5 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			o, ok := tc.timing.measure()
			require.Equal(t, tc.ok, ok)
			if name != "no times at all" { // The result overflows a duration, but is off in any case.
				require.Equal(t, tc.ahead, o.ahead)
			}
			require.Equal(t, tc.bound, o.bound)
		})
	}
}

func TestASlowExchangeSaysNothingAboutTheClock(t *testing.T) {
	c := comparisons{
		now: func() reading { return reading{wall: start} }, self: func() Description { return Description{} },
		maxSkew: time.Second, peers: map[string]peer{},
	}
	slow := timing{
		sent: reading{start, 0}, back: reading{start.Add(1100 * time.Millisecond), 1100 * time.Millisecond},
		received: start.Add(time.Hour), answered: start.Add(time.Hour),
	}
	c.active(cluster.Peer{Name: "a"}, greeting{}, slow)
	require.NoError(t, c.candidate())
	require.False(t, c.others()[0].Measured)
	slow.back.elapsed = time.Second
	c.active(cluster.Peer{Name: "a"}, greeting{}, slow)
	require.ErrorIs(t, c.candidate(), ErrClock)
}

func TestBothEndsOfAComparisonSeeTheOther(t *testing.T) {
	s := newSite(t)
	active, activeWatch := s.watched("a", func(s *Description) { s.Version, s.Config = "1.2.3", []byte("other") })
	standby, _ := s.watched("b", nil)
	activeWatch.set(time.Minute)
	for range 2 { // The standby's first measurement travels with its second hello.
		require.NoError(t, standby.Compare(t.Context(), active.peer))
	}
	seen, back := standby.Others(), active.Others()
	require.Len(t, seen, 1)
	require.Equal(t, "a", seen[0].Name)
	require.Equal(t, active.peer.Address, seen[0].Address)
	require.Equal(t, "1.2.3", seen[0].Version)
	require.True(t, seen[0].SameRootKey)
	require.False(t, seen[0].SameConfig)
	require.True(t, seen[0].Measured)
	require.Equal(t, time.Minute, seen[0].Ahead)
	require.Equal(t, -seen[0].Ahead, standby.ClockOffset())
	require.Len(t, back, 1)
	require.Equal(t, "b", back[0].Name)
	require.Equal(t, standby.peer.Address, back[0].Address)
	require.Equal(t, -seen[0].Ahead, back[0].Ahead)
	require.NoError(t, active.Candidate(), "what a standby says disqualifies nobody")
}

func TestPeersThatAreManyAreForgotten(t *testing.T) {
	elapsed := time.Duration(0)
	c := comparisons{
		now: func() reading { return reading{start, elapsed} }, self: func() Description { return Description{} },
		peers: map[string]peer{},
	}
	for n := range maxPeers + 10 {
		elapsed++
		c.greeted(string(rune('A'+n)), greeting{})
	}
	require.Len(t, c.others(), maxPeers)
	require.Equal(t, string(rune('A'+10)), c.others()[0].Name)
}

func TestAnAnswerToAHelloThatIsNoneIsAnError(t *testing.T) {
	s := newSite(t)
	for name, frame := range map[string][]byte{
		"nothing":       nil,
		"goodbye":       bare(goodbye),
		"another kind":  bare(pong),
		"no JSON":       finish(append(newFrame(hello, 0), "{"...)),
		"a long header": {byte(hello), 0, 1, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			active := s.impostor("a", func(conn *tls.Conn) {
				if _, ok := expect(conn, hello); ok {
					_, _ = conn.Write(frame)
				}
			})
			standby := s.node("b", nil)
			require.Error(t, standby.Compare(t.Context(), active))
			require.Empty(t, standby.Others())
		})
	}
}

func TestRunComparesAgainAndAgain(t *testing.T) {
	s := newSite(t)
	active := s.node("a", nil)
	standby := s.node("b", func(o *Options) { o.times.round = time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() {
		standby.Run(ctx, func() (cluster.Peer, bool) { return active.peer, true })
		close(ended)
	}()
	require.Eventually(t, func() bool {
		others := active.Others()
		return len(others) == 1 && others[0].Measured
	}, time.Minute, time.Millisecond)
	require.NoError(t, active.Close())
	require.Eventually(t, func() bool {
		return strings.Contains(standby.log.String(), "not compared with the active node")
	}, time.Minute, time.Millisecond)
	cancel()
	<-ended
}
