package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// acs3 sends an operation signed with ACS3-HMAC-SHA256, with the security token, if there is one, in a signed header.
func (c caller) acs3(action string) answer {
	c.t.Helper()
	payload := signature.HashPayload(nil)
	h := http.Header{}
	for name, value := range map[string]string{
		"Host": c.kms.Endpoint, "X-Acs-Action": action, "X-Acs-Version": kmsapi.Version, "X-Acs-Content-Sha256": payload,
		"X-Acs-Date": c.kms.Now().UTC().Format(kmsapi.TimeFormat), "X-Acs-Signature-Nonce": newNonce(),
	} {
		h.Set(name, value)
	}
	names := []string{
		"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-security-token", "x-acs-signature-nonce",
		"x-acs-version",
	}
	if c.credentials.SecurityToken.IsEmpty() {
		names = append(names[:4:4], names[5:]...)
	} else {
		h.Set("X-Acs-Security-Token", c.credentials.SecurityToken.Reveal())
	}
	r := signature.ACS3{Method: http.MethodPost, Path: "/", SignedHeaders: names, Header: h.Get, PayloadHash: payload}
	h.Set("Authorization", "ACS3-HMAC-SHA256 Credential="+c.credentials.AccessKeyID+
		",SignedHeaders="+strings.Join(names, ";")+
		",Signature="+signature.SignACS3(c.credentials.AccessKeySecret, r.StringToSign()))
	return c.send(http.MethodPost, "", "", h)
}

func (c caller) withToken(token string) caller {
	c.credentials.SecurityToken = kmsapi.NewSecret(token)
	return c
}

func TestTemporaryAccessKeysNeedTheirToken(t *testing.T) {
	tokenFile := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(tokenFile, []byte("token-in-a-file\n"), 0o600))
	expires := time.Now().Add(time.Hour).UTC().Truncate(time.Second)
	w := configured(t, func(c *server.Config) {
		sts, inFile, plain := accessKey("STS.one"), accessKey("STS.file"), accessKey("LTAIplain")
		sts.SecurityToken, sts.Expires = "the-token", expires.Format(time.RFC3339)
		inFile.SecurityTokenFile = tokenFile
		c.Accounts[0].AccessKeys = append(c.Accounts[0].AccessKeys, sts, inFile, plain)
	})
	sts, inFile, plain := w.as("STS.one"), w.as("STS.file"), w.as("LTAIplain")
	check := func(t *testing.T, c caller, want string) {
		for scheme, got := range map[string]answer{"RPC V1": c.do("DescribeRegions"), "ACS3": c.acs3("DescribeRegions")} {
			require.Equal(t, want, string(got.Code), "%s: %s", scheme, got.body)
			if want != "" {
				require.Equal(t, http.StatusBadRequest, got.status)
			}
		}
	}
	for _, tc := range []struct {
		name   string
		caller caller
		want   string
	}{
		{"the token is good", sts.withToken("the-token"), ""},
		{"a token from a file is good", inFile.withToken("token-in-a-file"), ""},
		{"an access key that has no token needs none", plain, ""},
		{"no token", sts, "MissingSecurityToken"},
		{"another token", sts.withToken("the-other"), "InvalidSecurityToken.MismatchWithAccessKey"},
		{"the beginning of the token", sts.withToken("the-toke"), "InvalidSecurityToken.MismatchWithAccessKey"},
		{"another access key's token", sts.withToken("token-in-a-file"), "InvalidSecurityToken.MismatchWithAccessKey"},
		{"a token where there is none", plain.withToken("the-token"), "InvalidSecurityToken.Malformed"},
	} {
		t.Run(tc.name, func(t *testing.T) { check(t, tc.caller, tc.want) })
	}
	t.Run("a caller that can't sign learns nothing about the token", func(t *testing.T) {
		stranger := sts
		stranger.credentials.AccessKeySecret = kmsapi.NewSecret("guessed")
		check(t, stranger, string(kmsapi.ErrIncompleteSignature.Code))
		check(t, stranger.withToken("the-token"), string(kmsapi.ErrIncompleteSignature.Code))
	})
	t.Run("it ends", func(t *testing.T) {
		check(t, sts.withToken("the-token"), "")
		w.kms.Advance(expires.Sub(w.kms.Now()))
		check(t, sts.withToken("the-token"), "InvalidSecurityToken.Expired")
		check(t, sts.withToken("the-other"), "InvalidSecurityToken.MismatchWithAccessKey")
	})
}

func TestATemporaryAccessKeyEndsToTheSecond(t *testing.T) {
	l := newLab(t, func(c *server.Config) {
		key := accessKey("STS.one")
		key.SecurityToken, key.Expires = "the-token", "2026-11-22T09:10:00Z"
		c.Accounts[0].AccessKeys = append(c.Accounts[0].AccessKeys, key)
	})
	l.caller = signature.Credentials{
		AccessKeyID: "STS.one", AccessKeySecret: kmsapi.NewSecret("STS.one-secret"),
		SecurityToken: kmsapi.NewSecret("the-token"),
	}
	expires := time.Date(2026, 11, 22, 9, 10, 0, 0, time.UTC)
	l.now = expires.Add(-time.Nanosecond)
	l.must("DescribeRegions")
	l.now = expires
	l.do("DescribeRegions").refused(t, kmsapi.ErrSecurityTokenExpired)
}
