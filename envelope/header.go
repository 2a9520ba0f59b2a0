package envelope

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/xaes"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Sizes in bytes.
const (
	// KeySize is the size of a data key.
	KeySize = xaes.KeySize
	// MaxWrapped is the longest wrapped data key that fits into a header.
	MaxWrapped = 1024

	idSize     = 16
	headerSize = 28 // without the wrapped key
)

const (
	magic  = "\x00AKE"
	format = 1

	messageFlags = 0
	fileFlags    = 1
)

// An ID names the data keys of one key of the engine. It is random and no secret.
type ID [idSize]byte

// String returns the 32 lower-case hexadecimal digits of an id.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// ParseID reads what String returns, and nothing else.
func ParseID(digits string) (id ID, err error) {
	if n, err := hex.Decode(id[:], []byte(digits)); err != nil || n != idSize || id.String() != digits {
		return ID{}, fmt.Errorf("%q is not an envelope id: it has %d lower-case hexadecimal digits", digits, 2*idSize)
	}
	return id, nil
}

// Header is what a message says about its data key. It is authenticated with the message, by the data key itself.
type Header struct {
	ID ID
	// Version is the number of the data key among those of ID, from 1.
	Version uint32
	// Wrapped is the data key as KMS wrapped it: a CiphertextBlob without its base64, of 1 to [MaxWrapped] bytes.
	Wrapped []byte
}

// Reasons to refuse a message or file before any key is needed.
var (
	// ErrNotEnvelope means that the data do not begin as a message or file of this package does.
	ErrNotEnvelope = errors.New("it is not an envelope of this format")
	// ErrMalformed means that the data begin as a message or file, but can't be one.
	ErrMalformed = errors.New("the envelope is malformed or was cut off")
)

// IsMessage reports whether data begins as messages do. A CiphertextBlob of a symmetric KMS key never does.
func IsMessage(data []byte) bool { return begins(data, messageFlags) }

// IsFile reports whether data begins as files do.
func IsFile(data []byte) bool { return begins(data, fileFlags) }

func begins(data []byte, flags byte) bool {
	return HasMagic(data) && len(data) > len(magic)+1 && data[4] == format && data[5] == flags
}

// HasMagic reports whether data begins with the four bytes that mark messages and files, whatever their format and
// flags. No ciphertext of KMS does, so KMS never decrypts such data, even if [IsMessage] and [IsFile] are false.
func HasMagic(data []byte) bool { return len(data) >= len(magic) && string(data[:len(magic)]) == magic }

// IsText reports whether text is the standard base64 of data that [HasMagic]. It looks only at the first six
// characters.
func IsText(text string) bool {
	// Three bytes are four characters. The fourth byte is one character, and the upper two bits of the next.
	const first, next = "AEFLR", "QRSTUVWXYZabcdef"
	return len(text) > len(first) && text[:len(first)] == first && strings.IndexByte(next, text[len(first)]) >= 0
}

// append appends the header's bytes. Wrapped must have a length that fits.
func (h Header) append(dst []byte, flags byte) []byte {
	if len(h.Wrapped) == 0 || len(h.Wrapped) > MaxWrapped {
		panic(fmt.Sprintf("envelope: a wrapped data key of %d bytes", len(h.Wrapped)))
	}
	dst = append(dst, magic...)
	dst = append(dst, format, flags)
	dst = append(dst, h.ID[:]...)
	dst = binary.BigEndian.AppendUint32(dst, h.Version)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(h.Wrapped)))
	return append(dst, h.Wrapped...)
}

// parseHeader returns the header at the beginning of data, as bytes and by its parts, which share memory with data.
func parseHeader(data []byte, flags byte) (h Header, header []byte, err error) {
	if !begins(data, flags) {
		return Header{}, nil, ErrNotEnvelope
	}
	if len(data) < headerSize {
		return Header{}, nil, ErrMalformed
	}
	h.ID = ID(data[6:22])
	h.Version = binary.BigEndian.Uint32(data[22:])
	m := int(binary.BigEndian.Uint16(data[26:]))
	isFile := flags == fileFlags
	if m == 0 || m > MaxWrapped || len(data) < headerSize+m || (h.Version == 0) != isFile || (isFile && h.ID != ID{}) {
		return Header{}, nil, ErrMalformed
	}
	h.Wrapped = data[headerSize : headerSize+m : headerSize+m]
	return h, data[: headerSize+m : headerSize+m], nil
}

// Names of this package's entries in the encryption contexts of data keys. The engine refuses them in a caller's
// context.
const (
	purposeName  = "vault:purpose"
	purpose      = "envelope/1"
	idName       = "vault:envelope"
	versionName  = "vault:version"
	fileName     = "alicloudkms:file"
	fileRevision = "1"
)

// DataKeyContext is the encryption context that KMS binds to the wrapped data key of messages: the bound context of the
// engine's key, and entries that no caller can set, so that KMS opens the wrapped key for nothing else.
func DataKeyContext(bound kmsapi.EncryptionContext, id ID, version uint32) kmsapi.EncryptionContext {
	return with(bound, kmsapi.EncryptionContext{
		purposeName: purpose, idName: id.String(), versionName: fmt.Sprint(version),
	})
}

// FileKeyContext is the encryption context that KMS binds to the wrapped data key of a file: the bound context of the
// engine's key, if it is made through one, the caller's entries, and the mark of files.
func FileKeyContext(bound, entries kmsapi.EncryptionContext) kmsapi.EncryptionContext {
	return with(with(bound, entries), kmsapi.EncryptionContext{fileName: fileRevision})
}

// with returns a new context that has the entries of both. Those of over win.
func with(c, over kmsapi.EncryptionContext) kmsapi.EncryptionContext {
	all := make(kmsapi.EncryptionContext, len(c)+len(over))
	for _, from := range []kmsapi.EncryptionContext{c, over} {
		for name, value := range from {
			all[name] = value
		}
	}
	return all
}
