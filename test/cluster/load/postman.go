package load

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
)

const (
	// letterPace is the wait between two letters.
	letterPace = 60 * time.Millisecond
	// mostAhead is how far ahead of the callers' clock a letter may be dated: those nonces survive a takeover only if they
	// are stored.
	mostAhead = 10 * time.Minute
)

// A postman sends letters.
type postman struct {
	caller
	// key is the id of a CMK to encrypt with; a letter that creates one sets it.
	key     atomic.Pointer[string]
	letters []*letter
	// onTheWay are the deliveries that have not been answered.
	onTheWay sync.WaitGroup
	// due are letters to be sent again, in order.
	due []delivery
}

// letter is a signed request with its deliveries.
type letter struct {
	history.Letter
	form string
	mu   sync.Mutex
}

type delivery struct {
	at time.Duration
	*letter
}

func newPostman(c caller) *postman { return &postman{caller: c} }

// run sends letters until ctx ends: mostly new ones, and old ones when they are due.
func (p *postman) run(ctx context.Context) {
	defer p.onTheWay.Wait()
	for ctx.Err() == nil {
		if len(p.due) > 0 && p.due[0].at <= p.recorder.Now() {
			p.deliver(ctx, p.due[0].letter)
			p.due = p.due[1:]
			continue
		}
		l := p.write()
		p.letters = append(p.letters, l)
		p.deliver(ctx, l)
		for _, later := range []int{1, 4, 12} {
			p.post(l, time.Duration(later)*time.Second)
		}
		pause(ctx, letterPace)
	}
}

// post schedules a letter to be sent again.
func (p *postman) post(l *letter, later time.Duration) {
	at := p.recorder.Now() + later
	n := len(p.due)
	for n > 0 && p.due[n-1].at > at {
		n--
	}
	p.due = append(p.due[:n:n], append([]delivery{{at, l}}, p.due[n:]...)...)
}

// write signs a letter, in all ways that matter to a memory of nonces: dated now, a little ahead as by a clock that is
// off, and far ahead; and without a nonce, so that only the signature distinguishes it from others.
func (p *postman) write() *letter {
	at := p.site.Clock().Add(time.Duration(p.random.Int64N(int64(2*time.Second)) - int64(time.Second)))
	if p.random.IntN(3) == 0 {
		at = at.Add(time.Duration(p.random.Int64N(int64(mostAhead))))
	}
	nonce := rand.Text()
	if p.random.IntN(4) == 0 {
		nonce = ""
	}
	l := &letter{}
	params := p.content(l)
	l.form = signature.SignV1(http.MethodPost, params, p.site.Credentials, nonce, at).Form()
	return l
}

// content is what a letter asks for, without signature.
func (p *postman) content(l *letter) kmsapi.Params {
	unique := fmt.Sprintf("letter %d %x", len(p.letters), p.random.Uint64())
	key := p.key.Load()
	if key == nil || p.random.IntN(3) == 0 {
		l.Op, l.Description = kmsapi.OpCreateKey, unique
		return kmsapi.Params{
			{Name: "Action", Value: string(l.Op)}, {Name: "Format", Value: "JSON"}, {Name: "Description", Value: unique},
		}
	}
	l.Op = kmsapi.OpEncrypt
	return kmsapi.Params{
		{Name: "Action", Value: string(l.Op)},
		{Name: "Format", Value: "JSON"},
		{Name: "KeyId", Value: *key},
		{Name: "Plaintext", Value: unique},
	}
}

// deliver sends a letter to all nodes at the same time, and waits for none: one that does not answer must not keep the
// others from what comes next.
func (p *postman) deliver(ctx context.Context, l *letter) {
	for node := range p.site.Addresses {
		p.onTheWay.Go(func() { p.deliverTo(ctx, l, node) })
	}
}

// deliverTo sends a letter to one node.
func (p *postman) deliverTo(ctx context.Context, l *letter, node int) {
	e := history.Event{
		World: -1, Caller: p.number, Node: node, Op: l.Op, Description: l.Description, Call: p.recorder.Now(),
	}
	id, err := p.site.send(ctx, node, l.form)
	e.Return = p.recorder.Now()
	var sent bool
	if e.Outcome, e.Code, sent = outcome(err); !sent {
		return
	}
	if e.Outcome == history.Unknown {
		e.Return = history.Never
	}
	if e.Key = id; e.Op == kmsapi.OpCreateKey && e.Outcome == history.Done {
		p.key.Store(&id)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.Deliveries = append(l.Deliveries, e)
}

// settle sends all letters once more, each to one node, and notes them.
func (p *postman) settle(ctx context.Context) {
	for _, l := range p.letters {
		p.deliverTo(ctx, l, p.random.IntN(len(p.site.Addresses)))
		p.recorder.NoteLetter(l.Letter)
	}
}
