package etcd

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
)

// lease is the lease that the leader key is attached to. For this node it ends one margin before etcd can end it,
// counted from when the last answered keep-alive was sent.
type lease struct {
	client *clientv3.Client
	clock  Clock
	id     clientv3.LeaseID
	// last is the last answered keep-alive.
	last atomic.Pointer[keptAlive]
	// idle has a stream that is not in use, if there is one.
	idle chan *keepAlives
}

// keptAlive is a keep-alive or a grant that was answered.
type keptAlive struct {
	sent instant
	// lasts is how long after sent the lease lasts for this node.
	lasts time.Duration
}

// margin is the part of a lease that this node does not use, since clocks run at different rates.
func margin(ttl time.Duration) time.Duration { return ttl / 10 }

func grant(ctx context.Context, client *clientv3.Client, clock Clock, ttl time.Duration) (*lease, error) {
	sent := clock.now()
	answer, err := client.Grant(ctx, int64(ttl.Seconds()))
	if err != nil {
		return nil, err
	}
	l := &lease{client: client, clock: clock, id: answer.ID, idle: make(chan *keepAlives, 1)}
	l.extend(sent, answer.TTL)
	return l, nil
}

// extend records that a keep-alive was answered. An answer that a later one has overtaken changes nothing.
func (l *lease) extend(sent instant, seconds int64) {
	ttl := time.Duration(seconds) * time.Second
	next := &keptAlive{sent: sent, lasts: ttl - margin(ttl)}
	for {
		last := l.last.Load()
		if last != nil && last.sent.monotonic >= sent.monotonic || l.last.CompareAndSwap(last, next) {
			return
		}
	}
}

// remaining returns what is left of the lease; it is negative when it is over.
func (l *lease) remaining() time.Duration {
	last := l.last.Load()
	return last.lasts - l.clock.since(last.sent)
}

var (
	errLeaseRanOut  = errors.New("etcd has not answered within the lease")
	errLeaseRevoked = errors.New("etcd has ended the lease")
)

// keep keeps the lease alive until ctx ends. If the lease ends before that, keep returns why. It asks again without
// waiting for an answer, since the member that was asked may be gone. It calls answered for each answer.
func (l *lease) keep(ctx context.Context, every time.Duration, answered func()) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	revoked := make(chan struct{}, 1)
	ticks := time.NewTicker(every)
	defer ticks.Stop()
	for {
		if l.remaining() <= 0 {
			return errLeaseRanOut
		}
		go l.keepOnce(ctx, answered, revoked)
		select {
		case <-ctx.Done():
			return nil
		case <-revoked:
			return errLeaseRevoked
		case <-ticks.C:
		}
	}
}

// keepOnce sends one keep-alive. [clientv3.Lease.KeepAliveOnce] would repeat it without a pause while etcd is
// unreachable.
func (l *lease) keepOnce(ctx context.Context, answered func(), revoked chan<- struct{}) {
	sent := l.clock.now()
	s, err := l.stream(ctx)
	if err != nil {
		return
	}
	defer time.AfterFunc(max(l.remaining(), time.Millisecond), s.cancel).Stop()
	answer, err := s.ask(l.id)
	switch {
	case err == nil && answer.GetTTL() > 0:
		l.extend(sent, answer.GetTTL())
		l.giveBack(s)
		answered()
		return
	case err == nil, errors.Is(rpctypes.Error(err), rpctypes.ErrLeaseNotFound):
		select {
		case revoked <- struct{}{}:
		default:
		}
	}
	s.cancel()
}

// keepAlives is a stream that carries one keep-alive at a time. It is reused once it has answered: with a password,
// etcd's client logs in for each new stream, which costs etcd a commit and a tenth of a second of a core.
type keepAlives struct {
	pb.Lease_LeaseKeepAliveClient
	cancel context.CancelFunc
}

// stream returns the stream that answered last, or, if that is in use, a new one, which may go to another member.
func (l *lease) stream(ctx context.Context) (*keepAlives, error) {
	select {
	case s := <-l.idle:
		return s, nil
	default:
	}
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	stop := time.AfterFunc(max(l.remaining(), time.Millisecond), cancel)
	defer stop.Stop()
	s, err := pb.NewLeaseClient(l.client.ActiveConnection()).LeaseKeepAlive(ctx)
	if err != nil {
		cancel()
		return nil, err
	}
	return &keepAlives{s, cancel}, nil
}

// giveBack keeps a stream for the next keep-alive, unless there is one already.
func (l *lease) giveBack(s *keepAlives) {
	select {
	case l.idle <- s:
	default:
		s.cancel()
	}
}

func (s *keepAlives) ask(id clientv3.LeaseID) (*pb.LeaseKeepAliveResponse, error) {
	if err := s.Send(&pb.LeaseKeepAliveRequest{ID: int64(id)}); err != nil {
		return nil, err
	}
	return s.Recv()
}

// revoke ends the lease, and with it the leader key. If etcd can't be reached in time, the lease expires.
func (l *lease) revoke(within time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), within)
	defer cancel()
	_, _ = l.client.Revoke(ctx, l.id)
}
