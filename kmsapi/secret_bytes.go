package kmsapi

import (
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// SecretBytes are bytes that must never be printed, like a [Secret], and that can be erased, which a string can't: a
// data key, a decoded plaintext. However fmt, log/slog, encoding/json and encoding/xml print them, the result is
// "[redacted]". Only [SecretBytes.Reveal] returns the bytes. The zero value is empty.
//
// Copies of a SecretBytes share the bytes, so that clearing one clears all. It is safe for concurrent use, except that
// Clear must not run at the same time as anything that reads the bytes.
type SecretBytes struct {
	// shared has two pointers because fmt, given a verb that does not fit, prints what one pointer in an unexported
	// field points to, but never follows two.
	shared **[]byte
}

// NewSecretBytes takes b over without a copy, so that there is none to erase: the caller must not use b again.
func NewSecretBytes(b []byte) SecretBytes {
	if len(b) == 0 {
		return SecretBytes{}
	}
	b = slices.Clip(b)
	shared := &b
	return SecretBytes{shared: &shared}
}

// Reveal returns the bytes themselves, not a copy: [SecretBytes.Clear] overwrites them with zeros. The caller must not
// change them, and must erase any copy that it makes.
func (s SecretBytes) Reveal() []byte {
	if s.shared == nil {
		return nil
	}
	return **s.shared
}

// IsEmpty reports whether there are no bytes, because there were none or they were cleared.
func (s SecretBytes) IsEmpty() bool { return len(s.Reveal()) == 0 }

// Equal reports in constant time whether s and other hold the same bytes. Their lengths are not kept secret.
func (s SecretBytes) Equal(other SecretBytes) bool {
	return subtle.ConstantTimeCompare(s.Reveal(), other.Reveal()) == 1
}

// Clear overwrites the bytes with zeros and leaves s, and every copy of it, empty. It may be called more than once.
func (s SecretBytes) Clear() {
	if s.shared == nil {
		return
	}
	clear(**s.shared)
	**s.shared = nil
}

// String returns "[redacted]".
func (SecretBytes) String() string { return redacted }

// GoString returns "[redacted]", for %#v.
func (SecretBytes) GoString() string { return redacted }

// Format prints "[redacted]" for every verb.
func (SecretBytes) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]" for log/slog.
func (SecretBytes) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText writes "[redacted]". encoding/json and encoding/xml both call it.
func (SecretBytes) MarshalText() ([]byte, error) { return []byte(redacted), nil }
