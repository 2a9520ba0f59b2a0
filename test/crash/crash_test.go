package crash

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"
)

var (
	rounds = flag.Int("rounds", 10, "how often the busy service is killed")
	seed   = flag.Uint64("seed", 0, "the seed printed by an earlier run; 0 picks a new one")
)

const (
	// writersAtWork is the number of writers in addition to the postman.
	writersAtWork = 6
	// roundsPerStore keeps stores small, and makes kills hit new stores too.
	roundsPerStore = 25
)

func TestWhatIsAcknowledgedSurvivesKill(t *testing.T) {
	t.Parallel()
	t.Logf("%d rounds; repeat them with: go test ./test/crash -args -rounds %d -seed %d", *rounds, *rounds, *seed)
	binary := build(t)
	random := rand.New(rand.NewPCG(*seed, 0))
	for first := 0; first < *rounds; first += roundsPerStore {
		l := newLoop(t, binary, random)
		last := min(first+roundsPerStore, *rounds)
		for round := first; round < last; round++ {
			l.round(round, round == last-1)
		}
		l.service.Kill()
	}
}

// A loop kills the service repeatedly, on one store.
type loop struct {
	t       *testing.T
	site    *site
	random  *rand.Rand
	writers []*writer // The postman's is the last.
	postman *postman
	service *service
}

func newLoop(t *testing.T, binary string, random *rand.Rand) *loop {
	l := &loop{t: t, site: newSite(t, binary), random: random}
	for n := range writersAtWork {
		l.writers = append(l.writers, newWriter(fmt.Sprintf("writer%d", n), l.newRandom()))
	}
	l.postman = &postman{writer: newWriter("postman", l.newRandom())}
	l.writers = append(l.writers, l.postman.writer)
	l.killWhileStarting()
	l.service = l.site.start(t)
	return l
}

func (l *loop) newRandom() *rand.Rand {
	return rand.New(rand.NewPCG(l.random.Uint64(), l.random.Uint64()))
}

// round runs all writers on the running service, kills it, and inspects the state that the next process recovers.
func (l *loop) round(number int, all bool) {
	l.t.Helper()
	acknowledged := l.workUntilKilled(20 + l.random.IntN(300))
	if l.random.IntN(4) == 0 {
		l.killWhileStarting()
	}
	l.site.check(l.t)
	l.service = l.site.start(l.t)
	found := inspect(l.t, l.service.dial(l.t))
	found.check(l.writers, all)
	l.postman.resend(l.t, newHTTP(l.t, l.service), l.service)
	l.t.Logf("round %d: killed after %d requests, with %d keys and %d aliases; %d of the requests in doubt had taken effect; "+
		"%d ciphertexts opened, and %d signatures and ciphertexts of asymmetric keys; %d values of %d secrets read",
		number+1, acknowledged, len(found.keys), len(found.aliases), found.happened, found.opened, found.paired,
		found.read, len(found.secrets))
}

// workUntilKilled runs all writers in parallel, and kills the service shortly after a number of requests.
func (l *loop) workUntilKilled(requests int) (acknowledged int64) {
	l.t.Helper()
	delay := time.Duration(l.random.IntN(3000)) * time.Microsecond
	var count atomic.Int64
	progress := func() {
		if count.Add(1) == int64(requests) {
			time.AfterFunc(delay, l.service.Kill)
		}
	}
	c := l.service.dial(l.t)
	work, ctx := errgroup.WithContext(l.t.Context())
	for _, w := range l.writers {
		w.begin(c)
		if w != l.postman.writer {
			work.Go(func() error { return w.work(ctx, progress) })
		}
	}
	h := newHTTP(l.t, l.service)
	work.Go(func() error { return l.postman.work(h, l.service, progress) })
	require.NoError(l.t, work.Wait())
	require.GreaterOrEqual(l.t, count.Load(), int64(requests), "the service ended on its own:\n%s", l.service.Tail())
	l.service.Kill()
	return count.Load()
}

// killWhileStarting starts a process and kills it soon after, at any stage of its start.
func (l *loop) killWhileStarting() {
	l.t.Helper()
	p := l.site.launch(l.t)
	time.Sleep(time.Duration(l.random.IntN(50_000)) * time.Microsecond)
	p.Kill()
}
