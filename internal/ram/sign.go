package ram

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// signedHeaders are all headers of a request that are not HTTP's own, and the host, so that a server that receives a
// request can't relay it to another.
var signedHeaders = []string{
	"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-signature-nonce", "x-acs-version",
}

// sign makes a request that is signed with ACS3-HMAC-SHA256. Its parameters, none of which is secret, are in the query.
func (c *Client) sign(ctx context.Context, action string, params kmsapi.Params) (*http.Request, error) {
	address := *c.url
	address.Path, address.RawQuery = "/", signature.Canonical(params)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address.String(), http.NoBody)
	if err != nil {
		return nil, err
	}
	payload := signature.HashPayload(nil)
	for name, value := range map[string]string{
		"accept": "application/json", "x-acs-action": action, "x-acs-version": version, "x-acs-content-sha256": payload,
		"x-acs-date": c.Clock().UTC().Format(time.RFC3339), "x-acs-signature-nonce": rand.Text(),
	} {
		req.Header.Set(name, value)
	}
	signed := signature.ACS3{
		Method: req.Method, Path: address.Path, Query: params, SignedHeaders: signedHeaders, PayloadHash: payload,
		Header: func(name string) string {
			if name == "host" {
				return req.URL.Host
			}
			return req.Header.Get(name)
		},
	}
	req.Header.Set("Authorization", fmt.Sprintf("%s Credential=%s,SignedHeaders=%s,Signature=%s",
		signature.SchemeACS3, c.Credentials.AccessKeyID, strings.Join(signedHeaders, ";"),
		signature.SignACS3(c.Credentials.AccessKeySecret, signed.StringToSign())))
	return req, nil
}
