package ops

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// pageOfNode returns the page of a node.
func pageOfNode(t *testing.T, n Node) string {
	t.Helper()
	metrics := NewMetrics(Labels{})
	for _, result := range []ForwardResult{ForwardAnswered, ForwardAnswered, ForwardAnswered, ForwardNotRun} {
		metrics.Forwarded(result)
	}
	o := Options{
		Status: func() Status {
			s := Status{
				At: now, Started: now.Add(-time.Hour), Usage: func() []Usage { return nil },
				Figures: func() Figures { return Figures{StoreBytes: n.StoreBytes} },
				Records: func(context.Context, int) (Records, error) { return Records{}, nil },
			}
			if n.Active {
				s.Records = func(context.Context, int) (Records, error) {
					return Records{Keys: []KeyCount{{"123456", "cn-hangzhou", kmsapi.Enabled, 7}}}, nil
				}
			}
			return s
		},
		Node: func() Node { return n }, Metrics: metrics, Log: slog.New(slog.DiscardHandler),
	}
	answer := httptest.NewRecorder()
	page(o).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "http://127.0.0.1/", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	return answer.Body.String()
}

// fine returns a node without problems.
func fine() Node {
	return Node{
		Name: "one", ActiveNode: "one", Active: true, Connected: true, Current: true, Mark: "m", Revision: 4321,
		Lease: 4200 * time.Millisecond, StoreBytes: 3_200_000, ClockOffset: -12 * time.Millisecond,
	}
}

func standby() Node {
	n := fine()
	n.Name, n.Active, n.Lease = "two", false, 0
	return n
}

func TestThePageOfTheActiveNode(t *testing.T) {
	page := pageOfNode(t, fine())
	for _, shown := range []string{
		"<title>ok · KMS service · one</title>", "Requests are served.", `href="#cluster"`, "<dd>active</dd>", "<dd>one</dd>",
		"4.2 s left", "3.2 MB, with all else in etcd", "in etcd, 3.2 MB", "<dd>4321</dd>", "has the last commit",
		"12 ms behind the node", "123456", `id="keys"`, `id="requests"`, "Nonces in memory",
	} {
		require.Contains(t, page, shown)
	}
	require.NotContains(t, page, "Takeover")
}

func TestThePageOfAStandbyHasNothingThatIsTheActiveNodes(t *testing.T) {
	page := pageOfNode(t, standby())
	for _, shown := range []string{
		"<title>ok · KMS service · two</title>", "Requests are forwarded to the active node.", "<dd>standby</dd>",
		"<dd>two</dd>",
		"<b>one</b>", "<b>4</b> <span>25 % not answered", "<b>3.2 MB</b>", "this node can take over",
		"is answered by the active node", `id="refusals"`, `id="health"`, "This node itself has refused no request.",
	} {
		require.Contains(t, page, shown)
	}
	for _, empty := range []string{
		`id="keys"`, `id="due"`, `id="requests"`, `href="#keys"`, "There are none yet", "No key is rotated", "Nonces",
		"No request has counted", "Automatic rotations", "By nonce", "takes writes", "Lease",
	} {
		require.NotContains(t, page, empty)
	}
}

func TestThePageSaysWhatIsWrongWithANode(t *testing.T) {
	off := errors.New("its clock is off")
	for name, tc := range map[string]struct {
		change func(*Node)
		shown  []string
	}{
		"a standby that may not stand": {
			func(n *Node) { n.Active, n.Refusal, n.ClockErr, n.Err = false, off, off, errors.New("it may not") },
			[]string{
				"<title>degraded", "Cluster: it may not.",
				`<dd class="bad">this node can&#39;t take over: its clock is off</dd>`, `<dd class="bad">12 ms behind`,
			},
		},
		"no active node": {
			func(n *Node) { n.Active, n.ActiveNode, n.Err = false, "", errNobody },
			[]string{"<title>degraded", `<dd class="bad">none is known</dd>`, "<b>none</b>"},
		},
		"etcd is away": {
			func(n *Node) { n.Connected, n.Current, n.Err = false, false, errNobody },
			[]string{`<dd class="bad">has not answered within a lease</dd>`, `<dd class="bad">may lack the last commit</dd>`},
		},
		"etcd is full": {
			func(n *Node) { n.StoreAlarm = "NOSPACE" }, []string{`<dd class="bad">NOSPACE</dd>`, "Etcd has an alarm, NOSPACE;"},
		},
		"the clock of the active node": {
			func(n *Node) { n.ClockErr = off },
			[]string{"<title>ok", "Requests are served, but:", "its clock is off; no other node can take over"},
		},
		"hostile names": {
			func(n *Node) { n.Name, n.ActiveNode, n.Err = hostile[0], hostile[1], errors.New(hostile[9]) },
			[]string{"&lt;script&gt;"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			n := fine()
			tc.change(&n)
			page := pageOfNode(t, n)
			for _, shown := range tc.shown {
				require.Contains(t, page, shown)
			}
			require.Less(t, len(page), 64<<10)
		})
	}
}

var errNobody = errors.New("nobody is there")
