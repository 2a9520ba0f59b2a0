package server

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/edge"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/ops"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
)

// node is a server's part in a cluster. It follows the store, is a candidate for the active node while it may be, and
// opens the service for each of its terms.
type node struct {
	*host
	clusterParts
	member cluster.Node
	// known is set once the node has seen a store: see requireStore.
	known atomic.Bool
	// link is nil until listen.
	link      link
	candidacy *candidacy
	// active is the service of the current term, or nil on a standby.
	active atomic.Pointer[active]
	// standbys answer the requests of each gateway while another node is the active one. They are keyed by the ids of
	// the KMS instances; see [sharedGateway].
	standbys map[string]http.Handler

	// settings and serve are the methods of the Server.
	settings func() (Config, files)
	serve    func(*service)
	// after is [time.After], and stepped is called after each change, unless a test has its own.
	after   func(time.Duration) <-chan time.Time
	stepped func()

	// stand ends the checks and the campaign that start begins, and stood waits for their end.
	stand context.CancelFunc
	stood sync.WaitGroup
	// leave leaves the cluster. Only its first call has an effect.
	leave func() error
}

// join makes the server a node of a cluster. It does not listen yet.
func (s *Server) join(ctx context.Context, c Config, o Options, parts clusterParts) (_ *host, _ *node, err error) {
	h, err := newHost(c, o)
	if err != nil {
		return nil, nil, err
	}
	n := &node{
		host: h, clusterParts: parts, candidacy: newCandidacy(), settings: s.settings, serve: s.serve,
		after: o.after, stepped: o.stepped, stand: func() {},
	}
	n.leave = sync.OnceValue(n.leaveCluster)
	if err = h.openAudit(c); err == nil {
		n.member, err = parts.join(ctx)
	}
	if err != nil {
		return nil, nil, errors.Join(err, h.close())
	}
	n.standbys = h.eachGateway(c, func(o edge.Options) http.Handler {
		return edge.NewStandby(o, n.forwardFrom(o.Gateway))
	})
	return h, n, nil
}

// listen makes the node listen for its peers.
func (n *node) listen() error {
	description, err := n.describe(n.settings())
	if err != nil {
		return err
	}
	n.link, err = n.connect(linkOptions{Handler: n.forwarded, Active: n.leader, Description: description})
	return err
}

// describe returns what the node tells its peers about itself under a configuration, without its address.
func (n *node) describe(c Config, f files) (d peers.Description, err error) {
	d.Version, d.Layout = n.options.Version, keyring.Layout
	if d.RootKey, err = digestRootKey(n.root); err != nil {
		return d, err
	}
	d.Config, err = digestConfig(n.root, c, f.credentials)
	return d, err
}

// reloaded applies what a reload has read. It returns the changes that wait for a restart.
func (n *node) reloaded(c Config, f files) (waiting []ops.Change, err error) {
	if f.node != nil && f.node.expired != nil {
		return nil, f.node.expired // The certificate in use may still be valid.
	}
	description, err := n.describe(c, f)
	if err != nil {
		return nil, err
	}
	n.link.Describe(description)
	if f.node == nil {
		return nil, nil
	}
	n.forStore.current.Store(&f.node.etcd)
	if err := n.link.SetIdentity(f.node.identity); err != nil {
		waiting = append(waiting, ops.Change{Part: "cluster.cert_file", What: err.Error()})
	}
	return waiting, nil
}

// start begins the checks and the campaign.
func (n *node) start() {
	ctx, cancel := context.WithCancel(context.Background())
	n.stand = cancel
	n.stood.Go(func() { n.watch(ctx) })
	n.stood.Go(func() { n.campaign(ctx) })
}

// retryAfter is how long a node waits after it could not take over, or has lost the store.
const retryAfter = time.Second

// campaign makes the node the active one whenever it may be and no other is, until ctx ends.
func (n *node) campaign(ctx context.Context) {
	last := ""
	for n.candidacy.await(ctx) == nil {
		err := n.serveTerm(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			last = ""
			continue
		}
		if err.Error() != last { // The same error may recur for a long time.
			n.log.Error("this node could not be the active one", "error", err)
			last = err.Error()
		}
		select {
		case <-n.after(retryAfter):
		case <-ctx.Done():
		}
	}
}

// serveTerm waits until this node is the active one, and then serves until its term ends. It returns nil if the node
// may no longer stand. If ctx ends while the node is the active one, it returns nil and the term continues.
func (n *node) serveTerm(ctx context.Context) error {
	standing, cancel := n.candidacy.standing(ctx)
	defer cancel()
	term, err := n.member.Lead(standing, n.link.Self())
	if err != nil && standing.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	if _, refusal := n.candidacy.now(); refusal != nil { // It was refused in the moment that it won.
		return resign(ctx, term, unchanged)
	}
	n.metrics.TermBegan()
	a, err := n.takeOver(ctx, term)
	if err != nil {
		return errors.Join(err, resign(ctx, term, unchanged))
	}
	n.become(a)
	select {
	case <-term.Done():
		return n.follow(a)
	case <-a.relieved:
		n.log.Warn("this node steps down, since another one may have an audit log that can be written")
		return n.stepDown(context.WithoutCancel(ctx), a)
	case <-ctx.Done():
		return nil
	}
}

// become starts answering requests with a.
func (n *node) become(a *active) {
	n.link.BecomeActive()
	n.serve(a.service)
	n.active.Store(a)
	n.log.Info("this node is the active one now", "serves_from", latest(a.floor, n.clock()).UTC())
	n.stepped()
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// follow makes the node a standby again after the term of a has ended. It logs why the term has ended, and returns the
// error of closing its service.
func (n *node) follow(a *active) error {
	a.ended.Store(true)
	n.active.Store(nil)
	n.serve(nil)
	if err := a.term.Err(); err != nil {
		n.log.Warn("this node is no longer the active one", "error", err)
	} else {
		n.log.Info("this node has stepped down")
	}
	n.stepped()
	return a.drop()
}

// stepDownTime bounds how long a step-down waits for requests in hand, since no other node can take over meanwhile.
const stepDownTime = time.Second

// stop ends the candidacy. If the node is the active one, it steps down and then answers as a standby.
func (n *node) stop(ctx context.Context) error {
	n.stand()
	n.stood.Wait()
	a := n.active.Load()
	if a == nil {
		return nil
	}
	return n.stepDown(ctx, a)
}

// stepDown ends the term of a in order.
func (n *node) stepDown(ctx context.Context, a *active) error {
	limited, cancel := context.WithTimeout(ctx, n.options.stepDownTime)
	defer cancel()
	err := a.stepDown(limited)
	return errors.Join(err, n.follow(a))
}

// leaveCluster leaves the cluster at once. If the node is the active one, its term ends without a step-down.
func (n *node) leaveCluster() (err error) {
	n.stand()
	n.stood.Wait()
	if n.link != nil {
		err = n.link.Close()
	}
	if a := n.active.Load(); a != nil {
		a.ended.Store(true)
		defer func() { err = errors.Join(err, n.follow(a)) }()
	}
	return errors.Join(err, n.member.Close())
}
