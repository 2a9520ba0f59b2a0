package envelope

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/binary"
	"encoding/json"
	"hash"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// testdata/macs.json was made with HKDF and HMAC of another language, from the package comment.
func TestMACsAreThoseOfTheSpecification(t *testing.T) {
	text, err := os.ReadFile("testdata/macs.json")
	require.NoError(t, err)
	var all []struct {
		Key, ID    digits
		Version    uint32
		Text       digits
		HMACSHA256 digits `json:"hmac_sha256"`
	}
	require.NoError(t, json.Unmarshal(text, &all))
	require.Len(t, all, 2)
	for _, v := range all {
		mac, err := NewKey((*[KeySize]byte)(v.Key)).NewMAC(sha256.New, ID(v.ID), v.Version)
		require.NoError(t, err)
		_, _ = mac.Write(v.Text)
		require.Equal(t, v.HMACSHA256, digits(mac.Sum(nil)))

		info := string(binary.BigEndian.AppendUint32([]byte("alicloudkms envelope hmac v1\x00"), v.Version))
		key, err := hkdf.Key(sha256.New, v.Key, v.ID, info, 32)
		require.NoError(t, err)
		want := hmac.New(sha512.New, key)
		mac, err = NewKey((*[KeySize]byte)(v.Key)).NewMAC(sha512.New, ID(v.ID), v.Version)
		require.NoError(t, err)
		require.Equal(t, want.Sum(nil), mac.Sum(nil))
	}
}

func TestMACsOfAnotherKeyIDOrVersionDiffer(t *testing.T) {
	sum := func(k *Key, newHash func() hash.Hash, id ID, version uint32) string {
		mac, err := k.NewMAC(newHash, id, version)
		require.NoError(t, err)
		_, _ = mac.Write([]byte("text"))
		return string(mac.Sum(nil))
	}
	k, id := exampleKey(), ID{1}
	all := []string{
		sum(k, sha256.New, id, 1), sum(k, sha256.New, id, 2), sum(k, sha256.New, ID{2}, 1),
		sum(NewKey(&[KeySize]byte{5}), sha256.New, id, 1), sum(k, sha512.New, id, 1),
	}
	require.Equal(t, all[0], sum(exampleKey(), sha256.New, id, 1))
	slices.Sort(all)
	require.Len(t, slices.Compact(all), 5)
}
