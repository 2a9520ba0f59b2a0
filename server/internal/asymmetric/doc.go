// Package asymmetric is the key pairs of CMKs: RSA and the curve secp256r1 on the standard library, secp256k1 on
// decred's, and whatever [Register] has added: package server/sm adds SM2. It knows no request, no state and no
// storage.
//
// # Keys
//
// A [Key] is made by [Generate] or [Parse], and stored as PKCS#8; a [Public] is stored as a SubjectPublicKeyInfo beside
// it, so that whatever needs no private key neither unwraps nor parses one. Both belong to a KeySpec, and take the
// algorithms that package kmsapi has for it.
//
// # Failed decryptions
//
// [Key.Decrypt] says only that it failed. It runs one private-key operation whatever it is given: for a ciphertext of
// the wrong length, or above the modulus, it runs it on another number. OAEP's own check takes constant time in
// crypto/rsa. So neither the answer nor its time tells an attacker (Manger, 2001) what was wrong. A [PrivateKey] of
// another package has to do the same.
package asymmetric
