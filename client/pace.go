package client

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// firstRate is the lowest rate that a pace starts with, in requests a second, and slowestRate the lowest that it
	// falls to.
	firstRate   = 10.0
	slowestRate = 1.0
	// cautious is the fraction of the rate at which KMS has just answered that a pace starts with, and slower the
	// fraction that remains each time KMS throttles again.
	cautious = 0.9
	slower   = 0.7
	// growth is the fraction by which the rate grows in a second in which KMS does not throttle.
	growth = 0.2
	// settle is how long a slower rate takes to have an effect, since requests that already have their turn keep it. If
	// two gaps are longer, they count instead.
	settle = 200 * time.Millisecond
	// forgetAfter is how long after the last throttling the pace ends.
	forgetAfter = 10 * time.Second
)

// A pace lets the requests of one rate class on one gateway take turns once KMS throttles them. Without it, each of
// many requests would retry on its own, and most would use up their retries while KMS answers others.
//
// It starts a little below the rate at which KMS has just answered, grows while KMS answers, and falls when KMS
// throttles again. While KMS does not throttle, it costs one atomic load and one atomic add a request.
type pace struct {
	answered meter
	// gap is the time between two requests, in nanoseconds, and 0 while there is no pace.
	gap atomic.Int64

	mu sync.Mutex // guards what follows
	// next is when the next request may be sent.
	next time.Time
	// slowed is when the rate last fell.
	slowed time.Time
	// refusal is KMS's refusal at that time.
	refusal error
}

// wait returns when it is the caller's turn. If that is later than ctx allows, it returns KMS's last refusal at once,
// which says more than that time ran out.
func (p *pace) wait(ctx context.Context) error {
	if p.gap.Load() == 0 {
		return nil
	}
	turn, err := p.reserve(ctx)
	if err != nil {
		return err
	}
	timer := time.NewTimer(time.Until(turn))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// reserve takes the next turn, and returns its time.
func (p *pace) reserve(ctx context.Context) (turn time.Time, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	turn = time.Now()
	if p.isPast(turn) { // Even if nothing has succeeded since, so that the pace does not prolong an outage.
		p.gap.Store(0)
		return turn, nil
	}
	if p.next.After(turn) {
		turn = p.next
	}
	if deadline, ok := ctx.Deadline(); ok && turn.After(deadline) {
		return turn, p.refusal
	}
	p.next = turn.Add(time.Duration(p.gap.Load()))
	return turn, nil
}

// succeeded counts an answer that is not a throttling, and lets the rate grow.
func (p *pace) succeeded() {
	now := time.Now()
	p.answered.add(now)
	if p.gap.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	gap := float64(p.gap.Load())
	if p.isPast(now) {
		gap = 0
	}
	// At this rate there are 1s/gap answers a second, each of which adds its share of the growth.
	p.gap.Store(int64(gap * (1 - growth*gap/float64(time.Second))))
}

// isPast reports whether KMS has not throttled for so long that the pace has ended. The caller holds p.mu.
func (p *pace) isPast(now time.Time) bool { return now.Sub(p.slowed) > forgetAfter }

// throttled lets the rate fall, unless the request was sent before the last fall had an effect, and so says nothing
// about the present rate.
func (p *pace) throttled(sent time.Time, refusal error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !sent.After(p.slowed.Add(max(settle, time.Duration(2*p.gap.Load())))) {
		return
	}
	now := time.Now()
	rate := max(cautious*p.answered.perSecond(now), firstRate)
	if gap := p.gap.Load(); gap > 0 {
		rate = max(slower*float64(time.Second)/float64(gap), slowestRate)
	}
	gap := time.Duration(float64(time.Second) / rate)
	p.gap.Store(int64(gap))
	p.slowed, p.next, p.refusal = now, now.Add(gap), refusal
}

// A meter counts events by the second, without a lock. Events at the turn of a second may be counted a second too late
// or too early, which does not matter here.
type meter struct {
	second        atomic.Int64
	count, before atomic.Int64
}

func (m *meter) add(now time.Time) {
	m.turn(now.Unix())
	m.count.Add(1)
}

// turn starts counting a new second, if it has begun.
func (m *meter) turn(second int64) {
	last := m.second.Load()
	if second == last || !m.second.CompareAndSwap(last, second) {
		return
	}
	count := m.count.Swap(0)
	if second != last+1 {
		count = 0
	}
	m.before.Store(count)
}

// perSecond returns the number of events in the second before now.
func (m *meter) perSecond(now time.Time) float64 {
	m.turn(now.Unix())
	passed := float64(now.Nanosecond()) / float64(time.Second)
	return float64(m.count.Load()) + (1-passed)*float64(m.before.Load())
}

// paces returns a pace for each rate class.
func paces() map[kmsapi.RateClass]*pace {
	all := map[kmsapi.RateClass]*pace{}
	for _, class := range kmsapi.RateClasses() {
		all[class] = new(pace)
	}
	return all
}
