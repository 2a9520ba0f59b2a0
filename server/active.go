package server

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/gate"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// active is a node's service during one term. A request runs to its end on the service on which it began.
type active struct {
	*service
	term cluster.Term
	// floor is when the node begins to answer requests: until then, a request might be a replay of one that the
	// previous active node accepted. begun is set once the floor has passed.
	floor time.Time
	begun atomic.Bool

	// relieved is closed by relieve when the node should step down.
	relieved chan struct{}
	relieve  func()

	// stopping is set when no further requests are taken, and ended when no further answers leave.
	stopping, ended atomic.Bool
	// inHand counts the requests that were taken and have not been answered. idle is closed when stopping is set and
	// inHand is zero.
	inHand  atomic.Int64
	idle    chan struct{}
	setIdle sync.Once
}

func newActive(s *service, term cluster.Term) *active {
	a := &active{service: s, term: term, relieved: make(chan struct{}), idle: make(chan struct{})}
	a.relieve = sync.OnceFunc(func() { close(a.relieved) })
	return a
}

// takeOver opens the service on the store of a term: it upgrades the layout, loads the nonces that were stored ahead of
// the clock, and records that this node may accept requests from now on. Everything else that the previous active node
// kept in memory starts empty.
func (n *node) takeOver(ctx context.Context, term cluster.Term) (*active, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		select {
		case <-term.Done():
			cancel()
		case <-ctx.Done():
		}
	}()
	c, f := n.settings()
	a := newActive(&service{host: n.host, store: term.Store()}, term)
	if err := a.store.View(ctx, n.requireStore); err != nil {
		return nil, err
	}
	fresh, err := a.openKeys(ctx)
	if err != nil {
		return nil, err
	}
	n.known.Store(true) // It may have made the store just now.
	mark, err := a.lastMark(ctx, c)
	if err != nil {
		return nil, err
	}
	if err := a.openRooms(ctx, c, f, gate.Options{Fresh: fresh, Mark: mark, Skew: n.skew}, a.serving); err != nil {
		return nil, err
	}
	a.floor = a.gate.Floor()
	a.logFloor(n.skew + time.Second)
	// An exact mark must not stay in the store: it would promise the next node that nothing was accepted since.
	if err := a.markClock(ctx, false); err != nil {
		return nil, err
	}
	n.acceptClock.Store(false)
	return a, nil
}

// serving returns nil while the service's answers are valid, and otherwise the refusal that a request gets. It is
// called twice for every request. An answer that passes may leave a moment later, as on a slow network: it was true
// while this node was the active one, and its nonce is below the mark that the next active node starts with.
func (a *active) serving() error {
	switch {
	case a.ended.Load() || !a.term.Valid():
		return errEnded
	case a.isEarly():
		return errTooEarly
	default:
		return nil
	}
}

// isEarly reports whether the floor has not passed yet. Once it returns false, it always does, even if the clock is set
// back.
func (a *active) isEarly() bool {
	if a.begun.Load() {
		return false
	}
	if a.clock().Before(a.floor) {
		return true
	}
	a.begun.Store(true)
	return false
}

// Refusals of a node that is, or was, the active one.
var (
	errEnded = kmsapi.ErrServiceUnavailable.WithMessage(
		"Service Unavailable Temporary. The node of the cluster that received the request is no longer the active one.")
	errTooEarly = kmsapi.ErrServiceUnavailable.WithMessage(
		"Service Unavailable Temporary. Another node of the cluster has just become the active one. Sign the request again.")
)

// take counts a request as in hand until [active.answered] is called. It reports false, and counts nothing, if the node
// is stepping down.
func (a *active) take() bool {
	a.inHand.Add(1)
	if a.stopping.Load() {
		a.answered()
		return false
	}
	return true
}

func (a *active) answered() {
	if a.inHand.Add(-1) == 0 && a.stopping.Load() {
		a.setIdle.Do(func() { close(a.idle) })
	}
}

// stepDown ends the term in order: it takes no further requests, waits until those in hand are answered or ctx ends,
// and stores the high-water mark of the accepted requests for the next active node. No answer leaves after that.
func (a *active) stepDown(ctx context.Context) error {
	a.stopping.Store(true)
	a.inHand.Add(1) // The next line closes idle if nothing is in hand.
	a.answered()
	select {
	case <-a.idle:
	case <-a.term.Done():
	case <-ctx.Done():
	}
	a.ended.Store(true)
	mark := a.gate.LastMark()
	return resign(ctx, a.term, func(w store.Writer) error { return keyring.PutClockMark(w, mark.At, mark.Exact) })
}

// resignTime bounds how long the store may take for the last writes of a term. The next node waits for them.
const resignTime = 5 * time.Second

// resign ends a term in order, even if ctx has ended.
func resign(ctx context.Context, term cluster.Term, last func(store.Writer) error) error {
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), resignTime)
	defer cancel()
	return term.Resign(limited, last)
}

// drop ends the service of a term that has ended.
func (a *active) drop() error {
	a.ended.Store(true)
	if err := a.store.Close(); err != nil && !errors.Is(err, cluster.ErrTermEnded) {
		return err
	}
	return nil
}
