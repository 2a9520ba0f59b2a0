package signature

import (
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Canonical returns the canonical query string of params: names in byte order, names and values percent-encoded, empty
// values kept. It is the same for both signature schemes.
func Canonical(params kmsapi.Params) string {
	return string(appendCanonical(make([]byte, 0, textSize(params, 1)), params.Sorted(), once))
}

// An encoding is how often the canonical query string is percent-encoded: RPC V1 signs it encoded once more.
type encoding struct{ and, equals, escape string }

var (
	once  = encoding{"&", "=", "%"}
	twice = encoding{"%26", "%3D", "%25"}
)

// fewParams is more than any operation has, so sorting them takes no memory from the heap.
const fewParams = 24

// appendCanonical appends the canonical query string of params that are sorted. To write it encoded twice in one go is what
// makes a signature cheap.
func appendCanonical(dst []byte, sorted kmsapi.Params, e encoding) []byte {
	separator := ""
	for _, p := range sorted {
		dst = append(dst, separator...)
		dst = percentEncode(dst, p.Name, e.escape)
		dst = append(dst, e.equals...)
		dst = percentEncode(dst, p.Value, e.escape)
		separator = e.and
	}
	return dst
}

// textSize is enough for the canonical text of params that need no escapes, and some that do: more than that makes it grow.
func textSize(params kmsapi.Params, times int) int {
	size := 0
	for i := range params {
		size += len(params[i].Name) + len(params[i].Value) + 6
	}
	return size + size*times/4
}

const upperHex = "0123456789ABCDEF"

// percentEncode appends text with every byte escaped except letters, digits, "-", "_", "." and "~" (§1.4).
func percentEncode(dst []byte, text, escape string) []byte {
	begin := 0
	for i := range len(text) {
		c := text[i]
		if unreserved[c] {
			continue
		}
		dst = append(dst, text[begin:i]...)
		dst = append(dst, escape...)
		dst = append(dst, upperHex[c>>4], upperHex[c&15])
		begin = i + 1
	}
	return append(dst, text[begin:]...)
}

// unreserved are the bytes that stand for themselves. It is never changed.
var unreserved = func() (plain [256]bool) {
	for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~") {
		plain[c] = true
	}
	return plain
}()
