package wrapping

import (
	"bytes"
	"crypto/rsa"
	"crypto/subtle"
)

// unwrapPKCS1v15 reverses RSAES-PKCS1-v1_5 (RFC 8017, 7.2). No line of it depends on whether padding and length are
// valid: material is random at first, and crypto/rsa overwrites it with the message, or does not, without a branch. A
// change of material is the only sign of success, and is missed with a probability of 2^-128 for material of 16 bytes.
func unwrapPKCS1v15(private *rsa.PrivateKey, ciphertext, material []byte) int {
	before := bytes.Clone(material)
	defer clear(before)
	// An error is about ciphertext as a number, is found before the padding is examined, and leaves material unchanged.
	//lint:ignore SA1019 The API has this algorithm (§4.2), and this is the function that is safe against padding probes.
	_ = rsa.DecryptPKCS1v15SessionKey(nil, private, ciphertext, material)
	return 1 - subtle.ConstantTimeCompare(before, material)
}
