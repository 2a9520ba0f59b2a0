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
	// skewTolerance is less than any server's window, and more than a Date header, which has whole seconds, can be off.
	skewTolerance = 2 * time.Second
)

// A failure says why an attempt did not succeed, and holds what decides whether there may be another.
type failure struct {
	// err is for the caller.
	err error
	// transient failures may be gone the next time.
	transient bool
	// unrun is set if KMS certainly did not act on the request.
	unrun bool
	// throttled is set if KMS throttled the request.
	throttled bool
	// retryAfter is how long the server asks the client to wait.
	retryAfter time.Duration
	// credentials is set if KMS refuses the credentials that signed the request.
	credentials bool
	// serverTime is set if the server refused our timestamp.
	serverTime time.Time
}

func (f *failure) mayRepeat(op kmsapi.Operation) bool {
	return f.transient && f.retryAfter <= maxRetryAfter && (f.unrun || op.Repeatable())
}

// signingState is the time and the credentials that sign the attempts of one call. Time and credentials may be replaced
// once each, which does not count as a retry.
type signingState struct {
	credentials Credentials
	// skew is how far the server's clock was ahead of ours, as known at the last attempt.
	skew time.Duration
	// serverTime is set if the server has just refused our timestamp. The next attempt is signed with it.
	serverTime          time.Time
	clockSet, refreshed bool
	mayHaveRun          bool
}

// record withdraws f's claim that the request is unsent if an earlier attempt may have run.
func (s *signingState) record(f *failure) {
	if unsent, ok := errors.AsType[*TransportError](f.err); ok && s.mayHaveRun {
		unsent.Unsent = false
	}
	s.mayHaveRun = s.mayHaveRun || !f.unrun
}

// Do sends any request of the catalogue and returns its answer, of the type that belongs to r. The function [Do]
// returns it typed. It repeats a request as the package comment says, until KMS answers or refuses, or ctx ends. The
// package comment lists the errors; each names the operation.
func (c *Client) Do(ctx context.Context, r kmsapi.Request) (kmsapi.Response, error) {
	op, params := r.Operation(), c.params(r)
	if err := checkParams(op, params); err != nil {
		return nil, err
	}
	credentials, err := c.credentials(ctx, op)
	if err != nil {
		return nil, err
	}
	g, answer, s := c.gatewayOf(op), r.NewResponse(), &signingState{credentials: credentials}
	for retries := 0; ; {
		f := c.pacedAttempt(ctx, g, op, params, s, answer)
		if f == nil {
			return answer, nil
		}
		s.record(f)
		recovered, err := c.recover(ctx, g, op, s, f)
		if err != nil {
			return nil, err
		}
		if recovered {
			continue
		}
		if retries == c.cfg.MaxRetries || !f.mayRepeat(op) {
			return nil, refused(op, f.err)
		}
		if err := c.wait(ctx, g, op, f, retries); err != nil {
			return nil, refused(op, err)
		}
		retries++
	}
}

// pacedAttempt waits for its turn and makes an attempt.
func (c *Client) pacedAttempt(
	ctx context.Context, g *gateway, op kmsapi.Operation, params kmsapi.Params, s *signingState, answer kmsapi.Response,
) *failure {
	p := g.paces[op.RateClass()]
	if err := p.wait(ctx); err != nil {
		if ctx.Err() == nil {
			return &failure{err: err, unrun: true}
		}
		unsent := &TransportError{Operation: op, Endpoint: g.String(), Unsent: true, Err: gaveUp(ctx)}
		return &failure{err: unsent, unrun: true}
	}
	sent := time.Now()
	f := c.attempt(ctx, g, op, c.sign(g, params, s), answer)
	switch {
	case f == nil:
		p.succeeded()
	case f.throttled:
		p.throttled(sent, f.err)
	}
	return f
}

// A Doer sends requests to KMS. [*Client] is one, and a program's own wrapper around it may be another.
type Doer interface {
	Do(ctx context.Context, r kmsapi.Request) (kmsapi.Response, error)
}

var _ Doer = (*Client)(nil)

// Do calls d.Do, and returns its answer with the type that belongs to r. It is a function because methods have no type
// parameters.
func Do[A any](ctx context.Context, d Doer, r kmsapi.RequestFor[A]) (*A, error) {
	answer, err := d.Do(ctx, r)
	if err != nil {
		return nil, err
	}
	return any(answer).(*A), nil
}

// sign returns the signed form body of one attempt.
func (c *Client) sign(g *gateway, params kmsapi.Params, s *signingState) string {
	s.skew = time.Duration(g.clockSkew.Load())
	at := c.cfg.Clock().Add(s.skew)
	if !s.serverTime.IsZero() {
		at, s.serverTime = s.serverTime, time.Time{}
	}
	return signature.SignV1(http.MethodPost, params, s.credentials, c.cfg.Nonce(), at).Form()
}

// recover replaces the time or the credentials in s if the server refused them, and reports whether another attempt
// makes sense.
func (c *Client) recover(
	ctx context.Context, g *gateway, op kmsapi.Operation, s *signingState, f *failure,
) (bool, error) {
	switch {
	case !s.clockSet && !f.serverTime.IsZero():
		s.clockSet, s.serverTime = true, f.serverTime
		c.recordSkew(g, f.serverTime, s.skew)
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

// commonParams is the capacity for the parameters of nearly all requests.
const commonParams = 8

// params returns the parameters of r, with the common ones (§1.3) that do not change from one attempt to the next.
func (c *Client) params(r kmsapi.Request) kmsapi.Params {
	common := append(make(kmsapi.Params, 0, commonParams),
		kmsapi.Param{Name: "Action", Value: string(r.Operation())},
		kmsapi.Param{Name: "Format", Value: "JSON"},
		kmsapi.Param{Name: "RegionId", Value: c.cfg.Region})
	return kmsapi.AppendParams(common, r)
}

// recordSkew stores how far the server's clock is ahead, if that differs from used, the value that the request was
// signed with: another call may have learned a better one since. A small difference is not stored, since Date has only
// whole seconds. It mattered only to this request, for example because a server that has just restarted can't tell an
// earlier timestamp from a replay.
func (c *Client) recordSkew(g *gateway, serverTime time.Time, used time.Duration) {
	if skew := serverTime.Sub(c.cfg.Clock()); (skew - used).Abs() > skewTolerance {
		g.clockSkew.Store(int64(skew))
	}
}

// wait pauses between attempts. If the caller's deadline would come first, it returns f's error at once, which says
// more than that time ran out.
func (c *Client) wait(ctx context.Context, g *gateway, op kmsapi.Operation, f *failure, retries int) error {
	pause := f.retryAfter + c.cfg.Jitter(f.spread(retries))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= pause {
		return f.err
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return g.failed(op, fmt.Errorf("%w, while waiting to try again after: %w", gaveUp(ctx), f.err))
	}
}

// spread is the longest random wait in addition to what the server asks for. If the server asks for one, it knows
// better how long to wait, and spread only keeps callers from coming back at the same time.
func (f *failure) spread(retries int) time.Duration {
	if f.retryAfter > 0 {
		return min(backoff(retries), f.retryAfter)
	}
	return backoff(retries)
}

// backoff is the longest wait before the next attempt after that many retries.
func backoff(retries int) time.Duration {
	const doublings = 6 // enough to reach lastBackoff, without overflow
	return min(firstBackoff<<min(retries, doublings), lastBackoff)
}
