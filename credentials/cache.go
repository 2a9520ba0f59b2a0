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
	// fetchTimeout limits one fetch. credentials-go can't be stopped, but has its own timeout of 15 seconds for each
	// request.
	fetchTimeout = 30 * time.Second
	// failurePause is how long to wait before repeating a failed fetch.
	failurePause = 5 * time.Second
	// refusalPause is how long to wait before fetching refused credentials again after a fetch has returned the same
	// ones.
	refusalPause = 30 * time.Second
	// expiryMargin is how long before they expire credentials are no longer returned while new ones are being fetched.
	expiryMargin = time.Minute
)

// A lease is credentials for a limited time.
type lease struct {
	credentials client.Credentials
	// expires is when they expire, or zero if that is not known.
	expires time.Time
	// refreshAt is when they should be fetched again.
	refreshAt time.Time
}

func (l lease) validAt(t time.Time) bool {
	return l.credentials.AccessKeyID != "" && (l.expires.IsZero() || t.Before(l.expires))
}

// A fetch gets credentials from their source. If fresh is set, it must not return credentials kept from an earlier
// fetch. A cache runs one fetch at a time.
type fetch func(ctx context.Context, fresh bool) (lease, error)

// A cache keeps what fetch returns. It has no lock: its state is replaced as a whole, and only by the fetch that is
// running.
type cache struct {
	name  string
	fetch fetch
	clock func() time.Time

	state  atomic.Pointer[state]
	flight singleflight.Group
}

// state is what a cache knows. It never changes.
type state struct {
	lease
	// err is why the last fetch failed, or nil.
	err error
	// noRefetchUntil is when refused credentials may be fetched again.
	noRefetchUntil time.Time
}

var _ client.Refresher = (*cache)(nil)

func newCache(name string, fetch fetch, clock func() time.Time) *cache {
	c := &cache{name: name, fetch: fetch, clock: clock}
	c.state.Store(&state{})
	return c
}

// Credentials returns the cached credentials, and has them renewed in time. It waits only if there are no valid ones.
func (c *cache) Credentials(ctx context.Context) (client.Credentials, error) {
	now, s := c.clock(), c.state.Load()
	if !now.Before(s.refreshAt) {
		fetched := c.flight.DoChan("", c.renew)
		if !s.validAt(now.Add(expiryMargin)) {
			if err := wait(ctx, fetched); err != nil {
				return client.Credentials{}, err
			}
			s = c.state.Load()
		}
	}
	if !s.validAt(now) {
		return client.Credentials{}, s.cause()
	}
	return s.credentials, nil
}

// Refresh fetches new credentials in place of those that were refused, unless that was just done.
func (c *cache) Refresh(ctx context.Context, refused client.Credentials) (client.Credentials, error) {
	// A running fetch may have started before the refusal. In that case, our own follows it.
	for range 2 {
		if !c.state.Load().mayReplace(refused, c.clock()) {
			break
		}
		fetched := c.flight.DoChan("", func() (any, error) { return c.replace(refused) })
		if err := wait(ctx, fetched); err != nil {
			return client.Credentials{}, err
		}
	}
	s := c.state.Load()
	if s.credentials.Equal(refused) && s.err != nil {
		return client.Credentials{}, s.err
	}
	return s.credentials, nil
}

// wait returns when the fetch has ended, or ctx has. In the latter case, the fetch continues for other callers.
func wait(ctx context.Context, fetched <-chan singleflight.Result) error {
	select {
	case <-fetched:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("the caller gave up waiting for credentials: %w", ctx.Err())
	}
}

// renew fetches if that is still due: another fetch may have ended since the caller looked.
func (c *cache) renew() (any, error) {
	if s := c.state.Load(); !c.clock().Before(s.refreshAt) {
		c.state.Store(c.next(s, false))
	}
	return nil, nil
}

// replace fetches new credentials, if those that were refused have not been replaced meanwhile.
func (c *cache) replace(refused client.Credentials) (any, error) {
	s := c.state.Load()
	if !s.mayReplace(refused, c.clock()) {
		return nil, nil
	}
	next := c.next(s, true)
	next.noRefetchUntil = c.clock().Add(refusalPause)
	c.state.Store(next)
	return nil, nil
}

// mayReplace reports whether a fetch is due because of the refusal. It is not if there are already other credentials,
// or if a fetch has just ended.
func (s *state) mayReplace(refused client.Credentials, now time.Time) bool {
	return s.credentials.Equal(refused) && !now.Before(s.noRefetchUntil)
}

// next fetches, and returns the state that follows s. A failed fetch keeps the credentials of s.
func (c *cache) next(s *state, fresh bool) *state {
	ctx, cancel := context.WithTimeout(context.Background(), fetchTimeout)
	defer cancel()
	got, err := c.fetch(ctx, fresh)
	next := &state{lease: got, noRefetchUntil: s.noRefetchUntil}
	if err != nil {
		next.lease, next.err = s.lease, err
		next.refreshAt = c.clock().Add(failurePause)
	}
	return next
}

var errExpired = errors.New("the credentials have expired, and there are no others yet")

// cause returns why there are no valid credentials.
func (s *state) cause() error {
	if s.err != nil {
		return s.err
	}
	return errExpired
}

// Format prints where the credentials come from, for every verb.
func (c *cache) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "credentials of "+c.name) }
