package gate

import (
	"slices"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// signedByACS3 are the headers that a request signed with ACS3 must cover, since the service acts on them.
var signedByACS3 = []string{"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-version"}

// claimACS3 reads a claim of ACS3 from the headers.
func (r *Request) claimACS3() (claim, error) {
	c := claim{action: r.Header.Get("x-acs-action"), version: r.Header.Get("x-acs-version")}
	auth, err := signature.ParseAuthorization(r.Header.Get("Authorization"))
	if err != nil {
		return c, kmsapi.ErrIncompleteSignature.WithMessage(err.Error())
	}
	c.accessKeyID = auth.AccessKeyID
	c.securityToken = r.Header.Get("x-acs-security-token")
	c.timestamp = r.Header.Get("x-acs-date")
	if c.nonce = r.Header.Get("x-acs-signature-nonce"); c.nonce == "" {
		c.nonce = auth.Signature
	}
	if err := r.checkSignedHeaders(auth.SignedHeaders); err != nil {
		return c, err
	}
	payloadHash := signature.HashPayload(r.Body)
	if r.Header.Get("x-acs-content-sha256") != payloadHash {
		return c, kmsapi.ErrIncompleteSignature.WithMessage("The header x-acs-content-sha256 is not the hash of the body.")
	}
	signed := signature.ACS3{
		Method: r.Method, Path: "/", Query: r.Query, SignedHeaders: auth.SignedHeaders, Header: r.signedHeader,
		PayloadHash: payloadHash,
	}
	c.stringToSign = func() []byte { return []byte(signed.StringToSign()) }
	c.verify = func(secret kmsapi.Secret, stringToSign []byte) bool {
		return signature.VerifyACS3(secret, string(stringToSign), auth.Signature)
	}
	return c, nil
}

// checkSignedHeaders requires every header that the service acts on to be signed and to occur once, and every signed
// header to be present. So what is signed is never longer than the received header.
func (r *Request) checkSignedHeaders(signed []string) error {
	for _, name := range signed {
		if name != "host" && len(r.Header.Values(name)) == 0 {
			return kmsapi.ErrIncompleteSignature.WithMessage("The header " + name + " is signed, but was not sent.")
		}
	}
	for _, name := range signedByACS3 {
		if err := r.checkSigned(name, signed); err != nil {
			return err
		}
	}
	for name := range r.Header {
		if !isACSHeader(name) {
			continue
		}
		if err := r.checkSigned(strings.ToLower(name), signed); err != nil {
			return err
		}
	}
	return nil
}

func isACSHeader(name string) bool {
	const prefix = "x-acs-"
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// checkSigned requires the header called name, in lower case, to be among the signed ones, and to be unambiguous.
func (r *Request) checkSigned(name string, signed []string) error {
	if !slices.Contains(signed, name) {
		return kmsapi.ErrIncompleteSignature.WithMessage("The header " + name + " must be signed.")
	}
	if len(r.Header.Values(name)) > 1 {
		return kmsapi.ErrIncompleteSignature.WithMessage("The header " + name + " occurs more than once.")
	}
	// The signature does not cover blanks around a value. If they were accepted, one signed nonce could be replayed as
	// many.
	if value := r.Header.Get(name); value != strings.TrimSpace(value) {
		return kmsapi.ErrIncompleteSignature.WithMessage("The header " + name + " has blanks around it.")
	}
	return nil
}

func (r *Request) signedHeader(name string) string {
	if name == "host" {
		return r.Host
	}
	return r.Header.Get(name)
}
