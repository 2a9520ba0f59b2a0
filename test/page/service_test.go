package page

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// accounts are the accounts of a service, each with an access key that has its number in its name.
var accounts = []string{"1000000000000001", "1000000000000002", "2000000000000007"}

// service is a running KMS service that has a page.
type service struct {
	*kmstest.KMS
	t      testing.TB
	http   *http.Client
	nonces int
}

// start starts a service with accounts; change may change its configuration before.
func start(t testing.TB, change func(*server.Config)) *service {
	t.Helper()
	dir, err := os.MkdirTemp("", "kms-") // Its name is short, since that of a socket in it must be.
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	kms := kmstest.WithOptions(t, func(c *server.Config) {
		c.Ops = &server.OpsConfig{Address: "127.0.0.1:0", Socket: filepath.Join(dir, "sock")}
		for _, id := range accounts {
			key := server.AccessKey{ID: "LTAI" + id, Secret: "secret-of-" + id}
			c.Accounts = append(c.Accounts, server.Account{ID: id, AccessKeys: []server.AccessKey{key}})
		}
		if change != nil {
			change(c)
		}
	}, server.Options{Version: "v0.2.0"})
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM([]byte(kms.CACert)))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &service{KMS: kms, t: t, http: &http.Client{Transport: transport}}
}

// url is the URL of the page.
func (s *service) url() string { return "http://" + s.OpsAddress() + "/" }

// call sends a request of an account to a region, and returns the fields of the answer that are strings.
func (s *service) call(account, region, action string, pairs ...string) map[string]any {
	s.t.Helper()
	return s.send(s.form(account, region, action, pairs...))
}

// form is a signed request.
func (s *service) form(account, region, action string, pairs ...string) string {
	s.t.Helper()
	params := kmsapi.Params{{Name: "Action", Value: action}, {Name: "RegionId", Value: region}}
	for i := 0; i < len(pairs); i += 2 {
		params = params.Add(pairs[i], pairs[i+1])
	}
	s.nonces++
	caller := signature.Credentials{
		AccessKeyID: "LTAI" + account, AccessKeySecret: kmsapi.NewSecret("secret-of-" + account),
	}
	return signature.SignV1(http.MethodPost, params, caller, fmt.Sprint("nonce-", s.nonces), s.Now()).Form()
}

func (s *service) send(form string) (fields map[string]any) {
	s.t.Helper()
	resp, err := s.http.Post("https://"+s.Endpoint, "application/x-www-form-urlencoded", strings.NewReader(form))
	require.NoError(s.t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(s.t, err)
	require.NoError(s.t, resp.Body.Close())
	require.NoError(s.t, json.Unmarshal(body, &fields), "%s", body)
	return fields
}

// createKey makes a key, and returns its id.
func (s *service) createKey(account, region string, pairs ...string) string {
	s.t.Helper()
	metadata, ok := s.call(account, region, "CreateKey", pairs...)["KeyMetadata"].(map[string]any)
	require.True(s.t, ok)
	return metadata["KeyId"].(string)
}

const (
	here  = "cn-hangzhou"
	there = "cn-beijing"
)

// busy is a service that has something to show everywhere.
func busy(t testing.TB) *service {
	t.Helper()
	s := start(t, func(c *server.Config) {
		c.RateLimits = &server.RateLimits{ListTags: 2, CreateKey: 500, Write: 500, SecretWrite: 100}
	})
	first, second := accounts[0], accounts[1]
	key := s.createKey(first, here)
	for range 3 {
		s.createKey(first, there)
		s.call(first, here, "DisableKey", "KeyId", s.createKey(first, here))
	}
	s.createKey(second, here, "Origin", "EXTERNAL")
	for _, interval := range []string{"30d", "90d", "365d"} {
		s.createKey(second, here, "EnableAutomaticRotation", "true", "RotationInterval", interval)
	}
	for _, days := range []string{"7", "8", "30"} {
		s.call(second, there, "ScheduleKeyDeletion", "KeyId", s.createKey(second, there), "PendingWindowInDays", days)
	}
	s.call(first, here, "CreateSecret", "SecretName", "db/hidden-name", "VersionId", "v1", "SecretData", "hidden-value")
	s.call(first, here, "DeleteSecret", "SecretName", "db/hidden-name", "RecoveryWindowInDays", "7")
	for range 12 {
		s.call(first, here, "Encrypt", "KeyId", key, "Plaintext", "eA==")
		s.call(first, here, "ListResourceTags", "KeyId", key)
	}
	s.call(second, here, "Encrypt", "KeyId", key, "Plaintext", "eA==") // It is another account's key.
	form := s.form(first, here, "DescribeKey", "KeyId", key)
	s.send(form)
	s.send(form) // Its nonce is used.
	return s
}
