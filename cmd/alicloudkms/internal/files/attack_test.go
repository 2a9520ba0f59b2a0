package files

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// Every byte of a file is either authenticated or fixed. What was written before a fault is authentic.
func TestNoAlteredFileDecrypts(t *testing.T) {
	plaintext := dawn(3 * 65536)
	var sealed bytes.Buffer
	require.NoError(t, Encrypt(t.Context(), &sealed, bytes.NewReader(plaintext), fixedKeys{}, Contexts{}))
	file := sealed.Bytes()
	header := 28 + len("wrapped") + 24 + 32
	var altered [][]byte
	for at := range len(file) {
		if inside := at > header+50 && at < len(file)-50; inside && at%4099 != 0 {
			continue
		}
		flipped := bytes.Clone(file)
		flipped[at] ^= 1 << (at % 8)
		altered = append(altered, flipped, file[:at])
	}
	altered = append(
		altered, append(bytes.Clone(file), 0), append(bytes.Clone(file), file...),
		append(file[:header:header], file[header+65552:]...),
	)
	for _, bad := range altered {
		var got bytes.Buffer
		require.Error(t, Decrypt(t.Context(), &got, bytes.NewReader(bad), fixedKeys{}, Contexts{}))
		require.True(t, bytes.HasPrefix(plaintext, got.Bytes()))
		require.Less(t, got.Len(), len(plaintext)+1)
	}
}

func TestForgedHeadersAskForNothing(t *testing.T) {
	file := append([]byte("\x00AKE\x01\x01"), make([]byte, 2000)...)
	for name, change := range map[string]func(h []byte){
		"no wrapped key":       func([]byte) {},
		"a huge wrapped key":   func(h []byte) { h[26], h[27] = 0xff, 0xff },
		"one byte too many":    func(h []byte) { h[26], h[27] = 4, 1 },
		"an envelope id":       func(h []byte) { h[6], h[27] = 1, 7 },
		"a version":            func(h []byte) { h[25], h[27] = 1, 7 },
		"a length that is cut": func(h []byte) { h[26] = 4 },
	} {
		t.Run(name, func(t *testing.T) {
			forged := bytes.Clone(file)
			change(forged)
			if name == "a length that is cut" {
				forged = forged[:1000]
			}
			err := Decrypt(t.Context(), nil, bytes.NewReader(forged), &KMS{}, Contexts{})
			require.ErrorIs(t, err, envelope.ErrMalformed)
		})
	}
}

// The wrapped keys of files and of messages, and direct ciphertexts, are bound to what they are for.
func TestNothingOpensAsSomethingElse(t *testing.T) {
	d := newDesk(t)
	file := d.seal(d.keys, dawn(10), Contexts{})
	read, err := envelope.NewFile(bytes.NewReader(file))
	require.NoError(t, err)
	message := d.message(1, nil, nil, "hello")
	parsed, err := envelope.Parse(message)
	require.NoError(t, err)

	for name, wrapped := range map[string][]byte{"of a file": read.Wrapped, "of a message": parsed.Wrapped} {
		got, err := d.open(d.keys, text("vault:v1:", wrapped), Contexts{})
		require.ErrorIs(t, err, kmsapi.ErrInvalidParameter, "the wrapped key %s as a ciphertext", name)
		require.Empty(t, got)
	}
	_, err = d.keys.Unwrap(t.Context(), parsed.Wrapped, Contexts{})
	require.ErrorIs(t, err, kmsapi.ErrInvalidParameter, "the wrapped key of a message in a file")

	spliced := envelopeOf(message, read.Wrapped)
	_, err = d.open(d.keys, text("vault:v1:", spliced), Contexts{})
	require.ErrorIs(t, err, kmsapi.ErrInvalidParameter, "the wrapped key of a file in a message")

	relabelled := bytes.Clone(message)
	relabelled[25] = 2
	_, err = d.open(d.keys, text("vault:v2:", relabelled), Contexts{})
	require.ErrorIs(t, err, kmsapi.ErrInvalidParameter, "another version")
}

// envelopeOf returns a message with another wrapped key, of the same length.
func envelopeOf(message, wrapped []byte) []byte {
	changed := bytes.Clone(message)
	copy(changed[28:], wrapped)
	return changed
}

func TestAFileOfOneKMSKeyDoesNotOpenWithTheKeyOfAnother(t *testing.T) {
	d := newDesk(t)
	one, two := d.seal(d.keys, dawn(10), Contexts{}), d.seal(d.keys, dawn(10), Contexts{})
	first, err := envelope.NewFile(bytes.NewReader(one))
	require.NoError(t, err)
	got, err := d.open(d.keys, envelopeOf(two, first.Wrapped), Contexts{})
	require.ErrorIs(t, err, envelope.ErrOpen, "KMS opens the other file's key, but the commitment is not of it")
	require.Empty(t, got)
}
