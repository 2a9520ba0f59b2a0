package envelope

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/xaes"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// ErrOpen is the only error of a well-formed message or file that does not open: it was altered, it is of another data
// key, or the contexts differ. It is impossible to know which.
var ErrOpen = errors.New("the ciphertext was altered, or the contexts are not those it was encrypted with")

// A Key is an unwrapped data key. It is safe for concurrent use, except for Clear.
type Key struct {
	secret [KeySize]byte
	cipher *xaes.Key
}

// NewKey expands an unwrapped data key. It keeps no reference to secret, which the caller clears, and which should be
// on the heap: a stack leaves copies behind when it grows.
//
//go:noinline
func NewKey(secret *[KeySize]byte) *Key {
	k := &Key{cipher: xaes.New(secret)}                // It is on the heap too, because NewKey is not inlined.
	subtle.ConstantTimeCopy(1, k.secret[:], secret[:]) // An assignment leaves half of it in a vector register.
	return k
}

// Clear erases the key. It must not run at the same time as any other method, and they panic afterwards. It may be
// called more than once.
func (k *Key) Clear() {
	clear(k.secret[:])
	k.cipher.Clear()
}

// Format prints "[redacted]" for every verb, so that no log shows the key.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[redacted]") }

const messageLabel = "alicloudkms envelope v1\x00"

// sealedSize is what follows the header of a message with an empty plaintext.
const sealedSize = xaes.NonceSize + xaes.CommitmentSize + xaes.Overhead

// MessageSize returns the length of a message with a wrapped data key and a plaintext of these lengths.
func MessageSize(wrapped, plaintext int) int { return headerSize + wrapped + sealedSize + plaintext }

// AppendMessage encrypts plaintext under k, which h describes, and appends the message to dst. contexts are bound to
// it. It panics if h.Version is 0 or the length of h.Wrapped is not one that a header can have.
func (k *Key) AppendMessage(dst []byte, h Header, contexts kmsapi.EncryptionContext, plaintext []byte) []byte {
	if h.Version == 0 {
		panic("envelope: data keys are numbered from 1")
	}
	nonce := newNonce()
	return k.appendMessage(dst, h, nonce[:], contexts, plaintext)
}

func newNonce() (nonce [xaes.NonceSize]byte) {
	_, _ = rand.Read(nonce[:]) // It never fails.
	return nonce
}

func (k *Key) appendMessage(
	dst []byte, h Header, nonce []byte, contexts kmsapi.EncryptionContext, plaintext []byte,
) []byte {
	start := len(dst)
	dst = h.append(slices.Grow(dst, MessageSize(len(h.Wrapped), len(plaintext))), messageFlags)
	additional := additionalData(messageLabel, dst[start:], contexts)
	commitment := k.cipher.Commitment(nonce)
	dst = append(dst, nonce...)
	dst = append(dst, commitment[:]...)
	return k.cipher.Seal(dst, nonce, plaintext, additional)
}

func additionalData(label string, header []byte, contexts kmsapi.EncryptionContext) []byte {
	// Most messages have few contexts or none.
	data := make([]byte, 0, len(label)+len(header)+64)
	data = append(data, label...)
	data = append(data, header...)
	return contexts.AppendCanonical(data)
}

// Message is a message that was parsed. Nothing of it is authenticated yet. It shares memory with what was parsed.
type Message struct {
	Header
	header, nonce, commitment, ciphertext []byte
}

// Parse finds the parts of a message. Errors: [ErrNotEnvelope], [ErrMalformed].
func Parse(message []byte) (m Message, err error) {
	h, header, err := parseHeader(message, messageFlags)
	if err != nil {
		return Message{}, err
	}
	rest := message[len(header):]
	if len(rest) < sealedSize {
		return Message{}, ErrMalformed
	}
	return Message{
		Header: h, header: header, nonce: rest[:xaes.NonceSize],
		commitment: rest[xaes.NonceSize:][:xaes.CommitmentSize], ciphertext: rest[xaes.NonceSize+xaes.CommitmentSize:],
	}, nil
}

// Open appends the plaintext of m to dst. Its only error is [ErrOpen].
func (k *Key) Open(dst []byte, m Message, contexts kmsapi.EncryptionContext) ([]byte, error) {
	if !k.committed(m.nonce, m.commitment) {
		return nil, ErrOpen
	}
	plaintext, err := k.cipher.Open(dst, m.nonce, m.ciphertext, additionalData(messageLabel, m.header, contexts))
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// IsCommitted reports whether k is the key that m was encrypted with. It proves nothing else about m.
func (k *Key) IsCommitted(m Message) bool { return k.committed(m.nonce, m.commitment) }

func (k *Key) committed(nonce, commitment []byte) bool {
	want := k.cipher.Commitment(nonce)
	return subtle.ConstantTimeCompare(want[:], commitment) == 1
}
