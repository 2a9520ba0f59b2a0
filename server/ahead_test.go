package server_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// signedAt returns a form body signed at a time with the access key id, whose secret is that of accessKey.
func signedAt(id string, at time.Time, nonce int, action string, pairs ...string) string {
	params := kmsapi.Params{{Name: "Action", Value: action}}
	for i := 0; i < len(pairs); i += 2 {
		params = params.Add(pairs[i], pairs[i+1])
	}
	c := signature.Credentials{AccessKeyID: id, AccessKeySecret: kmsapi.NewSecret(id + "-secret")}
	return signature.SignV1(http.MethodPost, params, c, fmt.Sprint("ahead-", nonce), at).Form()
}

// newAheadLab returns a lab with three access keys of one account. LTAInone has no permission that these tests use.
func newAheadLab(t *testing.T, change func(*server.Config)) *lab {
	return newLab(t, func(c *server.Config) {
		nothing := server.Allow{Actions: []string{"kms:TagResource"}, Resources: []string{"acs:kms:*:2000:key/none"}}
		c.Accounts = append(c.Accounts, server.Account{ID: "2000", AccessKeys: []server.AccessKey{
			accessKey("LTAIone"), accessKey("LTAItwo"), accessKey("LTAInone", nothing),
		}})
		if change != nil {
			change(c)
		}
	})
}

func TestARefusedRequestAheadOfTheClockCostsNoWrite(t *testing.T) {
	l := newAheadLab(t, func(c *server.Config) { c.RateLimits.Read = 5 })
	commits := 0
	l.commit = func(commit func() error) error { commits++; return commit() }
	at := l.now.Add(880 * time.Second)
	for i := range 1000 {
		l.post(signedAt("LTAInone", at, i, "ListKeys")).refused(t, kmsapi.ErrNoPermission)
	}
	require.Zero(t, commits, "without permission")
	l.post(signedAt("LTAInone", at, 0, "ListKeys")).refused(t, kmsapi.ErrSignatureNonceUsed)
	passed := 0
	for i := range 100 {
		if l.post(signedAt("LTAIone", at, i, "ListKeys")).status == http.StatusOK {
			passed++
		}
	}
	require.Equal(t, passed, commits, "above the rate limit")
	require.Equal(t, 5, passed)
}

func TestAnAccessKeyHasALimitOfRequestsAheadOfTheClock(t *testing.T) {
	l := newAheadLab(t, nil)
	const perSecond = 1000
	passed := 0
	for i := range perSecond + 200 {
		got := l.post(signedAt("LTAIone", l.now.Add(time.Minute), i, "ListKeys"))
		if got.status == http.StatusOK {
			passed++
		} else {
			got.refused(t, kmsapi.ErrThrottling)
		}
	}
	require.Equal(t, perSecond, passed)
	require.Equal(t, http.StatusOK, l.post(signedAt("LTAIone", l.now.Add(-time.Second), 5000, "ListKeys")).status,
		"on time it is served")
	require.Equal(t, http.StatusOK, l.post(signedAt("LTAItwo", l.now.Add(time.Minute), 0, "ListKeys")).status,
		"and so is another access key")
}

func TestNoncesAheadOfTheClockStayWithinTheirBoundOnDisk(t *testing.T) {
	l := newAheadLab(t, func(c *server.Config) { c.Limits = &server.Limits{MaxNonces: 100} })
	type sent struct {
		form string
		at   time.Time
	}
	var served []sent
	for i := range 600 {
		at := l.now.Add(14 * time.Minute)
		form := signedAt("LTAIone", at, i, "ListKeys")
		if l.post(form).status == http.StatusOK {
			served = append(served, sent{form, at})
		}
		if l.now = l.now.Add(2 * time.Second); i%30 == 0 {
			require.NoError(t, l.service.Sweep(t.Context()))
			stored, err := l.service.StoredNonces(t.Context())
			require.NoError(t, err)
			require.LessOrEqual(t, stored, 100+30+20, "the bound, a minute's, and a floor for each minute")
		}
	}
	require.Greater(t, len(served), 300)
	require.NoError(t, l.service.Sweep(t.Context()))
	l.restart()
	for _, s := range served {
		require.NotEqual(t, http.StatusOK, l.post(s.form).status, "sent again after a restart")
	}
}

func TestReadsOfAClientALittleAheadGoOnWhenTheStoreTakesNoWrites(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newAheadLab(t, nil)
		began, opened := l.now, time.Now()
		now := func() time.Time { return began.Add(time.Since(opened)) }
		l.adjust = func(o server.Options) server.Options { o.Clock = now; return o }
		l.restart()
		time.Sleep(3 * time.Second) // The second in which the service started has passed.
		key := l.post(signedAt("LTAIone", now().Add(-time.Second), 9, "CreateKey")).KeyMetadata.KeyId
		l.commit = func(func() error) error { return errDisk }
		for i := range 3 {
			form := signedAt("LTAIone", now().Add(2*time.Second), i, "DescribeKey", "KeyId", key)
			start := time.Now()
			require.Equal(t, http.StatusOK, l.post(form).status)
			require.LessOrEqual(t, time.Since(start), 2*time.Second+time.Millisecond,
				"it waits until its timestamp is in the past")
			l.post(form).refused(t, kmsapi.ErrSignatureNonceUsed)
			if i == 2 {
				l.commit = nil
				l.restart()
				l.post(form).refused(t, kmsapi.ErrIllegalTimestamp)
			}
		}
	})
}
