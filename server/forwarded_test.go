package server_test

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/peers"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/pki"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// newPeers returns the links of nodes "a" and "b". Node "a" listens and answers with handler.
func newPeers(t testing.TB, handler func(gateway string) http.Handler) (active, standby *peers.Peers) {
	t.Helper()
	now := time.Now()
	ca, err := pki.NewAuthority(pki.CA("peers", now, now.Add(time.Hour)), nil)
	require.NoError(t, err)
	open := func(name, address string) *peers.Peers {
		template := pki.Server(name, nil, now, now.Add(time.Hour))
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
		template.URIs = []*url.URL{{Scheme: "alicloudkms", Host: "test", Path: "/" + name}}
		made, err := ca.Issue(template)
		require.NoError(t, err)
		key, err := pki.EncodeKey(made.Key)
		require.NoError(t, err)
		identity, err := peers.ParseIdentity(
			pki.EncodeCertificates(made.Certificate), key, pki.EncodeCertificates(ca.Certificate), now)
		require.NoError(t, err)
		return peers.New(peers.Options{
			Identity: identity, Self: peers.Description{Address: address}, Handler: handler,
			MaxRequestBytes: 256 << 10, MaxClockSkew: time.Second,
			Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		})
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	active, standby = open("a", listener.Addr().String()), open("b", "")
	served := make(chan error, 1)
	go func() { served <- active.Serve(listener) }()
	t.Cleanup(func() {
		require.NoError(t, errors.Join(standby.Close(), active.Close(), <-served))
	})
	return active, standby
}

// standbyOf returns a handler that forwards requests to a gateway of a lab. It tries again what has certainly not run,
// since a link has two seconds to be made, which a busy machine may exceed.
func standbyOf(l *lab, gateway string) http.Handler {
	active, standby := newPeers(l.t, l.service.Gateway)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		require.NoError(l.t, err)
		a, err := standby.Forward(r.Context(), active.Self(), peers.NewRequest(r, gateway, body))
		for range 20 {
			if !errors.Is(err, peers.ErrNotRun) {
				break
			}
			a, err = standby.Forward(r.Context(), active.Self(), peers.NewRequest(r, gateway, body))
		}
		if err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		maps.Copy(w.Header(), a.Header)
		w.Header().Set("X-Authenticated", fmt.Sprint(a.Authenticated))
		w.WriteHeader(a.Status)
		_, _ = w.Write(a.Body)
	})
}

func TestSignaturesVerifyOnTheNodeThatARequestIsForwardedTo(t *testing.T) {
	l := newLab(t, nil)
	standby := standbyOf(l, "")
	params := l.signed("CreateKey", "Description", "a b+c%2B&=\x7f中\t*'()")
	created := l.answered(standby, request(http.MethodPost, "/", "", nil), params.Form())
	require.Equal(t, http.StatusOK, created.status, "%s", created.body)
	require.Equal(t, "true", created.header.Get("X-Authenticated"))

	large := l.signed("Encrypt", "KeyId", created.KeyMetadata.KeyId, "Plaintext", "eA==", "Padding",
		strings.Repeat("+", 20<<10))
	for name, send := range map[string]func() answer{
		"a query": func() answer {
			signed := signature.SignV1(http.MethodGet, kmsapi.Params{
				{Name: "Action", Value: "DescribeKey"}, {Name: "KeyId", Value: created.KeyMetadata.KeyId},
			}, l.caller, "get", l.now)
			return l.answered(standby, request(http.MethodGet, "/", signed.Form(), http.Header{}), "")
		},
		"query and body": func() answer {
			signed := l.signed("DescribeKey", "KeyId", created.KeyMetadata.KeyId)
			return l.answered(standby, request(http.MethodPost, "/", signed[:2].Form(), nil), signed[2:].Form())
		},
		"a large one": func() answer {
			return l.answered(standby, request(http.MethodPost, "/", "", nil), large.Form())
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := send()
			require.Equal(t, http.StatusOK, a.status, "%s", a.body)
		})
	}
	lines := l.auditLines()
	require.Equal(t, "192.0.2.7", lines[len(lines)-1]["source_ip"], "the client's, not the standby's")
}

func TestAForwardedRequestIsRefusedAsADirectOne(t *testing.T) {
	l := newLab(t, nil)
	standby := standbyOf(l, "")
	params := l.signed("ListKeys").Form()
	for name, tc := range map[string]struct {
		request *http.Request
		body    string
		want    *kmsapi.Error
	}{
		"a wrong signature": {request(http.MethodPost, "/", "", nil), params + "&A=b", kmsapi.ErrIncompleteSignature},
		"another path":      {request(http.MethodPost, "/a%2fb?", "", nil), params, kmsapi.ErrActionNotFound},
		"another method":    {request(http.MethodPut, "/", "", nil), params, kmsapi.ErrUnsupportedHTTPMethod},
		"another type":      {request(http.MethodPost, "/", "", http.Header{}), params, kmsapi.ErrParseRequestParameter},
	} {
		t.Run(name, func(t *testing.T) {
			a := l.answered(standby, tc.request, tc.body)
			a.refused(t, tc.want)
			require.Equal(t, "false", a.header.Get("X-Authenticated"))
			require.Equal(t, "close", a.header.Get("Connection"))
		})
	}
	require.Equal(t, http.StatusOK, l.answered(standby, request(http.MethodPost, "/", "", nil), params).status)
	again := l.answered(standby, request(http.MethodPost, "/", "", nil), params)
	require.NotEqual(t, http.StatusOK, again.status, "a nonce counts once, whichever way it comes: %s", again.body)
}

func TestARequestOfADedicatedGatewayIsForwardedToTheSameOne(t *testing.T) {
	l := newLab(t, nil)
	standby := standbyOf(l, "kst-dev")
	a := l.answered(standby, request(http.MethodPost, "/", "", nil), l.signed("CreateKey").Form())
	require.Equal(t, kmsapi.ErrInvalidAPIName.Code, a.Code, "%s", a.body)
	lines := l.auditLines()
	require.Equal(t, "kst-dev", lines[len(lines)-1]["gateway"])
}

// signACS3 returns the signed header of a request to a host with a query and a body.
func (l *lab) signACS3(host string, query kmsapi.Params, body string) http.Header {
	l.nonces++
	h := http.Header{
		"Content-Type": {"application/x-www-form-urlencoded"}, "X-Acs-Action": {"CreateKey"},
		"X-Acs-Version": {kmsapi.Version}, "X-Acs-Date": {l.now.Format(kmsapi.TimeFormat)},
		"X-Acs-Signature-Nonce": {fmt.Sprintf("nonce-%d", l.nonces)},
		"X-Acs-Content-Sha256":  {signature.HashPayload([]byte(body))}, "X-Other": {"2", "1"},
	}
	names := []string{
		"content-type", "host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce",
		"x-acs-version",
	}
	signed := signature.ACS3{
		Method: http.MethodPost, Path: "/", Query: query, SignedHeaders: names, PayloadHash: h.Get("X-Acs-Content-Sha256"),
		Header: func(name string) string {
			if name == "host" {
				return host
			}
			return h.Get(name)
		},
	}
	h.Set("Authorization", "ACS3-HMAC-SHA256 Credential="+l.caller.AccessKeyID+",SignedHeaders="+
		strings.Join(names, ";")+",Signature="+signature.SignACS3(l.caller.AccessKeySecret, signed.StringToSign()))
	return h
}

func TestACS3RequestsVerifyOnTheNodeThatTheyAreForwardedTo(t *testing.T) {
	l := newLab(t, nil)
	front := httptest.NewServer(standbyOf(l, ""))
	defer front.Close()
	const host, body = "kms.example.com:443", "Description=a+b%2B"
	query := kmsapi.Params{{Name: "Origin", Value: "Aliyun_KMS"}}
	for name, stream := range map[string]io.Reader{
		"with a length": strings.NewReader(body), "in chunks": io.MultiReader(strings.NewReader(body)),
	} {
		t.Run(name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, front.URL+"/?"+query.Form(), stream)
			require.NoError(t, err)
			r.Header, r.Host = l.signACS3(host, query, body), host
			resp, err := http.DefaultClient.Do(r)
			require.NoError(t, err)
			defer resp.Body.Close()
			answered, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, "true", resp.Header.Get("X-Authenticated"), "%s", answered)
			require.Contains(t, string(answered), `"Description":"a b+"`)
		})
	}
}
