// Package asymmetric implements the key pairs of CMKs: RSA and the curve secp256r1 with the standard library, secp256k1
// with decred's, and those that [Register] has added: package server/sm adds SM2. It knows nothing about requests,
// states and storage.
//
// # Keys
//
// A [Key] is made by [Generate] or [Parse], and stored as PKCS#8; a [Public] is stored as a SubjectPublicKeyInfo beside
// it, so that operations that need no private key don't unwrap or parse one. Both belong to a KeySpec, and accept the
// algorithms that package kmsapi has for it.
//
// # Failed decryptions
//
// [Key.Decrypt] reveals only that it failed. It runs one private-key operation on any input: for a ciphertext of the
// wrong length, or above the modulus, it runs it on another number. OAEP's own check takes constant time in crypto/rsa.
// So neither the answer nor its time tells an attacker (Manger, 2001) what was wrong. A [PrivateKey] of another package
// must do the same.
package asymmetric
