package envelope

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

const macLabel = "alicloudkms envelope hmac v1\x00"

// NewMAC returns an HMAC with newHash, under a key that is derived from the data key of this id and version. It leaves
// nothing of the data key behind. Go can't erase the derived key in the HMAC, which opens no message.
func (k *Key) NewMAC(newHash func() hash.Hash, id ID, version uint32) (hash.Hash, error) {
	extracted := k.extract(id)
	defer clear(extracted)
	info := string(binary.BigEndian.AppendUint32([]byte(macLabel), version))
	key, err := hkdf.Expand(sha256.New, extracted, info, KeySize)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return hmac.New(newHash, key), nil
}

// extract is HKDF-Extract of the data key, like hkdf.Extract, but it overwrites the copy of its input that the hash
// keeps.
func (k *Key) extract(salt ID) []byte {
	mac := hmac.New(sha256.New, salt[:])
	_, _ = mac.Write(k.secret[:])
	extracted := mac.Sum(nil)
	mac.Reset()
	_, _ = mac.Write(make([]byte, KeySize))
	return extracted
}
