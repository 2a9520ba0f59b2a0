package link_test

import (
	"bufio"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// echo is a server that answers each line with itself. received has the lines as they arrive.
func echo(t *testing.T) (address string, received <-chan string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	lines := make(chan string, 1000)
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				for in := bufio.NewReader(c); ; {
					line, err := in.ReadString('\n')
					if err != nil {
						return
					}
					lines <- line
					_, _ = io.WriteString(c, line)
				}
			}()
		}
	}()
	return listener.Addr().String(), lines
}

func newLink(t *testing.T, target string) *link.Link {
	t.Helper()
	l, err := link.New("127.0.0.1:0", target)
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	return l
}

type client struct {
	t *testing.T
	net.Conn
	in *bufio.Reader
}

func connect(t *testing.T, l *link.Link) *client {
	t.Helper()
	c, err := net.Dial("tcp", l.Address())
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return &client{t: t, Conn: c, in: bufio.NewReader(c)}
}

func (c *client) send(line string) {
	c.t.Helper()
	_, err := io.WriteString(c, line)
	require.NoError(c.t, err)
}

func (c *client) requireLine(want string) {
	c.t.Helper()
	require.NoError(c.t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	got, err := c.in.ReadString('\n')
	require.NoError(c.t, err)
	require.Equal(c.t, want, got)
}

func (c *client) requireSilence() {
	c.t.Helper()
	require.NoError(c.t, c.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
	_, err := c.in.ReadString('\n')
	require.ErrorIs(c.t, err, os.ErrDeadlineExceeded)
}

func (c *client) requireReset() {
	c.t.Helper()
	require.NoError(c.t, c.SetReadDeadline(time.Now().Add(time.Minute)))
	_, err := c.in.ReadString('\n')
	require.ErrorIs(c.t, err, syscall.ECONNRESET)
}

// requireRefused checks that a new connection is reset, at once or after it was accepted.
func requireRefused(t *testing.T, l *link.Link) {
	t.Helper()
	c, err := net.Dial("tcp", l.Address())
	if err == nil {
		defer c.Close()
		require.NoError(t, c.SetReadDeadline(time.Now().Add(time.Minute)))
		_, err = c.Read(make([]byte, 1))
	}
	require.ErrorIs(t, err, syscall.ECONNRESET)
}

func TestALinkForwardsBothWaysAndTheEndOfEach(t *testing.T) {
	target, _ := echo(t)
	c := connect(t, newLink(t, target))
	c.send("one\n")
	c.requireLine("one\n")
	require.NoError(t, c.Conn.(*net.TCPConn).CloseWrite())
	_, err := c.in.ReadByte()
	require.ErrorIs(t, err, io.EOF)
}

func TestHeldAnswersArriveWhenTheFaultEnds(t *testing.T) {
	target, received := echo(t)
	l := newLink(t, target)
	c := connect(t, l)
	c.send("one\n")
	c.requireLine("one\n")
	l.Set(link.Fault{HoldAnswers: true})
	c.send("two\n")
	require.Equal(t, "one\n", <-received)
	require.Equal(t, "two\n", <-received)
	c.requireSilence()
	l.Set(link.Fault{})
	c.requireLine("two\n")
}

func TestHeldRequestsDoNotArrive(t *testing.T) {
	target, received := echo(t)
	l := newLink(t, target)
	old := connect(t, l)
	old.send("before\n")
	old.requireLine("before\n")
	<-received
	l.Set(link.Fault{HoldRequests: true})
	halfOpen := connect(t, l)
	for _, c := range []*client{old, halfOpen} {
		c.send("held\n")
		c.requireSilence()
	}
	require.Empty(t, received)
	l.Set(link.Fault{})
	for _, c := range []*client{old, halfOpen} {
		c.requireLine("held\n")
	}
}

func TestACutResetsConnectionsAndLosesWhatIsHeld(t *testing.T) {
	target, received := echo(t)
	l := newLink(t, target)
	l.Set(link.Fault{HoldAnswers: true})
	c := connect(t, l)
	c.send("lost\n")
	require.Equal(t, "lost\n", <-received)
	l.Set(link.Fault{Cut: true})
	c.requireReset()
	requireRefused(t, l)
	l.Set(link.Fault{})
	healed := connect(t, l)
	healed.send("again\n")
	healed.requireLine("again\n")
}

func TestAResetLetsNewConnectionsPass(t *testing.T) {
	target, _ := echo(t)
	l := newLink(t, target)
	c := connect(t, l)
	c.send("one\n")
	c.requireLine("one\n")
	l.Reset()
	c.requireReset()
	c = connect(t, l)
	c.send("two\n")
	c.requireLine("two\n")
}

func TestADelayCountsEachWayAndNotForEachChunk(t *testing.T) {
	target, _ := echo(t)
	l := newLink(t, target)
	const delay, lines = 100 * time.Millisecond, 250 // Fewer than a link reads ahead.
	l.Set(link.Fault{Delay: delay})
	c := connect(t, l)
	began := time.Now()
	for range lines {
		c.send("line\n")
	}
	for range lines {
		c.requireLine("line\n")
	}
	require.GreaterOrEqual(t, time.Since(began), 2*delay)
	require.Less(t, time.Since(began), lines*delay, "chunks are on their way at the same time")
}

func TestATargetThatIsDownResetsTheClient(t *testing.T) {
	requireRefused(t, newLink(t, heldport.For(t)))
}

func TestCloseEndsWhateverIsHeld(t *testing.T) {
	target, _ := echo(t)
	for name, fault := range map[string]link.Fault{
		"nothing": {}, "requests": {HoldRequests: true}, "answers": {HoldAnswers: true}, "a delay": {Delay: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLink(t, target)
			l.Set(fault)
			connect(t, l).send("line\n")
			require.NoError(t, l.Close(), "it waits for all that the link has started")
		})
	}
}

func TestAConnectionThatEndsWhileItIsHeldIsForgotten(t *testing.T) {
	target, received := echo(t)
	l := newLink(t, target)
	c := connect(t, l)
	l.Set(link.Fault{HoldAnswers: true})
	c.send("line\n")
	<-received
	l.Reset()
	c.requireReset()
	l.Set(link.Fault{})
	c = connect(t, l)
	c.send("more\n")
	c.requireLine("more\n")
}
