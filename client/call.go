package client

import (
	"context"
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
	// date is the server's time, if it found our timestamp to be off.
	date time.Time
}

func (f *failure) mayRepeat(op kmsapi.Operation) bool {
	return f.transient && f.retryAfter <= maxRetryAfter && (f.unrun || op.Repeatable())
}

// do asks KMS until it answers, or refuses for good, or there is no more time or patience.
func (c *Client) do(ctx context.Context, r kmsapi.Request, answer kmsapi.Response) error {
	op := r.Operation()
	credentials, err := c.cfg.Credentials.Credentials(ctx)
	if err == nil {
		err = checkCredentials(credentials)
	}
	if err != nil {
		return &CredentialsError{Operation: op, Err: err}
	}
	params := c.params(r)
	var told time.Time // the server's time, after it has refused ours
	resynced := false
	for retries := 0; ; {
		ahead := time.Duration(c.ahead.Load())
		at := c.cfg.Clock().Add(ahead)
		if !told.IsZero() {
			at, told = told, time.Time{}
		}
		form := signature.SignV1(http.MethodPost, params, credentials, c.cfg.Nonce(), at).Form()
		f := c.attempt(ctx, op, form, answer)
		if f == nil {
			return nil
		}
		if !resynced && !f.date.IsZero() {
			resynced, told = true, f.date
			c.learn(f.date, ahead)
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

// params are those of r, with the common ones (§1.3) that do not change from one attempt to the next.
func (c *Client) params(r kmsapi.Request) kmsapi.Params {
	common := kmsapi.Params{
		{Name: "Action", Value: string(r.Operation())},
		{Name: "Format", Value: "JSON"},
		{Name: "RegionId", Value: c.cfg.Region},
	}
	return append(common, kmsapi.Encode(r)...)
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
