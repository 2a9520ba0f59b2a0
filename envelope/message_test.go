package envelope

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

var (
	exampleHeader   = Header{ID: ID{1, 2, 3}, Version: 7, Wrapped: []byte("wrapped data key")}
	exampleContexts = kmsapi.EncryptionContext{"app": "payroll"}
)

func exampleKey() *Key { return NewKey(&[KeySize]byte{1, 2, 3, 4}) }

func open(k *Key, message []byte, contexts kmsapi.EncryptionContext) ([]byte, error) {
	m, err := Parse(message)
	if err != nil {
		return nil, err
	}
	return k.Open(nil, m, contexts)
}

func TestMessageOpensOnlyAsItWasSealed(t *testing.T) {
	k := exampleKey()
	message := k.AppendMessage(nil, exampleHeader, exampleContexts, []byte("attack at dawn"))
	plaintext, err := open(k, message, exampleContexts)
	require.NoError(t, err)
	require.Equal(t, "attack at dawn", string(plaintext))

	for at := range message {
		for bit := range 8 {
			changed := bytes.Clone(message)
			changed[at] ^= 1 << bit
			plaintext, err := open(k, changed, exampleContexts)
			require.Contains(t, refusalsAt(at), err, "bit %d of byte %d", bit, at)
			require.Nil(t, plaintext)
		}
	}
	for n := range message {
		_, err := open(k, message[:n], exampleContexts)
		require.Error(t, err, "the first %d bytes", n)
	}
	_, err = open(k, append(bytes.Clone(message), 0), exampleContexts)
	require.ErrorIs(t, err, ErrOpen, "a trailing byte")
	_, err = open(NewKey(&[KeySize]byte{9}), message, exampleContexts)
	require.ErrorIs(t, err, ErrOpen, "another data key")
	for _, contexts := range []kmsapi.EncryptionContext{
		nil, {}, {"app": "payrolL"}, {"App": "payroll"}, {"app": "payroll", "x": ""}, {"apppayroll": ""}, {"ap": "ppayroll"},
	} {
		_, err := open(k, message, contexts)
		require.ErrorIs(t, err, ErrOpen, "%v", contexts)
	}
}

// refusalsAt returns what a message or file with a changed bit may be refused for.
func refusalsAt(at int) []error {
	switch {
	case at < 6: // magic, format and flags
		return []error{ErrNotEnvelope}
	case at < headerSize: // A wrapped key of another length, for example, does not fit.
		return []error{ErrMalformed, ErrOpen}
	default:
		return []error{ErrOpen}
	}
}

func TestTwoMessagesOfOnePlaintextDiffer(t *testing.T) {
	k := exampleKey()
	one := k.AppendMessage(nil, exampleHeader, nil, []byte("attack at dawn"))
	require.NotEqual(t, one, k.AppendMessage(nil, exampleHeader, nil, []byte("attack at dawn")))
}

// A header is authenticated as a whole, so that no part of one message fits another, whatever keys they have.
func TestPartsOfAnotherMessageAreRefused(t *testing.T) {
	k := exampleKey()
	other := exampleHeader
	message := k.AppendMessage(nil, exampleHeader, nil, []byte("one"))
	for name, change := range map[string]func(h *Header){
		"the id":           func(h *Header) { h.ID[15]++ },
		"the version":      func(h *Header) { h.Version++ },
		"the wrapped key":  func(h *Header) { h.Wrapped = []byte("another data key") },
		"a longer wrapped": func(h *Header) { h.Wrapped = append(bytes.Clone(h.Wrapped), 'x') },
	} {
		t.Run(name, func(t *testing.T) {
			other = exampleHeader
			change(&other)
			_, header, err := parseHeader(message, messageFlags)
			require.NoError(t, err)
			spliced := append(other.append(nil, messageFlags), message[len(header):]...)
			_, err = open(k, spliced, nil)
			require.ErrorIs(t, err, ErrOpen)
		})
	}
}

func TestMalformedHeadersAreRefusedBeforeAKeyIsAskedFor(t *testing.T) {
	message := exampleKey().AppendMessage(nil, exampleHeader, nil, nil)
	file := exampleFile(t, nil)
	at := func(of []byte, i int, b ...byte) []byte {
		changed := bytes.Clone(of)
		copy(changed[i:], b)
		return changed
	}
	for name, test := range map[string]struct {
		message []byte
		want    error
	}{
		"nothing":                        {nil, ErrNotEnvelope},
		"a ciphertext of KMS":            {[]byte("00000000-1111-2222-3333-444444444444…"), ErrNotEnvelope},
		"another format":                 {at(message, 4, 2), ErrNotEnvelope},
		"the flags of a file":            {file, ErrNotEnvelope},
		"unknown flags":                  {at(message, 5, 0x80), ErrNotEnvelope},
		"the first six bytes alone":      {message[:6], ErrMalformed},
		"version 0":                      {at(message, 22, 0, 0, 0, 0), ErrMalformed},
		"no wrapped key":                 {at(message, 26, 0, 0), ErrMalformed},
		"a wrapped key that is too long": {append(at(message, 26, 4, 1), make([]byte, 2000)...), ErrMalformed},
		"a wrapped key without an end":   {at(message, 26, 4, 0), ErrMalformed},
		"a tag that is cut":              {message[:len(message)-1], ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(test.message)
			require.ErrorIs(t, err, test.want)
		})
	}
}

func TestMessagesAndFilesAreKnownByTheirFirstBytes(t *testing.T) {
	message, file := exampleKey().AppendMessage(nil, exampleHeader, nil, nil), exampleFile(t, nil)
	require.True(t, IsMessage(message))
	require.False(t, IsFile(message))
	require.True(t, IsFile(file))
	require.False(t, IsMessage(file))
	require.False(t, IsMessage([]byte("\x00AKE")))
}

func TestTheMagicBytesAreKnownInBase64Too(t *testing.T) {
	for _, data := range []string{"", "\x00AK", "\x00AKE", "\x00AKE\x01\x00", "\x00AKE\xff\xff\xff\xff", "\x00AKF\x01"} {
		want := strings.HasPrefix(data, "\x00AKE")
		require.Equal(t, want, HasMagic([]byte(data)), "%q", data)
		require.Equal(t, want, IsText(base64.StdEncoding.EncodeToString([]byte(data))), "%q", data)
	}
	for last := range 256 {
		data := []byte{0, 'A', 'K', byte(last), 1}
		require.Equal(t, last == 'E', HasMagic(data))
		require.Equal(t, last == 'E', IsText(base64.StdEncoding.EncodeToString(data)), "%q", data)
	}
	require.True(t, IsText("AEFLRf!"), "what follows may be broken")
}

func TestAppendMessageAppends(t *testing.T) {
	k := exampleKey()
	message := k.AppendMessage([]byte("before"), exampleHeader, nil, []byte("text"))
	require.Equal(t, "before", string(message[:6]))
	m, err := Parse(message[6:])
	require.NoError(t, err)
	plaintext, err := k.Open([]byte("before "), m, nil)
	require.NoError(t, err)
	require.Equal(t, "before text", string(plaintext))
}

func TestHeadersThatNobodyCouldReadAreNotWritten(t *testing.T) {
	k := exampleKey()
	for _, h := range []Header{
		{Version: 0, Wrapped: []byte("x")}, {Version: 1}, {Version: 1, Wrapped: make([]byte, MaxWrapped+1)},
	} {
		require.Panics(t, func() { k.AppendMessage(nil, h, nil, nil) })
	}
}

func TestIDsAreReadAsTheyArePrinted(t *testing.T) {
	id := ID{0xab, 1}
	again, err := ParseID(id.String())
	require.NoError(t, err)
	require.Equal(t, id, again)
	for _, bad := range []string{
		"", id.String()[1:], id.String() + "0", strings.ToUpper(id.String()), "xx" + id.String()[2:],
	} {
		_, err := ParseID(bad)
		require.Error(t, err, bad)
	}
}

func TestDataKeyContextsCanNotBeSpelledByABoundContext(t *testing.T) {
	id := ID{0xff}
	want := kmsapi.EncryptionContext{
		"app": "payroll", "vault:purpose": "envelope/1", "vault:envelope": "ff000000000000000000000000000000",
		"vault:version": "12",
	}
	bound := kmsapi.EncryptionContext{"app": "payroll", "vault:version": "13"}
	require.Equal(t, want, DataKeyContext(bound, id, 12), "ours are set last")
	require.Equal(t, "13", bound["vault:version"], "the bound context is not changed")
	require.Equal(t, kmsapi.EncryptionContext{"app": "payroll", "env": "prod", "alicloudkms:file": "1"},
		FileKeyContext(kmsapi.EncryptionContext{"app": "payroll"}, kmsapi.EncryptionContext{"env": "prod"}))
}

func TestKeysPrintNothing(t *testing.T) {
	k := exampleKey()
	for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s"} {
		require.Equal(t, "[redacted] [redacted]", fmt.Sprintf(verb+" "+verb, k, *k))
	}
}

func TestClearedKeysPanic(t *testing.T) {
	k := exampleKey()
	k.Clear()
	k.Clear()
	require.Zero(t, k.secret)
	require.Panics(t, func() { k.AppendMessage(nil, exampleHeader, nil, nil) })
}

func FuzzParse(f *testing.F) {
	k := exampleKey()
	f.Add(k.AppendMessage(nil, exampleHeader, nil, []byte("text")))
	f.Add(k.AppendMessage(nil, Header{Version: 1, Wrapped: []byte{0}}, exampleContexts, nil))
	f.Fuzz(func(t *testing.T, message []byte) {
		m, err := Parse(message)
		if err != nil {
			return
		}
		require.True(t, IsMessage(message))
		require.Equal(t, message, concat(m.Header.append(nil, messageFlags), m.nonce, m.commitment, m.ciphertext))
		if plaintext, err := k.Open(nil, m, nil); err == nil {
			require.Equal(t, message, k.appendMessage(nil, m.Header, m.nonce, nil, plaintext))
		}
	})
}

func BenchmarkAppendMessage(b *testing.B) {
	for _, size := range []int{64, 1 << 10, 1 << 20} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			k, h, plaintext := exampleKey(), exampleHeader, make([]byte, size)
			h.Wrapped = make([]byte, 110)
			dst := make([]byte, 0, MessageSize(len(h.Wrapped), size))
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				k.AppendMessage(dst, h, nil, plaintext)
			}
		})
	}
}
