package signature

import (
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Canonical returns the canonical query string of params: names in byte order, names and values percent-encoded, empty
// values kept. It is the same for both signature schemes.
func Canonical(params kmsapi.Params) string {
	return string(appendCanonical(make([]byte, 0, sizeHint(params, once)), params.Sorted(), once))
}

// An encoding is a way to write a canonical query string: percent-encoded once, as it is sent, or twice, as RPC V1
// signs it.
type encoding struct {
	and, equals string
	escaping    *kmsapi.Escaping
}

var (
	once  = encoding{"&", "=", kmsapi.NewEscaping("%", "%20")}
	twice = encoding{"%26", "%3D", kmsapi.NewEscaping("%25", "%2520")}
)

// fewParams is more parameters than any operation has, so sorting them needs no heap memory.
const fewParams = 24

// appendCanonical appends the canonical query string of sorted parameters. It writes the twice encoded form directly,
// which makes signatures cheap.
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

// sizeHint is the capacity for the canonical query string of params in the encoding e. For long ones it is exact, so
// that a stranger's request never makes the buffer grow; for short ones it is enough if there are few escapes.
func sizeHint(params kmsapi.Params, e encoding) int {
	const long = 16 << 10
	size := 0
	for i := range params {
		size += len(params[i].Name) + len(params[i].Value) + len(e.equals) + len(e.and)
	}
	if size < long {
		return size + size/2
	}
	for i := range params {
		size += growth(params[i].Name, e) + growth(params[i].Value, e)
	}
	return size
}

// growth is how many bytes escaping adds to s.
func growth(s string, e encoding) int {
	size := -len(s)
	for piece := range e.escaping.Pieces(s) {
		size += len(piece)
	}
	return size
}

func appendEscaped(dst []byte, s string, e *kmsapi.Escaping) []byte {
	for piece := range e.Pieces(s) {
		dst = append(dst, piece...)
	}
	return dst
}
