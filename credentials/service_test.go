package credentials

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// A mint is an STS whose sessions a KMS service accepts until they expire on the service's clock.
type mint struct {
	t   *testing.T
	kms *kmstest.KMS

	mu     sync.Mutex // guards minted, and the service's configuration
	minted int
}

// newMint starts both, and returns a provider that assumes a role for sessions of 15 minutes.
func newMint(t *testing.T) (*mint, client.Provider) {
	t.Helper()
	m := &mint{t: t, kms: kmstest.New(t)}
	sts := httptest.NewServer(m)
	t.Cleanup(sts.Close)
	provider, err := New(Config{
		Static: client.Static{AccessKeyID: m.kms.AccessKeyID, AccessKeySecret: m.kms.AccessKeySecret},
		Role:   Role{ARN: vaultRole, Endpoint: sts.URL, Duration: 15 * time.Minute},
		Clock:  m.kms.Now,
	})
	require.NoError(t, err)
	return m, provider
}

func (m *mint) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.minted
}

func (m *mint) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.minted++
	now := m.kms.Now()
	expires := now.Add(15 * time.Minute)
	id := fmt.Sprintf("STS.%d", m.minted)
	if err := m.kms.Admit(id, kmsapi.NewSecret(sessionSecret), kmsapi.NewSecret(sessionToken), expires); err != nil {
		m.t.Error(err)
	}
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	_, _ = io.WriteString(w, session(id, expires))
}

// forget makes the service refuse all existing sessions.
func (m *mint) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	require.NoError(m.t, m.kms.Reload(func(c *server.Config) { c.Accounts[0].AccessKeys = c.Accounts[0].AccessKeys[:1] }))
}

// dial returns a client that does not hide failures with retries.
func (m *mint) dial(provider client.Provider) *client.Client {
	m.t.Helper()
	c, err := client.New(client.Config{
		Endpoint: m.kms.Endpoint, CACert: m.kms.CACert, Region: m.kms.Region, Credentials: provider,
		Clock: m.kms.Now, MaxRetries: -1, RequestTimeout: time.Minute,
	})
	require.NoError(m.t, err)
	m.t.Cleanup(c.Close)
	return c
}

// Four hours pass while eight workers encrypt: about 20 sessions expire, and no call fails.
func TestSessionsExpireUnderLoadAndNoCallFails(t *testing.T) {
	m, provider := newMint(t)
	c := m.dial(provider)
	created, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	request := &kmsapi.EncryptRequest{KeyId: created.KeyMetadata.KeyId, Plaintext: kmsapi.NewSecret("c2VjcmV0")}
	var all sync.WaitGroup
	var calls atomic.Int64
	var over atomic.Bool
	for range 8 {
		all.Go(func() {
			for !over.Load() {
				if _, err := c.Encrypt(t.Context(), request); err != nil {
					t.Error(err)
					return
				}
				calls.Add(1)
			}
		})
	}
	for range 4 * 60 {
		if t.Failed() {
			break
		}
		m.kms.Advance(time.Minute)
		for before := calls.Load(); calls.Load() < before+4 && !t.Failed(); {
			time.Sleep(time.Millisecond)
		}
	}
	over.Store(true)
	all.Wait()
	require.Greater(t, m.count(), 4*60/15, "otherwise no session has expired")
}

func TestSessionsThatKMSForgetsAreReplacedByOne(t *testing.T) {
	m, provider := newMint(t)
	c := m.dial(provider)
	_, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(t, err)
	m.forget()
	together(func() {
		if _, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{}); err != nil {
			t.Error(err)
		}
	})
	require.Equal(t, 2, m.count())
	listed, err := c.ListKeys(t.Context(), &kmsapi.ListKeysRequest{})
	require.NoError(t, err)
	require.Equal(t, 101, listed.TotalCount, "refused requests did not run, and their repetitions ran once")
}
