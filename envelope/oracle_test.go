package envelope

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"maps"
	"slices"
)

// This file has a second implementation of both formats, written from the package comment with only the standard
// library, and in the plainest way.

func newBlock(key []byte) cipher.Block {
	b, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	return b
}

// block is AES-256 of one block.
func block(key, in []byte) []byte {
	out := make([]byte, 16)
	newBlock(key).Encrypt(out, in)
	return out
}

func xor(parts ...[]byte) []byte {
	sum := make([]byte, 16)
	for _, part := range parts {
		for i, b := range part {
			sum[i] ^= b
		}
	}
	return sum
}

// subkey is CMAC's K1: L = AES(0), doubled in GF(2^128).
func subkey(key []byte) []byte {
	l := block(key, make([]byte, 16))
	doubled := make([]byte, 16)
	for i := range 15 {
		doubled[i] = l[i]<<1 | l[i+1]>>7
	}
	doubled[15] = l[15] << 1
	if l[0]&0x80 != 0 {
		doubled[15] ^= 0x87
	}
	return doubled
}

func gcm(key []byte) cipher.AEAD {
	g, err := cipher.NewGCM(newBlock(key))
	if err != nil {
		panic(err)
	}
	return g
}

func derivedKey(key, nonce []byte) []byte {
	k1 := subkey(key)
	first := block(key, xor(concat([]byte{0, 1, 'X', 0}, nonce[:12]), k1))
	second := block(key, xor(concat([]byte{0, 2, 'X', 0}, nonce[:12]), k1))
	return concat(first, second)
}

func commitmentOf(key, nonce []byte) []byte {
	k1, x := subkey(key), block(key, concat([]byte("XCMT"), nonce[:12]))
	first := block(key, xor(x, concat(nonce[12:], []byte{0, 1, 0, 1}), k1))
	second := block(key, xor(x, concat(nonce[12:], []byte{0, 1, 0, 2}), k1))
	return concat(first, second)
}

func concat(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

func encoded(contexts map[string]string) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(contexts)))
	for _, name := range slices.Sorted(maps.Keys(contexts)) {
		for _, s := range []string{name, contexts[name]} {
			out = append(binary.BigEndian.AppendUint32(out, uint32(len(s))), s...)
		}
	}
	return out
}

func headerOf(flags byte, id []byte, version uint32, wrapped []byte) []byte {
	return concat([]byte("\x00AKE\x01"), []byte{flags}, id, binary.BigEndian.AppendUint32(nil, version),
		binary.BigEndian.AppendUint16(nil, uint16(len(wrapped))), wrapped)
}

// oracleMessage encrypts a message.
func oracleMessage(v vector) []byte {
	header := headerOf(0, v.ID, v.Version, v.Wrapped)
	additional := concat([]byte("alicloudkms envelope v1\x00"), header, encoded(v.Contexts))
	sealed := gcm(derivedKey(v.Key, v.Nonce)).Seal(nil, v.Nonce[12:], v.plaintext(), additional)
	return concat(header, v.Nonce, commitmentOf(v.Key, v.Nonce), sealed)
}

// oracleFile encrypts a file.
func oracleFile(v vector) []byte {
	header := headerOf(1, make([]byte, 16), 0, v.Wrapped)
	additional := concat([]byte("alicloudkms file v1\x00"), header, encoded(v.Contexts))
	file := concat(header, v.Nonce, commitmentOf(v.Key, v.Nonce))
	aead, rest := gcm(derivedKey(v.Key, v.Nonce)), v.plaintext()
	for i := uint64(0); ; i++ {
		chunk, last := rest, byte(1)
		if len(rest) > 65536 {
			chunk, last = rest[:65536], 0
		}
		nonce := concat(make([]byte, 3), binary.BigEndian.AppendUint64(nil, i), []byte{last})
		file = aead.Seal(file, nonce, chunk, additional)
		rest = rest[len(chunk):]
		if last == 1 {
			return file
		}
	}
}
