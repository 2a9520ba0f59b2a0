package credentials

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
)

const (
	// fetchTimeout limits one fetch. credentials-go can't be stopped, and has timeouts of its own, of 15 seconds a request.
	fetchTimeout = 30 * time.Second
	// failurePause is how long a fetch that failed is not tried again.
	failurePause = 5 * time.Second
	// refusalPause is how long refused credentials are not read again, after that has given the same ones.
	refusalPause = 30 * time.Second
	// tooLate is how soon before their end credentials are not handed out any more while new ones are being fetched.
	tooLate = time.Minute
)

// A lease is credentials for a time.
type lease struct {
	credentials client.Credentials
	// expires is when they end; zero if nobody knows.
	expires time.Time
	// due is when they should be fetched again.
	due time.Time
}

func (l lease) goodAt(t time.Time) bool {
	return l.credentials.AccessKeyID != "" && (l.expires.IsZero() || t.Before(l.expires))
}

// A fetch gets credentials from where they come from. If fresh is set, none that were kept from before will do. There is
// one fetch of a cache at a time.
type fetch func(ctx context.Context, fresh bool) (lease, error)

// A cache keeps what fetch gives. It has no lock: held is replaced as a whole, and only by the one fetch under way.
type cache struct {
	name  string
	fetch fetch
	clock func() time.Time

	held   atomic.Pointer[held]
	flight singleflight.Group
}

// held is what a cache knows. It never changes.
type held struct {
	lease
	// err is why the last fetch failed, and nil if it did not.
	err error
	// quiet is until when refused credentials are not fetched again.
	quiet time.Time
}

var _ client.Refresher = (*cache)(nil)

func newCache(name string, fetch fetch, clock func() time.Time) *cache {
	c := &cache{name: name, fetch: fetch, clock: clock}
	c.held.Store(&held{})
	return c
}

// Credentials returns what is held, and sees to it that it is renewed in time. It waits only if what is held is no good.
func (c *cache) Credentials(ctx context.Context) (client.Credentials, error) {
	now, h := c.clock(), c.held.Load()
	if !now.Before(h.due) {
		fetched := c.flight.DoChan("", c.renew)
		if !h.goodAt(now.Add(tooLate)) {
			if err := wait(ctx, fetched); err != nil {
				return client.Credentials{}, err
			}
			h = c.held.Load()
		}
	}
	if !h.goodAt(now) {
		return client.Credentials{}, h.why()
	}
	return h.credentials, nil
}

// Refresh fetches other credentials than those that were refused, unless that was done just now.
func (c *cache) Refresh(ctx context.Context, refused client.Credentials) (client.Credentials, error) {
	// A fetch that is under way may have begun before the refusal, and is then followed by one of our own.
	for range 2 {
		if c.held.Load().settles(refused, c.clock()) {
			break
		}
		fetched := c.flight.DoChan("", func() (any, error) { return c.replace(refused) })
		if err := wait(ctx, fetched); err != nil {
			return client.Credentials{}, err
		}
	}
	h := c.held.Load()
	if h.credentials.Equal(refused) && h.err != nil {
		return client.Credentials{}, h.err
	}
	return h.credentials, nil
}

// wait returns when the fetch is done, or when the caller has no more time for it; the fetch goes on for others then.
func wait(ctx context.Context, fetched <-chan singleflight.Result) error {
	select {
	case <-fetched:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the caller gave up waiting for credentials: %w", ctx.Err())
	}
}

// renew fetches if that is still due: another fetch may have ended since it was found to be.
func (c *cache) renew() (any, error) {
	if h := c.held.Load(); !c.clock().Before(h.due) {
		c.held.Store(c.next(h, false))
	}
	return nil, nil
}

// replace fetches anew, if refused is still what is held.
func (c *cache) replace(refused client.Credentials) (any, error) {
	h := c.held.Load()
	if h.settles(refused, c.clock()) {
		return nil, nil
	}
	next := c.next(h, true)
	next.quiet = c.clock().Add(refusalPause)
	c.held.Store(next)
	return nil, nil
}

// settles reports whether nothing is to be fetched because of the refusal: there are other credentials already, or it was
// tried.
func (h *held) settles(refused client.Credentials, now time.Time) bool {
	return !h.credentials.Equal(refused) || now.Before(h.quiet)
}

// next is what to hold after h. What is held stays if the fetch fails.
func (c *cache) next(h *held, fresh bool) *held {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	got, err := c.fetch(ctx, fresh)
	next := &held{lease: got, quiet: h.quiet}
	if err != nil {
		next.lease, next.err = h.lease, err
		next.due = c.clock().Add(failurePause)
	}
	return next
}

var errEnded = errors.New("the credentials have ended, and there are no others yet")

// why says why there are no credentials.
func (h *held) why() error {
	if h.err != nil {
		return h.err
	}
	return errEnded
}

// Format prints where the credentials come from, for every verb.
func (c *cache) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "credentials of "+c.name) }
