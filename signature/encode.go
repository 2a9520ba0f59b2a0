package signature

import (
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Canonical returns the canonical query string of params: names in byte order, names and values percent-encoded, empty
// values kept. It is the same for both signature schemes.
func Canonical(params kmsapi.Params) string {
	return string(appendCanonical(make([]byte, 0, sizeHint(params, 1)), params.Sorted(), once))
}

// An encoding writes a canonical query string: once percent-encoded, as it is, or twice, as RPC V1 signs it.
type encoding struct {
	and, equals string
	escaping    *kmsapi.Escaping
}

var (
	once  = encoding{"&", "=", kmsapi.NewEscaping("%", "%20")}
	twice = encoding{"%26", "%3D", kmsapi.NewEscaping("%25", "%2520")}
)

// fewParams is more than any operation has, so that sorting them needs no heap memory.
const fewParams = 24

// appendCanonical appends the canonical query string of sorted parameters. Signatures are cheap because it writes the
// twice encoded form directly.
func appendCanonical(dst []byte, sorted kmsapi.Params, e encoding) []byte {
	separator := ""
	for _, p := range sorted {
		dst = append(dst, separator...)
		dst = appendEscaped(dst, p.Name, e.escaping)
		dst = append(dst, e.equals...)
		dst = appendEscaped(dst, p.Value, e.escaping)
		separator = e.and
	}
	return dst
}

// writeCanonical writes the canonical query string of sorted parameters in pieces.
func writeCanonical(w io.StringWriter, sorted kmsapi.Params) {
	separator := ""
	for _, p := range sorted {
		_, _ = w.WriteString(separator)
		writeEscaped(w, p.Name)
		_, _ = w.WriteString(once.equals)
		writeEscaped(w, p.Value)
		separator = once.and
	}
}

func writeEscaped(w io.StringWriter, s string) {
	for piece := range once.escaping.Pieces(s) {
		_, _ = w.WriteString(piece)
	}
}

// sizeHint is the capacity for the canonical query string of params with few escapes. With more of them it grows.
func sizeHint(params kmsapi.Params, times int) int {
	size := 0
	for i := range params {
		size += len(params[i].Name) + len(params[i].Value) + 6
	}
	return size + size*times/4
}

func appendEscaped(dst []byte, s string, e *kmsapi.Escaping) []byte {
	for piece := range e.Pieces(s) {
		dst = append(dst, piece...)
	}
	return dst
}
