package credentials

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// tick is a clock that a test moves.
type tick struct{ now atomic.Pointer[time.Time] }

func newTick() *tick {
	c := new(tick)
	now := time.Now()
	c.now.Store(&now)
	return c
}

func (c *tick) Now() time.Time { return *c.now.Load() }

func (c *tick) advance(d time.Duration) {
	later := c.Now().Add(d)
	c.now.Store(&later)
}

// settle waits for the running fetch, if there is one.
func settle(c *cache) { _, _, _ = c.flight.Do("", func() (any, error) { return nil, nil }) }

var errAway = errors.New("it is away")

// A well is a source for a cache: sessions of an hour, numbered, unless the test says otherwise.
type well struct {
	*cache
	clock *tick

	mu      sync.Mutex // guards the fields below
	fetches int
	fresh   int
	err     error
	same    bool
	// Every fetch sends to entered and then waits for goOn, if they are set.
	entered chan struct{}
	goOn    chan struct{}
}

func newWell() *well {
	w := &well{clock: newTick()}
	w.cache = newCache("a test", w.draw, w.clock.Now)
	return w
}

func (w *well) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *well) counts() (fetches, fresh int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fetches, w.fresh
}

func (w *well) draw(ctx context.Context, fresh bool) (lease, error) {
	w.mu.Lock()
	entered, goOn := w.entered, w.goOn
	w.mu.Unlock()
	if entered != nil {
		entered <- struct{}{}
		select {
		case <-goOn:
		case <-ctx.Done():
			return lease{}, ctx.Err()
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fetches++
	if fresh {
		w.fresh++
	}
	if w.err != nil {
		return lease{}, w.err
	}
	n := w.fetches
	if w.same {
		n = 1
	}
	now := w.clock.Now()
	return lease{credentials: key(n), expires: now.Add(time.Hour), refreshAt: now.Add(40 * time.Minute)}, nil
}

func key(n int) client.Credentials {
	return client.Credentials{
		AccessKeyID:     "STS." + strconv.Itoa(n),
		AccessKeySecret: kmsapi.NewSecret(sessionSecret),
		SecurityToken:   kmsapi.NewSecret(sessionToken),
	}
}

// together calls do from many goroutines at once.
func together(do func()) {
	var all sync.WaitGroup
	for range 100 {
		all.Go(do)
	}
	all.Wait()
}

func TestManyFirstRequestsFetchOnce(t *testing.T) {
	w := newWell()
	together(func() {
		if got, err := w.Credentials(t.Context()); err != nil || got.AccessKeyID != "STS.1" {
			t.Errorf("%v, %v", got.AccessKeyID, err)
		}
	})
	fetches, _ := w.counts()
	require.Equal(t, 1, fetches)
}

func TestCredentialsThatAreRenewedInTimeAreNotWaitedFor(t *testing.T) {
	w := newWell()
	requireKey(t, w, "STS.1")
	w.clock.advance(40*time.Minute - time.Second)
	requireKey(t, w, "STS.1")
	fetches, _ := w.counts()
	require.Equal(t, 1, fetches, "they are not due")

	entered, goOn := make(chan struct{}), make(chan struct{})
	w.set(func() { w.entered, w.goOn = entered, goOn })
	w.clock.advance(time.Second)
	requireKey(t, w, "STS.1")
	<-entered
	together(func() {
		if got, err := w.Credentials(t.Context()); err != nil || got.AccessKeyID != "STS.1" {
			t.Errorf("%v, %v", got.AccessKeyID, err)
		}
	})
	close(goOn)
	settle(w.cache)
	requireKey(t, w, "STS.2")
	fetches, _ = w.counts()
	require.Equal(t, 2, fetches)
}

func TestCredentialsThatExpireSoonAreWaitedFor(t *testing.T) {
	w := newWell()
	requireKey(t, w, "STS.1")
	w.clock.advance(59*time.Minute + time.Second)
	requireKey(t, w, "STS.2")
}

func TestFailedRenewalIsNoticedWhenTheOldCredentialsExpire(t *testing.T) {
	w := newWell()
	requireKey(t, w, "STS.1")
	w.set(func() { w.err = errAway })
	w.clock.advance(40 * time.Minute)
	for range 3 { // many requests, one attempt
		requireKey(t, w, "STS.1")
		settle(w.cache)
	}
	fetches, _ := w.counts()
	require.Equal(t, 2, fetches)
	w.clock.advance(failurePause)
	requireKey(t, w, "STS.1")
	settle(w.cache)
	fetches, _ = w.counts()
	require.Equal(t, 3, fetches)

	w.clock.advance(20*time.Minute - 2*failurePause)
	requireKey(t, w, "STS.1") // The fetch that it waits for fails; the old ones are valid for 5 more seconds.
	w.clock.advance(failurePause)
	_, err := w.Credentials(t.Context())
	require.ErrorIs(t, err, errAway)
	w.set(func() { w.err = nil })
	_, err = w.Credentials(t.Context())
	require.ErrorIs(t, err, errAway, "it failed just now")
	w.clock.advance(failurePause)
	requireKey(t, w, "STS.6")
}

func TestACallerThatGivesUpDoesNotFailTheOthers(t *testing.T) {
	w := newWell()
	entered, goOn := make(chan struct{}), make(chan struct{})
	w.entered, w.goOn = entered, goOn
	hasty, giveUp := context.WithCancel(t.Context())
	result, patient := make(chan error), make(chan error)
	go func() {
		_, err := w.Credentials(hasty)
		result <- err
	}()
	<-entered
	go func() {
		_, err := w.Credentials(t.Context())
		patient <- err
	}()
	giveUp()
	require.ErrorIs(t, <-result, context.Canceled)
	close(goOn)
	require.NoError(t, <-patient)
	fetches, _ := w.counts()
	require.Equal(t, 1, fetches)
}

func TestManyRefusalsFetchAgainOnce(t *testing.T) {
	w := newWell()
	old := requireKey(t, w, "STS.1")
	together(func() {
		if got, err := w.Refresh(t.Context(), old); err != nil || got.AccessKeyID != "STS.2" {
			t.Errorf("%v, %v", got.AccessKeyID, err)
		}
	})
	fetches, fresh := w.counts()
	require.Equal(t, 2, fetches)
	require.Equal(t, 1, fresh)
}

func TestCredentialsThatStayTheSameAreNotFetchedAgainSoon(t *testing.T) {
	w := newWell()
	w.same = true
	old := requireKey(t, w, "STS.1")
	for _, want := range []int{1, 2} {
		for range 3 {
			got, err := w.Refresh(t.Context(), old)
			require.NoError(t, err)
			require.True(t, got.Equal(old))
			_, fresh := w.counts()
			require.Equal(t, want, fresh)
		}
		w.clock.advance(refusalPause)
	}
	w.set(func() { w.same = false })
	got, err := w.Refresh(t.Context(), old)
	require.NoError(t, err)
	require.Equal(t, "STS.4", got.AccessKeyID)
	got, err = w.Refresh(t.Context(), got)
	require.NoError(t, err)
	require.Equal(t, "STS.4", got.AccessKeyID, "nor are new ones that are refused at once")
}

func TestAFetchStartedBeforeTheRefusalDoesNotAnswerIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWell()
		w.same = true
		old := requireKey(t, w, "STS.1")
		entered, goOn := make(chan struct{}), make(chan struct{})
		w.set(func() { w.entered, w.goOn = entered, goOn })
		w.clock.advance(40 * time.Minute)
		requireKey(t, w, "STS.1")
		<-entered
		result := make(chan client.Credentials, 1)
		go func() {
			got, err := w.Refresh(t.Context(), old)
			if err != nil {
				t.Error(err)
			}
			result <- got
		}()
		synctest.Wait() // the refused request waits for the running fetch
		goOn <- struct{}{}
		select {
		case <-entered: // the second fetch, which is for the refusal
			w.set(func() { w.same = false })
			goOn <- struct{}{}
			require.Equal(t, "STS.3", (<-result).AccessKeyID)
			_, fresh := w.counts()
			require.Equal(t, 1, fresh)
		case <-result:
			t.Fatal("the refused credentials were returned, without a search for others")
		}
	})
}

// A request may find that a fetch is due, and start it after another has done it.
func TestAFetchThatHasJustEndedIsNotRepeated(t *testing.T) {
	w := newWell()
	for range 2 {
		_, _ = w.renew()
	}
	old := requireKey(t, w, "STS.1")
	for range 2 {
		_, _ = w.replace(old)
	}
	requireKey(t, w, "STS.2")
	fetches, _ := w.counts()
	require.Equal(t, 2, fetches)
}

func TestAFailedFetchAfterARefusalIsReportedAndNotRepeated(t *testing.T) {
	w := newWell()
	old := requireKey(t, w, "STS.1")
	w.set(func() { w.err = errAway })
	for range 3 {
		_, err := w.Refresh(t.Context(), old)
		require.ErrorIs(t, err, errAway)
	}
	_, fresh := w.counts()
	require.Equal(t, 1, fresh)
	requireKey(t, w, "STS.1")
}

func TestACallerThatGivesUpOnARefusalDoesNotFailTheOthers(t *testing.T) {
	w := newWell()
	old := requireKey(t, w, "STS.1")
	entered, goOn := make(chan struct{}), make(chan struct{})
	w.set(func() { w.entered, w.goOn = entered, goOn })
	hasty, giveUp := context.WithCancel(t.Context())
	result := make(chan error)
	go func() {
		_, err := w.Refresh(hasty, old)
		result <- err
	}()
	<-entered
	giveUp()
	require.ErrorIs(t, <-result, context.Canceled)
	close(goOn)
	settle(w.cache)
	requireKey(t, w, "STS.2")
}
