package server

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// claim is what a request says of itself, in either signature scheme, before anything of it is believed.
type claim struct {
	action, version string
	accessKeyID     string
	securityToken   string
	timestamp       string
	nonce           string
	// stringToSign makes what the service itself would sign. It is not called for a stranger.
	stringToSign func() []byte
	// verify reports whether the request's signature is that of stringToSign, made with secret.
	verify func(secret kmsapi.Secret, stringToSign []byte) bool
}

// claim reads who a request says it comes from. It checks form only.
func (in *incoming) claim() (claim, error) {
	if in.isACS3() {
		return in.claimACS3()
	}
	return in.claimV1()
}

func (in *incoming) claimV1() (claim, error) {
	p := in.params
	given := p.Get("Signature")
	said := claim{
		action: p.Get("Action"), version: p.Get("Version"), accessKeyID: p.Get("AccessKeyId"),
		securityToken: p.Get("SecurityToken"), timestamp: p.Get("Timestamp"), nonce: p.Get("SignatureNonce"),
	}
	for _, name := range []string{"Action", "Version", "AccessKeyId", "Signature", "SignatureMethod", "SignatureVersion"} {
		if p.Get(name) == "" {
			return said, kmsapi.MissingParameter(name)
		}
	}
	for _, fixed := range []kmsapi.Param{{Name: "SignatureMethod", Value: signature.MethodHMACSHA1}, {Name: "SignatureVersion", Value: signature.Version1}} {
		if p.Get(fixed.Name) != fixed.Value {
			return said, kmsapi.InvalidParameter(fixed.Name, "It must be "+fixed.Value+".")
		}
	}
	said.stringToSign = func() []byte { return signature.AppendStringToSignV1(nil, in.method, p) }
	said.verify = func(secret kmsapi.Secret, sts []byte) bool { return signature.VerifyV1(secret, sts, given) }
	if said.nonce == "" {
		// The reference has no nonce. What makes such a request one of a kind is its signature.
		said.nonce = given
	}
	return said, nil
}

// signedByACS3 are the headers that a request signed with ACS3 must cover, since the service acts on them.
var signedByACS3 = []string{"host", "x-acs-action", "x-acs-content-sha256", "x-acs-date", "x-acs-version"}

func (in *incoming) claimACS3() (claim, error) {
	said := claim{action: in.header.Get("x-acs-action"), version: in.header.Get("x-acs-version")}
	auth, err := signature.ParseAuthorization(in.header.Get("Authorization"))
	if err != nil {
		return said, kmsapi.ErrIncompleteSignature.WithMessage(err.Error())
	}
	said.accessKeyID = auth.AccessKeyID
	said.securityToken = in.header.Get("x-acs-security-token")
	said.timestamp = in.header.Get("x-acs-date")
	if said.nonce = in.header.Get("x-acs-signature-nonce"); said.nonce == "" {
		said.nonce = auth.Signature
	}
	if err := in.checkSignedHeaders(auth.SignedHeaders); err != nil {
		return said, err
	}
	payloadHash := signature.HashPayload(in.body)
	if in.header.Get("x-acs-content-sha256") != payloadHash {
		return said, kmsapi.ErrIncompleteSignature.WithMessage("The header x-acs-content-sha256 is not the hash of the body.")
	}
	r := signature.ACS3{
		Method: in.method, Path: "/", Query: in.query, SignedHeaders: auth.SignedHeaders, Header: in.signedHeader, PayloadHash: payloadHash,
	}
	said.stringToSign = func() []byte { return []byte(r.StringToSign()) }
	said.verify = func(secret kmsapi.Secret, sts []byte) bool {
		return signature.VerifyACS3(secret, string(sts), auth.Signature)
	}
	return said, nil
}

// checkSignedHeaders wants every header that means something here to be signed, and to be there once.
func (in *incoming) checkSignedHeaders(signed []string) error {
	need := slices.Clone(signedByACS3)
	for name := range in.header {
		if lower := strings.ToLower(name); strings.HasPrefix(lower, "x-acs-") {
			need = append(need, lower)
		}
	}
	for _, name := range need {
		if !slices.Contains(signed, name) {
			return kmsapi.ErrIncompleteSignature.WithMessage("The header " + name + " must be signed.")
		}
		if len(in.header.Values(name)) > 1 {
			return kmsapi.ErrIncompleteSignature.WithMessage("The header " + name + " is there more than once.")
		}
		// The signature is made without them. If they were let through here, one signed nonce would be as many as one likes.
		if value := in.header.Get(name); value != strings.TrimSpace(value) {
			return kmsapi.ErrIncompleteSignature.WithMessage("The header " + name + " has blanks around it.")
		}
	}
	return nil
}

func (in *incoming) signedHeader(name string) string {
	if name == "host" {
		return in.host
	}
	return in.header.Get(name)
}

// authenticate does steps 3 to 6 of the package comment, and returns the access key that signed the request.
func (s *Service) authenticate(c *call, said claim) (credential, error) {
	key, ok := (*s.credentials.Load())[said.accessKeyID]
	if !ok {
		return credential{}, kmsapi.ErrAccessKeyNotFound
	}
	if key.inactive {
		return credential{}, kmsapi.ErrAccessKeyInactive
	}
	at, err := s.checkTimestamp(said.timestamp, c.now)
	if err != nil {
		return credential{}, err
	}
	stringToSign := said.stringToSign()
	if !said.verify(key.secret, stringToSign) {
		// SDKs compare the text after the colon with their own, to tell a wrong secret from a damaged request.
		return credential{}, kmsapi.ErrIncompleteSignature.WithMessage(
			kmsapi.ErrIncompleteSignature.Message + " server string to sign is:" + string(stringToSign))
	}
	if err := key.checkToken(said.securityToken, c.now); err != nil {
		return credential{}, err
	}
	return key, s.checkNonce(c.ctx, key.id, said.nonce, at)
}

// checkToken compares a request's security token with the access key's, in constant time. The signature is known to be good,
// so nothing is told here to a stranger.
func (k credential) checkToken(token string, now time.Time) error {
	switch {
	case k.token.IsEmpty() && token == "":
		return nil
	case k.token.IsEmpty():
		return kmsapi.ErrInvalidSecurityTokenValue
	case token == "":
		return kmsapi.ErrMissingSecurityToken
	}
	given, want := sha256.Sum256([]byte(token)), sha256.Sum256([]byte(k.token.Reveal()))
	if subtle.ConstantTimeCompare(given[:], want[:]) != 1 {
		return kmsapi.ErrSecurityTokenMismatch
	}
	if !k.expires.IsZero() && !now.Before(k.expires) {
		return kmsapi.ErrSecurityTokenExpired
	}
	return nil
}

// checkTimestamp parses a timestamp and refuses one that is further than the window from now.
func (s *Service) checkTimestamp(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, kmsapi.ErrIllegalTimestamp
	}
	at, err := time.Parse(kmsapi.TimeFormat, text)
	var same [len(kmsapi.TimeFormat)]byte
	if err != nil || string(at.AppendFormat(same[:0], kmsapi.TimeFormat)) != text { // Parse takes fractions of a second too.
		return time.Time{}, kmsapi.ErrIllegalTimestamp.WithMessage("The Timestamp must be in UTC and look like 2006-01-02T15:04:05Z.")
	}
	if off := now.Sub(at); off.Abs() > s.window {
		return time.Time{}, kmsapi.ErrIllegalTimestamp.WithMessage(fmt.Sprintf(
			"The Timestamp is %s off the service's clock, which allows %s. Set the clock of the machine that signs.",
			off.Round(time.Second), s.window))
	}
	return at, nil
}

func (s *Service) checkNonce(ctx context.Context, accessKeyID, nonce string, at time.Time) error {
	err := s.nonces.Remember(ctx, accessKeyID, nonce, at)
	switch {
	case errors.Is(err, replay.ErrUsed):
		s.metrics.nonceRefused("used")
		return kmsapi.ErrSignatureNonceUsed
	case errors.Is(err, replay.ErrTooOld):
		s.metrics.nonceRefused("too_old")
		return kmsapi.ErrIllegalTimestamp.WithMessage("The Timestamp is before the service's start, so it can't tell whether it has seen the request before. Sign it anew.")
	default:
		return err
	}
}
