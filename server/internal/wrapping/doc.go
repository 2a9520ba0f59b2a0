// Package wrapping protects key material on its way into the KMS service, with a key generated for that one import, and
// data keys on their way out, with the caller's key: see [ParsePublic].
//
// # Wrapping keys
//
// A [Key] is an RSA key of 2048 bits, or one of a kind that [Register] has added: package server/sm adds SM2. Its
// public half is sent with an import token, and the owner of key material encrypts the material with it. Generating an
// RSA key takes about 100 ms of a core, so a [Pool] generates them in advance, and shares new ones fairly between
// accounts when it has run out.
//
// # Tokens
//
// A [Token] holds everything that an import must match, and the private half of the wrapping key. The service seals the
// token and gives it to the caller, so it keeps nothing itself: a request costs no write and no cleanup, tokens outlive
// a restart, and callers can't fill the store. The price is that a token can't be revoked before it expires.
//
// # Unwrapping
//
// [Key.Unwrap] doesn't reveal why it failed, and takes the same steps whether or not it fails. This matters most for
// PKCS#1 v1.5, since a service that distinguishes valid padding from invalid padding is a decryption oracle
// (Bleichenbacher, 1998). A failure yields random material, which the caller processes up to the point where any other
// wrong material is refused.
package wrapping
