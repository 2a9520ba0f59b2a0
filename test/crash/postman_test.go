package crash

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// A postman is a writer that sends only CreateKey, signs its requests itself, and keeps copies to send again.
type postman struct {
	*writer
	letters []letter // of this round
}

type letter struct{ form, description string }

// post sends a letter and returns the id of the CMK that it created. A refusal is a [kmsapi.Error].
func post(h *http.Client, s *service, l letter) (id string, err error) {
	resp, err := h.Post("https://"+s.address+"/", "application/x-www-form-urlencoded", strings.NewReader(l.form))
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var got struct {
		kmsapi.CreateKeyResponse
		Code kmsapi.Code
	}
	if err := json.Unmarshal(body, &got); err != nil {
		return "", err
	}
	if got.Code != "" {
		return "", &kmsapi.Error{Code: got.Code, HTTPStatus: resp.StatusCode, Message: string(body)}
	}
	return got.KeyMetadata.KeyId, nil
}

// newHTTP returns an HTTP client for post that trusts s.
func newHTTP(t *testing.T, s *service) *http.Client {
	t.Helper()
	ca, err := os.ReadFile(s.site.dev.CAFile)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(ca))
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// work sends letters until one gets no response, like [writer.work].
func (p *postman) work(h *http.Client, s *service, progress func()) error {
	for {
		l := p.write(s)
		p.letters = append(p.letters, l)
		id, err := post(h, s, l)
		if err != nil {
			p.unborn = l.description
			return refusalOnly(p.name, err)
		}
		p.adopt(id, aes)
		progress()
	}
}

// write signs a letter, in all the ways that matter to the memory of nonces: a restarted service would still accept a
// timestamp in the future, and a request without a nonce is recognized by its signature.
func (p *postman) write(s *service) letter {
	l := letter{description: p.unique()}
	at := time.Now()
	if p.random.IntN(2) == 0 {
		at = at.Add(10 * time.Minute)
	}
	nonce := rand.Text()
	if p.random.IntN(4) == 0 {
		nonce = ""
	}
	params := kmsapi.Params{
		{Name: "Action", Value: string(kmsapi.OpCreateKey)},
		{Name: "Description", Value: l.description},
	}
	l.form = signature.SignV1(http.MethodPost, params, signature.Credentials{
		AccessKeyID: s.site.dev.AccessKeyID, AccessKeySecret: s.site.dev.AccessKeySecret,
	}, nonce, at).Form()
	return l
}

// resend sends the letters from before the kill again. A letter whose CMK exists must not create another one. The one
// letter whose CMK does not exist may create it now.
func (p *postman) resend(t *testing.T, h *http.Client, s *service) {
	t.Helper()
	for _, l := range p.letters {
		id, err := post(h, s, l)
		if err == nil {
			require.Equal(t, p.unborn, l.description, "a request was answered twice")
			p.adopt(id, aes)
			continue
		}
		var codes []kmsapi.Code
		for _, e := range []*kmsapi.Error{kmsapi.ErrSignatureNonceUsed, kmsapi.ErrIllegalTimestamp} {
			codes = append(codes, e.Code)
		}
		var refused *kmsapi.Error
		require.ErrorAs(t, err, &refused)
		require.Contains(t, codes, refused.Code, fmt.Sprint(err))
	}
	p.letters, p.unborn = nil, ""
}
