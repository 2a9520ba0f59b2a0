// Package wrapping protects key material on its way into the KMS service, with a key generated for that one import, and
// data keys on their way out, with a key of the caller's: see [ParsePublic].
//
// # Wrapping keys
//
// A [Key] is an RSA key of 2048 bits, or one of a kind that [Register] has added: package server/sm adds SM2. Its
// public half goes out with an import token, and the owner of key material encrypts the material with it. Generating an
// RSA key takes about 100 ms of a core, so a [Pool] generates them ahead of need, and shares them out fairly between
// accounts when it has run out.
//
// # Tokens
//
// A [Token] holds everything that an import must match, and the private half of the wrapping key. The service seals the
// token and gives it to the caller, so that it keeps nothing itself: a request costs no write and no cleanup, tokens
// outlive a restart, and callers can't fill the store. The price is that a token can't be revoked before it expires.
//
// # Unwrapping
//
// [Key.Unwrap] doesn't reveal why it failed, and takes the same steps whether it failed or not. PKCS#1 v1.5 needs that
// most, since a service that distinguishes good padding from bad is a decryption oracle (Bleichenbacher, 1998). A
// failure yields random material, which the caller processes up to the point where any other wrong material is refused.
package wrapping
