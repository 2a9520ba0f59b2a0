package server_test

import (
	"context"
	"net/http"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/asymmetric"
)

// newGenerationLab returns a lab whose key pairs come from generate.
func newGenerationLab(
	t testing.TB, change func(*server.Config), generate func(spec string) (*asymmetric.Key, error),
) *lab {
	l := newLab(t, change)
	l.close()
	l.adjust = func(o server.Options) server.Options { return o.WithKeyPairsFrom(generate) }
	l.open()
	l.now = l.now.Add(time.Second)
	return l
}

// anRSAKey returns a copy of an RSA key from testdata.
func anRSAKey(t testing.TB) (*asymmetric.Key, error) {
	return asymmetric.Parse(kmsapi.KeySpecRSA2048, opensslFile("rsa_2048.pkcs8.der"))
}

// One account's callers fill their part of the queue. Package fair tests that another account's only caller waits for
// only one of them.
func TestOneAccountsRSAKeysDoNotKeepAnotherWaiting(t *testing.T) {
	making := max(1, runtime.GOMAXPROCS(0)/2)
	waiting := max(making, 16)
	finish := make(chan struct{})
	l := newGenerationLab(t, nil, func(spec string) (*asymmetric.Key, error) {
		<-finish
		return asymmetric.Parse(spec, vectorPair(spec))
	})
	const refused = 20
	callers := making + waiting + refused
	statuses := make(chan int, callers)
	for range callers {
		form := l.signed("CreateKey", "KeySpec", "RSA_4096").Form()
		go func() { statuses <- l.post(form).status }()
	}
	for range refused {
		require.Equal(t, http.StatusTooManyRequests, <-statuses, "no more than %d wait", waiting)
	}
	close(finish)
	count := map[int]int{}
	for range making + waiting {
		count[<-statuses]++
	}
	// The wrapping keys that are made in advance may have had a turn, and then one caller more was refused.
	require.GreaterOrEqual(t, count[http.StatusOK], waiting)
	require.Equal(t, making+waiting, count[http.StatusOK]+count[http.StatusTooManyRequests], "%v", count)
}

func TestNoKeyPairIsMadeThatTheQuotaRefuses(t *testing.T) {
	var made atomic.Int64
	l := newGenerationLab(t, func(c *server.Config) {
		c.Quotas = &server.Quotas{Keys: 1, Aliases: -1, KeyVersions: 2}
	}, func(string) (*asymmetric.Key, error) {
		made.Add(1)
		return anRSAKey(t)
	})
	id := l.createKey("KeySpec", "RSA_2048")
	l.do("CreateKey", "KeySpec", "RSA_2048").refused(t, kmsapi.ErrLimitExceeded)
	require.EqualValues(t, 1, made.Load())
	l.must("CreateKeyVersion", "KeyId", id)
	l.do("CreateKeyVersion", "KeyId", id).refused(t, kmsapi.ErrLimitExceeded)
	require.EqualValues(t, 2, made.Load())
}

func TestACallerWhoHangsUpDoesNotWaitForItsKeyPair(t *testing.T) {
	begun, finish := make(chan struct{}), make(chan struct{})
	l := newGenerationLab(t, nil, func(string) (*asymmetric.Key, error) {
		begun <- struct{}{}
		<-finish
		return anRSAKey(t)
	})
	form := l.signed("CreateKey", "KeySpec", "RSA_2048").Form()
	ctx, hangUp := context.WithCancel(t.Context())
	go func() {
		<-begun
		hangUp()
	}()
	got := l.answered(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l.service.ServeHTTP(w, r.WithContext(ctx))
	}), request(http.MethodPost, "/", "", nil), form)
	got.refused(t, kmsapi.ErrServiceUnavailable)
	require.Zero(t, l.must("ListKeys").TotalCount, "no key was made")

	go func() {
		finish <- struct{}{} // Finishes the abandoned one, which frees its slot.
		<-begun
		finish <- struct{}{}
	}()
	l.must("CreateKey", "KeySpec", "RSA_2048")
	require.Equal(t, 1, l.must("ListKeys").TotalCount)
}
