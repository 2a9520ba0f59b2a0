package kmsapi

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// A Secret is a string that must never be printed: a plaintext, an access key's secret, a security token. However fmt,
// log/slog, encoding/json and encoding/xml print it, the result is "[redacted]". Only [Secret.Reveal] returns the
// string, so every place that reads one can be found by that name. The zero value is an empty secret. Compare the
// results of Reveal with [crypto/subtle], never two Secrets with ==.
type Secret struct {
	// text is behind a pointer because fmt calls no method of a value in an unexported field, nor after a bad verb, but
	// prints its contents by reflection. With a pointer, it prints an address.
	text *string
	open bool
}

// NewSecret wraps text.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// Reveal returns the string.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsEmpty reports whether the string is empty.
func (s Secret) IsEmpty() bool { return s.text == nil }

// ForWire returns a copy that encoding/json and encoding/xml write in clear. It is for the one place that answers an
// authenticated caller; fmt and slog still print "[redacted]".
func (s Secret) ForWire() Secret { return Secret{text: s.text, open: true} }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]", for %#v.
func (Secret) GoString() string { return redacted }

// Format prints "[redacted]" for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// LogValue returns "[redacted]" for log/slog.
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText writes "[redacted]", or the string after [Secret.ForWire]. encoding/json and encoding/xml both call it.
func (s Secret) MarshalText() ([]byte, error) {
	if s.open {
		return []byte(s.Reveal()), nil
	}
	return []byte(redacted), nil
}

// UnmarshalText takes text as the secret. encoding/json and encoding/xml both call it.
func (s *Secret) UnmarshalText(text []byte) error {
	*s = NewSecret(string(text))
	return nil
}
