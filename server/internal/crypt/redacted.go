package crypt

import (
	"fmt"
	"io"
	"log/slog"
)

// redacted is embedded in types that hold a key. However fmt, log/slog, encoding/json and encoding/xml print the outer
// type, the result is "[redacted]". The key itself is behind a pointer, of which fmt prints at most the address.
type redacted struct{}

const redactedText = "[redacted]"

// String returns "[redacted]".
func (redacted) String() string { return redactedText }

// GoString returns "[redacted]", for %#v.
func (redacted) GoString() string { return redactedText }

// Format prints "[redacted]" for every verb.
func (redacted) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redactedText) }

// LogValue returns "[redacted]" for log/slog.
func (redacted) LogValue() slog.Value { return slog.StringValue(redactedText) }

// MarshalText writes "[redacted]". encoding/json and encoding/xml both call it.
func (redacted) MarshalText() ([]byte, error) { return []byte(redactedText), nil }
