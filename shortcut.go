package alicloudkms

import (
	"errors"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// shortcutPause is how long to wait before trying a shortcut again that KMS does not offer for a CMK.
const shortcutPause = 10 * time.Minute

// A shortcut is an operation of KMS that shows Vault less than others with the same result. It is newer, so RAM
// policies and services may know only the others.
type shortcut struct {
	op kmsapi.Operation
	// take sends the operation; otherwise gets the same result with other operations.
	take, otherwise func() (itemAnswer, error)
	// instead says, if KMS refuses what otherwise sends, which permission would suffice.
	instead string
}

// run takes the shortcut unless it is known to be closed for the key's CMK. A shortcut counts as closed only once the
// other way has worked: a refusal may be about the CMK of a ciphertext that belongs to another key.
func (s shortcut) run(b *backend, c *connection, k target) (itemAnswer, error) {
	name := string(s.op) + " " + k.entry.cmk()
	if c.shortcutsClosed.Has(name) || c.dedicated == c && s.op.Plane() != kmsapi.DataPlane {
		return s.otherwise()
	}
	answer, err := s.take()
	if !isNotOffered(err) {
		return answer, err
	}
	answer, otherErr := s.otherwise()
	if otherErr != nil {
		return itemAnswer{}, s.orInstead(otherErr)
	}
	c.shortcutsClosed.Note(name)
	if b.logged.First(withoutShortcut + name) {
		b.Logger().Warn(withoutShortcut, "operation", string(s.op), "key", k.name, "error", err)
	}
	return answer, nil
}

const withoutShortcut = "KMS does not offer an operation that shows Vault less, so the engine does without it"

// isNotOffered reports whether an operation failed because RAM denies it, or KMS does not have it.
func isNotOffered(err error) bool {
	refused, ok := errors.AsType[*kmsapi.Error](err)
	return ok && (refused.Kind() == kmsapi.KindPermission || refused.Kind() == kmsapi.KindUnsupported)
}

// orInstead adds to a refusal for a missing permission which other one would suffice.
func (s shortcut) orInstead(err error) error {
	failed, called := errors.AsType[*callError](err)
	refused, ok := errors.AsType[*kmsapi.Error](err)
	if called && ok && refused.Kind() == kmsapi.KindPermission {
		failed.doubt = s.instead
	}
	return err
}
