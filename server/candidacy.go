package server

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// candidacy records whether a node may become the active one, and if not, why. It is safe for concurrent use.
type candidacy struct {
	mu      sync.Mutex
	refusal error
	// changed is closed when refusal becomes nil or stops being nil.
	changed chan struct{}
}

// newCandidacy returns the candidacy of a node that has not been checked.
func newCandidacy() *candidacy {
	return &candidacy{refusal: errNotChecked, changed: make(chan struct{})}
}

var errNotChecked = errors.New("this node has just started")

// set records why the node may not stand; nil means that it may. It reports whether that differs from before.
func (c *candidacy) set(refusal error) (news bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if (c.refusal == nil) != (refusal == nil) {
		close(c.changed)
		c.changed = make(chan struct{})
	}
	news = fmt.Sprint(c.refusal) != fmt.Sprint(refusal)
	c.refusal = refusal
	return news
}

// now returns why the node may not stand, or nil if it may, and a channel that is closed when that changes.
func (c *candidacy) now() (changed <-chan struct{}, refusal error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.changed, c.refusal
}

// await waits until the node may stand. It returns the error of ctx if that ends first.
func (c *candidacy) await(ctx context.Context) error {
	for {
		changed, refusal := c.now()
		if refusal == nil {
			return ctx.Err()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// standing returns a context that ends when the node may no longer stand. The caller must cancel it.
func (c *candidacy) standing(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	changed, refusal := c.now()
	if refusal != nil {
		cancel()
		return ctx, cancel
	}
	go func() {
		select {
		case <-changed:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// checkEvery is the interval between checks whether a node may stand.
const checkEvery = time.Second

// watch checks whether the node may stand until ctx ends. It does so on the active node too, for [node.status].
func (n *node) watch(ctx context.Context) {
	for unaudited := 0; ctx.Err() == nil; {
		refusal := n.check(ctx)
		if ctx.Err() != nil {
			return
		}
		n.note(refusal)
		if unaudited++; !errors.Is(refusal, errUnaudited) {
			unaudited = 0
		}
		if a := n.active.Load(); a != nil && unaudited >= unauditedChecks {
			a.relieve()
		}
		select {
		case <-n.after(checkEvery):
		case <-ctx.Done():
		}
	}
}

// unauditedChecks is the number of consecutive checks in which the active node could not write its audit log before it
// steps down. It refuses all requests meanwhile, so nothing is lost by stepping down, and another node may have space
// on its disk.
const unauditedChecks = 2

var errUnaudited = errors.New("its audit log can't be written")

// note records whether the node may stand, and logs a change.
func (n *node) note(refusal error) {
	switch news := n.candidacy.set(refusal); {
	case news && refusal != nil:
		n.log.Warn("this node may not become the active one", "error", refusal)
	case news:
		n.log.Info("this node may become the active one")
	}
	n.stepped()
}

// check returns why the node may not become the active one, or nil.
func (n *node) check(ctx context.Context) error {
	err := n.member.Follow(ctx, func(r store.Reader) error {
		if err := keyring.VerifyIn(r, n.root); err != nil {
			return err
		}
		if err := n.requireStore(r); err != nil {
			return err
		}
		return n.checkMark(r)
	})
	if err != nil {
		return err
	}
	if err := n.link.Candidate(); err != nil {
		return err
	}
	if err := n.auditHealth(); err != nil {
		return fmt.Errorf("%w: %w", errUnaudited, err)
	}
	return nil
}

// errEmptied reports that all records were deleted. With a new store in their place, the service would tell every
// client that its keys do not exist.
var errEmptied = errors.New("the store is empty, and was not before: stop all nodes and restore a backup; " +
	"a node that is started again would begin a new store")

// requireStore refuses the node if there is no store, although the node has seen one.
func (n *node) requireStore(r store.Reader) error {
	_, err := keyring.ReadLayout(r)
	switch {
	case err == nil:
		n.known.Store(true)
	case errors.Is(err, store.ErrNotFound) && n.known.Load():
		return errEmptied
	}
	return nil
}

// checkMark refuses the node if its clock is far behind the clock mark that an active node has stored.
func (n *node) checkMark(r store.Reader) error {
	mark, _, err := keyring.ReadClockMark(r)
	if err != nil || n.acceptClock.Load() {
		return err
	}
	c, _ := n.settings()
	return checkClock(c, mark, n.clock().UTC())
}
