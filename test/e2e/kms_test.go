package e2e

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// kmsService is a KMS service in a process of its own.
type kmsService struct{ *servers.KMS }

// startKMS starts a service with new data in the suite's folder.
func startKMS(s *suite, name string) (*kmsService, error) {
	k := &kmsService{&servers.KMS{Program: s.service(), Dir: s.folder(name)}}
	s.stopsAtTheEnd(k)
	if err := k.Start(); err != nil {
		return nil, err
	}
	s.secrets.add(k.Exports["ALICLOUD_SECRET_KEY"])
	return k, nil
}

// ownKMS starts a service for one test, which then knows what every CMK is for.
func (s *stage) ownKMS(t *testing.T, name string) *kmsService {
	t.Helper()
	kms, err := startKMS(shared, s.vault.platform.name+"-kms-"+name+"-")
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, kms.Stop()) })
	return kms
}

// client returns a client for the service, to see what the engine has done there.
func (k *kmsService) client(t *testing.T) *client.Client {
	t.Helper()
	c, err := k.Client()
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// cmks returns the ids of all CMKs that the service has.
func (k *kmsService) cmks(t *testing.T) []string {
	t.Helper()
	c := k.client(t)
	var ids []string
	for page := 1; ; page++ {
		found, err := c.ListKeys(t.Context(), &kmsapi.ListKeysRequest{PageNumber: page, PageSize: kmsapi.MaxPageSize})
		require.NoError(t, err)
		for _, key := range found.Keys.Key {
			ids = append(ids, key.KeyId)
		}
		if len(ids) >= found.TotalCount || len(found.Keys.Key) == 0 {
			return ids
		}
	}
}

// post sends a form to the service and returns status and body.
func (k *kmsService) post(t *testing.T, form string) (int, string) {
	t.Helper()
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM([]byte(k.CA)))
	client := &http.Client{
		Timeout:   30 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true},
	}
	resp, err := client.Post("https://"+k.Address+"/", "application/x-www-form-urlencoded", strings.NewReader(form))
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(body)
}
