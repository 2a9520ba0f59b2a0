package peers

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// pool has the links to one peer. It is safe for parallel use.
type pool struct {
	dial  func(context.Context) (*link, error)
	times times
	// slots has an element for each link in use.
	slots chan struct{}

	// mu guards the fields below.
	mu sync.Mutex
	// idle are the links that are not in use; the last one is the most recently used.
	idle   []*link
	closed bool
}

func newPool(links int, t times, dial func(context.Context) (*link, error)) *pool {
	return &pool{dial: dial, times: t, slots: make(chan struct{}, links)}
}

var (
	errBusy   = errors.New("all links to the node are in use")
	errClosed = errors.New("another node is the active one, or this one is being closed")
)

// take returns a link that works, as far as can be known. It is the caller's alone until it is given back.
func (p *pool) take(ctx context.Context) (*link, error) {
	if err := p.await(ctx); err != nil {
		return nil, err
	}
	l, err := p.find(ctx)
	if err != nil && !errors.Is(err, errStillDialing) {
		<-p.slots
	}
	return l, err
}

func (p *pool) await(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return nil
	default:
	}
	wait := time.NewTimer(p.times.slot)
	defer wait.Stop()
	select {
	case p.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-wait.C:
		return errBusy
	}
}

func (p *pool) find(ctx context.Context) (*link, error) {
	for {
		l, err := p.pop()
		if err != nil {
			return nil, err
		}
		if l == nil {
			return p.connect(ctx)
		}
		switch {
		case !l.isQuiet():
			l.close()
		case time.Since(l.used) < p.times.trusted && !l.anchor.stale():
			return l, nil
		default:
			if err := l.ping(ctx); err == nil {
				return l, nil
			}
			if ctx.Err() != nil {
				return nil, fmt.Errorf("no link: %w", ctx.Err())
			}
			p.drop() // What has cut this link has probably cut the others too.
		}
	}
}

// errStillDialing says that dialing goes on without the caller: the slot stays in use until it ends.
var errStillDialing = errors.New("the link was not there in time")

// connect makes a link. If ctx ends first, the link is made anyway: otherwise nodes too busy to make one within the
// time of a request would start over for each request, and never have any.
func (p *pool) connect(ctx context.Context) (*link, error) {
	type result struct {
		link *link
		err  error
	}
	made := make(chan result, 1)
	go func() {
		l, err := p.dial(context.WithoutCancel(ctx))
		made <- result{l, err}
	}()
	select {
	case r := <-made:
		return r.link, r.err
	case <-ctx.Done():
	}
	go func() {
		if r := <-made; r.err == nil {
			p.give(r.link, false)
		} else {
			<-p.slots
		}
	}()
	return nil, fmt.Errorf("%w: %w", errStillDialing, ctx.Err())
}

// pop returns the most recently used idle link, or nil.
func (p *pool) pop() (*link, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	if len(p.idle) == 0 {
		return nil, nil
	}
	last := len(p.idle) - 1
	l := p.idle[last]
	p.idle = p.idle[:last]
	return l, nil
}

// give takes back a link, and closes it if it has failed.
func (p *pool) give(l *link, failed bool) {
	p.mu.Lock()
	failed = failed || p.closed
	if !failed {
		p.idle = append(p.idle, l)
	}
	p.mu.Unlock()
	if failed {
		l.close()
	}
	<-p.slots
}

// drop closes the idle links.
func (p *pool) drop() { p.closeIdle(func(*link) bool { return true }) }

// prune closes the links that nothing has used for a while.
func (p *pool) prune(now time.Time) {
	p.closeIdle(func(l *link) bool { return now.Sub(l.used) > p.times.spare })
}

func (p *pool) closeIdle(which func(*link) bool) {
	p.mu.Lock()
	var kept, closing []*link
	for _, l := range p.idle {
		if which(l) {
			closing = append(closing, l)
		} else {
			kept = append(kept, l)
		}
	}
	p.idle = kept
	p.mu.Unlock()
	for _, l := range closing {
		l.close()
	}
}

// close closes the idle links now, and the others when they are given back.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.drop()
}
