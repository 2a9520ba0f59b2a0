package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

const (
	firstBackoff = 100 * time.Millisecond
	lastBackoff  = 5 * time.Second
	// maxRetryAfter is the longest wait that a server may ask for.
	maxRetryAfter = 10 * time.Second
	// clockTolerance is less than any server's window, and more than what the seconds of a Date header can be off.
	clockTolerance = 2 * time.Second
)

// A failure is why an attempt did not succeed, and what decides whether there may be another.
type failure struct {
	// err is for the caller.
	err error
	// transient failures may be gone the next time.
	transient bool
	// unrun is set if KMS surely did not act on the request.
	unrun bool
	// retryAfter is how long the server asks to be left alone.
	retryAfter time.Duration
	// credentials is set if KMS refuses what the request was signed with.
	credentials bool
	// date is the server's time, if it found our timestamp to be off.
	date time.Time
}

func (f *failure) mayRepeat(op kmsapi.Operation) bool {
	return f.transient && f.retryAfter <= maxRetryAfter && (f.unrun || op.Repeatable())
}

// A signer is what the attempts of one call are signed with. Time and credentials may be mended once each, which does not
// count as a retry.
type signer struct {
	credentials Credentials
	// ahead is how far the server's clock was ahead of ours, as known at the last attempt.
	ahead time.Duration
	// told is the server's time, if it has just refused ours.
	told                time.Time
	resynced, refreshed bool
	// sent is set if KMS may have run an attempt.
	sent bool
}

// note takes back from f that the request is unsent, if that is true of its last attempt only.
func (s *signer) note(f *failure) {
	if unsent, ok := errors.AsType[*TransportError](f.err); ok && s.sent {
		unsent.Unsent = false
	}
	s.sent = s.sent || !f.unrun
}

// do asks KMS until it answers, or refuses for good, or there is no more time or patience.
func (c *Client) do(ctx context.Context, r kmsapi.Request, answer kmsapi.Response) error {
	op := r.Operation()
	credentials, err := c.credentials(ctx, op)
	if err != nil {
		return err
	}
	params, s := c.params(r), &signer{credentials: credentials}
	for retries := 0; ; {
		f := c.attempt(ctx, op, c.sign(params, s), answer)
		if f == nil {
			return nil
		}
		s.note(f)
		mended, err := c.mend(ctx, op, s, f)
		if err != nil {
			return err
		}
		if mended {
			continue
		}
		if retries == c.cfg.MaxRetries || !f.mayRepeat(op) {
			return f.err
		}
		if err := c.wait(ctx, op, f, retries); err != nil {
			return err
		}
		retries++
	}
}

// sign returns the form of one attempt.
func (c *Client) sign(params kmsapi.Params, s *signer) string {
	s.ahead = time.Duration(c.ahead.Load())
	at := c.cfg.Clock().Add(s.ahead)
	if !s.told.IsZero() {
		at, s.told = s.told, time.Time{}
	}
	return signature.SignV1(http.MethodPost, params, s.credentials, c.cfg.Nonce(), at).Form()
}

// mend changes what s signs with, if f says that it was refused for that, and reports whether another attempt makes sense.
func (c *Client) mend(ctx context.Context, op kmsapi.Operation, s *signer, f *failure) (bool, error) {
	switch {
	case !s.resynced && !f.date.IsZero():
		s.resynced, s.told = true, f.date
		c.learn(f.date, s.ahead)
		return true, nil
	case !s.refreshed && f.credentials:
		s.refreshed = true
		fresh, err := c.refresh(ctx, op, s.credentials, f.err)
		if err != nil || fresh.Equal(s.credentials) {
			return false, err
		}
		s.credentials = fresh
		return true, nil
	default:
		return false, nil
	}
}

// usualParams is room for the parameters of nearly all requests.
const usualParams = 8

// params are those of r, with the common ones (§1.3) that do not change from one attempt to the next.
func (c *Client) params(r kmsapi.Request) kmsapi.Params {
	common := append(make(kmsapi.Params, 0, usualParams),
		kmsapi.Param{Name: "Action", Value: string(r.Operation())},
		kmsapi.Param{Name: "Format", Value: "JSON"},
		kmsapi.Param{Name: "RegionId", Value: c.cfg.Region})
	return kmsapi.AppendParams(common, r)
}

// learn keeps how far date, the server's time, is ahead, if that is news compared with the used value. The used value is
// the one that was signed with: another call may have learned a better one since. A small difference is not kept, since
// Date has whole seconds only; it mattered to this one request, say because a server that has just been restarted can't
// tell an earlier timestamp from a replay.
func (c *Client) learn(date time.Time, used time.Duration) {
	if ahead := date.Sub(c.cfg.Clock()); (ahead - used).Abs() > clockTolerance {
		c.ahead.Store(int64(ahead))
	}
}

// wait lets the time pass that should be between attempts. If the caller's deadline would come first, it returns f's
// error at once: that says more than that time ran out.
func (c *Client) wait(ctx context.Context, op kmsapi.Operation, f *failure, retries int) error {
	pause := f.retryAfter + c.cfg.Jitter(backoff(retries))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
		return f.err
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return c.transportError(op, fmt.Errorf("%w, while waiting to try again after: %w", gaveUp(ctx), f.err))
	}
}

// backoff is the longest wait before the next attempt, if there were that many retries.
func backoff(retries int) time.Duration {
	const doublings = 6 // enough to reach lastBackoff, and no overflow
	return min(firstBackoff<<min(retries, doublings), lastBackoff)
}
