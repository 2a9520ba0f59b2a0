package gate

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/replay"
)

// authenticate returns the access key that signed a request, and the request's nonce, if everything in the claim is
// valid.
func (g *Gate) authenticate(c claim, now time.Time) (key *credential, n replay.Nonce, err error) {
	key, ok := (*g.credentials.Load())[c.accessKeyID]
	if !ok {
		return nil, n, kmsapi.ErrAccessKeyNotFound
	}
	if key.inactive {
		return nil, n, kmsapi.ErrAccessKeyInactive
	}
	at, err := g.checkTimestamp(c.timestamp, now)
	if err != nil {
		return nil, n, err
	}
	stringToSign := c.stringToSign()
	if !c.verify(key.secret, stringToSign) {
		// SDKs compare what follows the colon with their own string, to tell a wrong secret from a damaged request.
		return nil, n, kmsapi.ErrIncompleteSignature.WithMessage(
			kmsapi.ErrIncompleteSignature.Message + " server string to sign is:" + shown(stringToSign))
	}
	if err := key.checkToken(c.securityToken, now); err != nil {
		return nil, n, err
	}
	n, err = g.checkNonce(key.id, c.nonce, at)
	return key, n, err
}

// maxShown is how much of a string to sign is shown, in bytes, so that the answer to a stranger is no larger than its
// request.
const maxShown = 3 << 10

func shown(stringToSign []byte) string {
	if len(stringToSign) <= maxShown {
		return string(stringToSign)
	}
	return fmt.Sprintf("%s… (the first %d of %d bytes)", stringToSign[:maxShown], maxShown, len(stringToSign))
}

// checkToken compares a request's security token with the access key's, in constant time. The signature has already
// been verified, so strangers learn nothing from the result.
func (k *credential) checkToken(token string, now time.Time) error {
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

// checkTimestamp parses a timestamp, and refuses one that differs from now by more than the window.
func (g *Gate) checkTimestamp(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, kmsapi.ErrIllegalTimestamp
	}
	at, err := time.Parse(kmsapi.TimeFormat, text)
	var same [len(kmsapi.TimeFormat)]byte
	// Parse accepts fractions of a second too, so the time must also format to what was sent.
	if err != nil || string(at.AppendFormat(same[:0], kmsapi.TimeFormat)) != text {
		return time.Time{}, kmsapi.ErrIllegalTimestamp.WithMessage(
			"The Timestamp must be in UTC and look like 2006-01-02T15:04:05Z.")
	}
	if off := now.Sub(at); off.Abs() > g.window {
		return time.Time{}, kmsapi.ErrIllegalTimestamp.WithMessage(fmt.Sprintf(
			"The Timestamp is %s off the service's clock, which allows %s. Set the clock of the machine that signs.",
			off.Round(time.Second), g.window))
	}
	return at, nil
}
