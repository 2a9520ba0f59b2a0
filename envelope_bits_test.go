package alicloudkms

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// flips returns a ciphertext for each bit of message[from:to], with that bit flipped.
func flips(message []byte, from, to int) (texts []string) {
	for bit := 8 * from; bit < 8*to; bit++ {
		changed := bytes.Clone(message)
		changed[bit/8] ^= 1 << (bit % 8)
		texts = append(texts, textOf(changed))
	}
	return texts
}

// KMS is called only for what it alone can know: whether a wrapped key belongs to the version in the header. A message
// with other first four bytes is not a message, and goes to KMS as a ciphertext of KMS.
func TestNoMessageOpensWithABitChanged(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	for range 5 {
		r.write("keys/a/rotate", nil)
	}
	text := r.write("encrypt/a", body{"plaintext": hello, "key_version": 1}).Data["ciphertext"].(string)
	message := bytesOf(t, text)
	m := 28 + int(binary.BigEndian.Uint16(message[26:]))
	for name, part := range map[string]struct{ from, to, calls int }{
		"the magic":                  {0, 4, 32},
		"the format and the flags":   {4, 6, 0},
		"the envelope id":            {6, 22, 0},
		"the version":                {22, 26, 2}, // to 3 and 5; other flips give 0 or more than the newest
		"the wrapped key":            {28, m, 8 * (m - 28)},
		"the nonce":                  {m, m + 24, 0},
		"the commitment":             {m + 24, m + 56, 0},
		"the ciphertext and the tag": {m + 56, len(message), 0},
	} {
		t.Run(name, func(t *testing.T) {
			r.opens("a", text)
			texts := flips(message, part.from, part.to)
			calls := r.kms.total()
			for _, text := range texts {
				r.opensNot("a", text)
			}
			require.Equal(t, calls+part.calls, r.kms.total())
		})
	}
	t.Run("the length of the wrapped key", func(t *testing.T) {
		r.opensNone("a", flips(message, 26, 28)...)
	})
}

// A string that differs in a bit is not base64, lacks the engine's prefix, or is the base64 of a different message.
// Only the number in the prefix may differ: it is ignored.
func TestNoCiphertextOpensWithABitOfItsStringChanged(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	r.write("keys/a/rotate", nil)
	text := r.encrypt("a", hello)
	start := strings.LastIndexByte(text, ':') + 1
	for i := range text {
		if i == start-2 { // the number in the prefix
			continue
		}
		if isWrapped := i >= start+4*28/3+1 && i < len(text)-100; isWrapped && i%16 != 0 {
			continue // Most of these call KMS, and TestNoMessageOpensWithABitChanged has them all.
		}
		for bit := range 8 {
			changed := []byte(text)
			changed[i] ^= 1 << bit
			r.opensNot("a", string(changed))
		}
	}
}
