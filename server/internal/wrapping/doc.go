// Package wrapping is how key material travels into the KMS service: under an RSA key that is made for the journey.
//
// # Wrapping keys
//
// A [Key] is an RSA key of 2048 bits. Its public half goes out with an import token, and whoever has key material encrypts
// it with that. Making one takes about 100 ms of a core, so a [Pool] makes them ahead of need.
//
// # Tokens
//
// A [Token] holds all that an import must agree with, and the private half of the wrapping key. The service seals it and
// gives it away, so it keeps nothing itself: no write and no clean-up for each request, tokens that outlive a restart, and
// no store that strangers to a CMK can fill. The price is that a token can't be called back before it expires.
//
// # Unwrapping
//
// [Key.Unwrap] tells nothing about why it failed, and takes the same steps whether it failed or not. PKCS#1 v1.5 needs that
// most, since a service that tells good padding from bad is a machine for decrypting (Bleichenbacher, 1998). What fails
// gives random material, which a caller carries on with to where any other wrong material is refused.
package wrapping
