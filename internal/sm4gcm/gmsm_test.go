package sm4gcm

import (
	"bytes"
	"crypto/cipher"
	"crypto/rand"
	"testing"

	"github.com/emmansun/gmsm/cbcmac"
	"github.com/stretchr/testify/require"
)

// The tests in this file compare gmsm with published vectors, and its assembly with another implementation of GCM.

func TestTheVectorOfTheBlockCipher(t *testing.T) {
	block := newSM4(exampleKey) // GB/T 32907-2016, A.1.
	b := bytes.Clone(exampleKey[:])
	block.Encrypt(b, b)
	require.Equal(t, decode("681edf34d206965e86b3e94f536e4246"), b)
	block.Decrypt(b, b)
	require.Equal(t, exampleKey[:], b)
}

func TestBlocksAreTheSameAloneAndTogether(t *testing.T) {
	block := newSM4(exampleKey)
	for n := range 10 {
		together := make([]byte, n*blockSize)
		_, _ = rand.Read(together)
		alone := bytes.Clone(together)
		for at := 0; at < len(alone); at += blockSize {
			block.Encrypt(alone[at:], alone[at:])
		}
		encryptBlocks(block, together)
		require.Equal(t, alone, together, "%d blocks", n)
	}
}

func TestVectorsOfCMAC(t *testing.T) {
	for message, want := range map[string]string{ // GB/T 15821.1-2020, appendix B.
		"":                                 "29e154322e5c7bd8ee6a25ba549b24bc",
		"This is the test message for mac": "692c437100f3b5ee2b8abcef373d990c",
		"This is the test message ":        "4738a6c760b280fc0c8a8af3886e9f5d",
	} {
		require.Equal(t, decode(want), cbcmac.NewCMAC(newSM4(exampleKey), blockSize).MAC([]byte(message)))
	}
}

func TestVectorsOfGCM(t *testing.T) {
	for name, v := range map[string]struct{ key, nonce, plaintext, additional, sealed string }{
		"RFC 8998, A.1": {
			"0123456789abcdeffedcba9876543210", "00001234567800000000abcd",
			"aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbccccccccccccccccdddddddddddddddd" +
				"eeeeeeeeeeeeeeeeffffffffffffffffeeeeeeeeeeeeeeeeaaaaaaaaaaaaaaaa",
			"feedfacedeadbeeffeedfacedeadbeefabaddad2",
			"17f399f08c67d5ee19d0dc9969c4bb7d5fd46fd3756489069157b282bb200735" +
				"d82710ca5c22f0ccfa7cbf93d496ac15a56834cbcf98c397b4024a2691233b8d" + "83de3541e4c2b58177e065a9bf7b62ec",
		},
		"GB/T 36624-2018, C.5, 1": {
			"00000000000000000000000000000000", "000000000000000000000000", "", "", "232f0cfe308b49ea6fc88229b5dc858d",
		},
		"GB/T 36624-2018, C.5, 2": {
			"00000000000000000000000000000000", "000000000000000000000000", "00000000000000000000000000000000", "",
			"7de2aa7f1110188218063be1bfeb6d89b851b5f39493752be508f1bb4482c557",
		},
		"GB/T 15852.3-2019, A.4": {
			"feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
			"feedfacedeadbeeffeedfacedeadbeefabaddad242831ec2217774244b7221b7", "1eeaeb669e96bd059bd9929123030e78",
		},
	} {
		t.Run(name, func(t *testing.T) {
			gcm := newGCM(newSM4((*[KeySize]byte)(decode(v.key))))
			sealed := gcm.Seal(nil, decode(v.nonce), decode(v.plaintext), decode(v.additional))
			require.Equal(t, decode(v.sealed), sealed)
			plaintext, err := gcm.Open(nil, decode(v.nonce), sealed, decode(v.additional))
			require.NoError(t, err)
			require.True(t, bytes.Equal(decode(v.plaintext), plaintext))
		})
	}
}

// onlyABlock hides gmsm's own GCM from [cipher.NewGCM], which then uses Go's.
type onlyABlock struct{ cipher.Block }

// TestGCMOfEveryLengthIsThatOfGo also checks the bytes around the buffers, which assembly could silently overwrite.
func TestGCMOfEveryLengthIsThatOfGo(t *testing.T) {
	block := newSM4(exampleKey)
	ours, reference := newGCM(block), newGCM(onlyABlock{block})
	require.NotEqual(t, reference, ours)
	nonce := exampleSalt[:nonceSize]
	for size := range 300 {
		data := make([]byte, size)
		_, _ = rand.Read(data)
		additional := data[:size/3]
		sealed := inside(func(room []byte) []byte { return ours.Seal(room, nonce, data, additional) }, size+Overhead)
		require.Equal(t, reference.Seal(nil, nonce, data, additional), sealed, "%d bytes", size)
		opened := inside(func(room []byte) []byte {
			opened, err := ours.Open(room, nonce, sealed, additional)
			require.NoError(t, err)
			return opened
		}, size)
		require.True(t, bytes.Equal(data, opened), "%d bytes", size)
	}
}

// inside lets use append size bytes to a slice that has bytes before and after it, and panics if those change.
func inside(use func(room []byte) []byte, size int) []byte {
	const margin = 64
	around := bytes.Repeat([]byte{0xa5}, margin+size+margin)
	used := use(around[margin : margin : margin+size])
	for at, b := range around {
		if outside := at < margin || at >= margin+size; outside && b != 0xa5 {
			panic("a byte beside the buffer has changed")
		}
	}
	return used
}
