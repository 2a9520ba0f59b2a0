package xaes

import (
	"encoding/hex"
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// digits are bytes in hexadecimal.
type digits []byte

func (d *digits) UnmarshalText(text []byte) (err error) {
	*d, err = hex.AppendDecode(nil, text)
	return err
}

// committed is a published vector of KC-XAES-256-GCM.
type committed struct {
	Key, Nonce, Plaintext, Additional, Ciphertext, Tag, Commitment digits
}

// All published vectors of the commitment are AWS-LC's; those with nonces shorter than 24 bytes are for another cipher.
func committedVectors(t *testing.T) []committed {
	t.Helper()
	text, err := os.ReadFile("testdata/kc-xaes-256-gcm.json")
	require.NoError(t, err)
	var file struct{ Vectors []committed }
	require.NoError(t, json.Unmarshal(text, &file))
	require.Len(t, file.Vectors, 3)
	return file.Vectors
}

func TestPublishedVectorsOfTheCommitment(t *testing.T) {
	for _, v := range committedVectors(t) {
		t.Run(hex.EncodeToString(v.Commitment[:4]), func(t *testing.T) {
			k := New((*[KeySize]byte)(v.Key))
			commitment := k.Commitment(v.Nonce)
			require.Equal(t, v.Commitment, digits(commitment[:]))
			sealed := slices.Concat(v.Ciphertext, v.Tag)
			require.Equal(t, sealed, digits(k.Seal(nil, v.Nonce, v.Plaintext, v.Additional)))
			plaintext, err := k.Open(nil, v.Nonce, sealed, v.Additional)
			require.NoError(t, err)
			require.Equal(t, v.Plaintext, digits(plaintext))
		})
	}
}

// A commitment that did not depend on a bit of the key or of the nonce would bind a message to neither.
func TestEveryBitChangesTheCommitment(t *testing.T) {
	v := committedVectors(t)[0]
	seen := map[[CommitmentSize]byte]bool{New((*[KeySize]byte)(v.Key)).Commitment(v.Nonce): true}
	for _, key := range withOneBitFlipped(v.Key) {
		seen[New((*[KeySize]byte)(key)).Commitment(v.Nonce)] = true
	}
	for _, nonce := range withOneBitFlipped(v.Nonce) {
		seen[New((*[KeySize]byte)(v.Key)).Commitment(nonce)] = true
	}
	require.Len(t, seen, 1+8*KeySize+8*NonceSize)
}
