package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// trial is a cluster of nodes in this process, on a clock that only the test moves.
type trial struct {
	t       testing.TB
	cluster *fakeCluster
	network *fakeNetwork
	clock   *fakeClock
	// steps has an element after each step of a node.
	steps chan struct{}
	// stepDown is how long a step-down waits for requests in hand; 0 is the usual time.
	stepDown time.Duration
	dev      *server.DevConfig
	caller   signature.Credentials

	mu     sync.Mutex
	nonces int
}

// trialSkew is how much the clocks of the nodes may differ.
const trialSkew = time.Second

func newTrial(t testing.TB) *trial {
	dev, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	return &trial{
		t: t, cluster: newFakeCluster(t), network: &fakeNetwork{nodes: map[string]*fakeLink{}}, dev: dev,
		caller: signature.Credentials{AccessKeyID: dev.AccessKeyID, AccessKeySecret: dev.AccessKeySecret},
		clock:  &fakeClock{now: time.Date(2026, 11, 22, 9, 0, 0, 5e8, time.UTC)}, steps: make(chan struct{}, 1),
	}
}

// trialNode is a node of a trial.
type trialNode struct {
	*server.Server
	*fakeNode
	trial  *trial
	name   string
	config server.Config
	log    *testlog.Buffer
	closed bool
}

// start starts a node with changes of the configuration. The first node becomes the active one.
func (tr *trial) start(name string, changes ...func(*server.Config)) *trialNode {
	tr.t.Helper()
	return tr.startAhead(name, 0, changes...)
}

// startAhead is start for a node whose clock is ahead of the others'.
func (tr *trial) startAhead(name string, ahead time.Duration, changes ...func(*server.Config)) *trialNode {
	tr.t.Helper()
	n := &trialNode{fakeNode: &fakeNode{cluster: tr.cluster}, trial: tr, name: name, log: &testlog.Buffer{}}
	n.config = tr.dev.Config
	dir := tr.t.TempDir()
	n.config.Audit = &server.AuditConfig{File: filepath.Join(dir, "audit.log")}
	for _, change := range changes {
		change(&n.config)
	}
	n.open(func() time.Time { return tr.clock.Now().Add(ahead) })
	tr.t.Cleanup(n.close)
	return n
}

// open starts the node's server with a clock.
func (n *trialNode) open(clock func() time.Time) {
	n.trial.t.Helper()
	options := server.Options{Logger: slog.New(slog.NewTextHandler(n.log, nil)), Clock: clock}
	started, err := server.Start(n.config, options.As(server.Member{
		Join: func() (cluster.Node, error) { return n.fakeNode, nil },
		Connect: func(handler func(string) http.Handler, said peers.Description) (server.Link, error) {
			l := n.trial.network.join(n.name, handler)
			l.Describe(said)
			return l, nil
		},
		Skew: trialSkew, After: n.trial.after, Stepped: n.trial.stepped, StepDown: n.trial.stepDown,
	}))
	require.NoError(n.trial.t, err)
	n.Server = started
}

func (n *trialNode) close() {
	if !n.closed {
		n.closed = true
		require.NoError(n.trial.t, n.Server.Close())
	}
}

// shutdown stops the node in an orderly way.
func (n *trialNode) shutdown() {
	n.trial.t.Helper()
	n.closed = true
	require.NoError(n.trial.t, n.Server.Shutdown(context.WithoutCancel(n.trial.t.Context())))
}

func (n *trialNode) link() *fakeLink { return n.trial.network.node(n.name) }

// described returns what n tells the others about itself.
func (n *trialNode) described() peers.Description { return *n.link().said.Load() }

func (tr *trial) stepped() {
	select {
	case tr.steps <- struct{}{}:
	default:
	}
}

// await waits until isSo returns true. The clock does not move.
func (tr *trial) await(what string, isSo func() bool) {
	tr.t.Helper()
	late := time.After(time.Minute)
	for !isSo() {
		select {
		case <-tr.steps:
		case <-late:
			tr.t.Fatal("this did not come true: " + what)
		}
	}
}

// awaitInTime is await while the clock moves: by a second whenever a node has done something or begins to wait.
func (tr *trial) awaitInTime(what string, isSo func() bool) {
	tr.t.Helper()
	tr.clock.advance(time.Second)
	tr.await(what, func() bool {
		if isSo() {
			return true
		}
		tr.clock.advance(time.Second)
		return false
	})
}

func (tr *trial) after(d time.Duration) <-chan time.Time {
	defer tr.stepped()
	return tr.clock.After(d)
}

// awaitActive waits until n is the active node.
func (n *trialNode) awaitActive() {
	n.trial.t.Helper()
	n.trial.await(n.name+" is active", func() bool { return n.NodeHealth().Active })
}

// awaitServing waits until n is the active node, and moves the clock until it serves.
func (n *trialNode) awaitServing() {
	n.trial.t.Helper()
	n.awaitActive()
	n.trial.clock.advance(trialSkew + time.Second)
}

// signed returns the form of a signed request.
func (tr *trial) signed(action string, pairs ...string) string {
	return tr.signedAt(tr.clock.Now(), action, pairs...)
}

func (tr *trial) signedAt(at time.Time, action string, pairs ...string) string {
	tr.mu.Lock()
	tr.nonces++
	nonce := fmt.Sprintf("nonce-%d", tr.nonces)
	tr.mu.Unlock()
	params := kmsapi.Params{{Name: "Action", Value: action}}
	for i := 0; i < len(pairs); i += 2 {
		params = params.Add(pairs[i], pairs[i+1])
	}
	return signature.SignV1(http.MethodPost, params, tr.caller, nonce, at).Form()
}

// post sends a form to the shared gateway of n.
func (n *trialNode) post(form string) answer {
	n.trial.t.Helper()
	return n.answer(n.Handler(""), form)
}

func (n *trialNode) answer(handler http.Handler, form string) (got answer) {
	n.trial.t.Helper()
	r := request(http.MethodPost, "/", "", nil)
	r.Body = readCloser{strings.NewReader(form)}
	recorder := httptest.NewRecorder()
	handler.ServeHTTP(recorder, r.WithContext(n.trial.t.Context()))
	got = answer{status: recorder.Code, header: recorder.Header(), body: recorder.Body.Bytes()}
	if err := json.Unmarshal(got.body, &got); err != nil {
		n.trial.t.Errorf("body: %s", got.body)
	}
	return got
}

func (n *trialNode) do(action string, pairs ...string) answer {
	n.trial.t.Helper()
	return n.post(n.trial.signed(action, pairs...))
}

func (n *trialNode) must(action string, pairs ...string) answer {
	n.trial.t.Helper()
	got := n.do(action, pairs...)
	require.Equal(n.trial.t, http.StatusOK, got.status, "%s: %s", action, got.body)
	return got
}

func (n *trialNode) createKey(pairs ...string) string {
	n.trial.t.Helper()
	return n.must("CreateKey", pairs...).KeyMetadata.KeyId
}

// auditLines returns what n has written to its audit log.
func (n *trialNode) auditLines() (lines []map[string]any) {
	n.trial.t.Helper()
	text, err := os.ReadFile(n.config.Audit.File)
	require.NoError(n.trial.t, err)
	for line := range strings.Lines(string(text)) {
		var fields map[string]any
		require.NoError(n.trial.t, json.Unmarshal([]byte(line), &fields), "line: %q", line)
		lines = append(lines, fields)
	}
	return lines
}

// fakeClock is a clock that only the test moves.
type fakeClock struct {
	mu    sync.Mutex
	now   time.Time
	waits []wait
}

type wait struct {
	until time.Time
	ended chan time.Time
}

func (c *fakeClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *fakeClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := wait{c.now.Add(d), make(chan time.Time, 1)}
	c.waits = append(c.waits, w)
	return w.ended
}

func (c *fakeClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	left := c.waits[:0]
	for _, w := range c.waits {
		if c.now.Before(w.until) {
			left = append(left, w)
		} else {
			w.ended <- c.now
		}
	}
	c.waits = left
}
