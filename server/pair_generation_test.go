package server_test

import (
	"context"
	"net/http"
	"sync"
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

// One account's callers fill the queue; another account's only caller waits for only one of them.
func TestOneAccountsRSAKeysDoNotKeepAnotherWaiting(t *testing.T) {
	const takes = 100 * time.Millisecond
	l := newLab(t, nil)
	l.close()
	l.adjust = func(o server.Options) server.Options {
		o.KeyPairs = vectorPair
		return o.WithAKeyPairEvery(takes)
	}
	l.open()
	l.now = l.now.Add(time.Second)
	var forms []string
	for range 40 {
		forms = append(forms, l.signed("CreateKey", "KeySpec", "RSA_4096").Form())
	}
	statuses := make(chan int, len(forms))
	var all sync.WaitGroup
	for _, form := range forms {
		all.Go(func() { statuses <- l.post(form).status })
	}
	all.Wait()
	close(statuses)
	count := map[int]int{}
	for status := range statuses {
		count[status]++
	}
	require.Positive(t, count[http.StatusTooManyRequests], "no more than 16 wait: %v", count)
	require.GreaterOrEqual(t, count[http.StatusOK], 16, "%v", count)
	require.Len(t, count, 2)
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
