package signature

import (
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Canonical returns the canonical query string of params: names in byte order, names and values percent-encoded, empty
// values kept. It is the same for both signature schemes.
func Canonical(params kmsapi.Params) string {
	var b strings.Builder
	for i, p := range params.Sorted() {
		if i > 0 {
			b.WriteByte('&')
		}
		percentEncode(&b, p.Name)
		b.WriteByte('=')
		percentEncode(&b, p.Value)
	}
	return b.String()
}

const upperHex = "0123456789ABCDEF"

// percentEncode writes text with every byte escaped except letters, digits, "-", "_", "." and "~" (§1.4).
func percentEncode(b *strings.Builder, text string) {
	for i := range len(text) {
		c := text[i]
		if unreserved(c) {
			b.WriteByte(c)
			continue
		}
		b.WriteByte('%')
		b.WriteByte(upperHex[c>>4])
		b.WriteByte(upperHex[c&15])
	}
}

func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' ||
		c == '-' || c == '_' || c == '.' || c == '~'
}
