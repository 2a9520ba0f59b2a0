package asymmetric

import (
	"encoding/base64"
	"strings"
)

const (
	pemBegin = "-----BEGIN PUBLIC KEY-----\n"
	pemEnd   = "-----END PUBLIC KEY-----\n"
	// lineBytes is how many bytes a line of PEM encodes, in 64 characters of base64.
	lineBytes = 48
)

// PEM encodes a SubjectPublicKeyInfo. The string is allocated once: encoding/pem took a sixth of the time of
// GetPublicKey.
func PEM(spki []byte) string {
	lines := (len(spki) + lineBytes - 1) / lineBytes
	var b strings.Builder
	b.Grow(len(pemBegin) + base64.StdEncoding.EncodedLen(len(spki)) + lines + len(pemEnd))
	b.WriteString(pemBegin)
	var line [lineBytes/3*4 + 1]byte
	for rest := spki; len(rest) > 0; {
		n := min(lineBytes, len(rest))
		b.Write(append(base64.StdEncoding.AppendEncode(line[:0], rest[:n]), '\n'))
		rest = rest[n:]
	}
	b.WriteString(pemEnd)
	return b.String()
}
