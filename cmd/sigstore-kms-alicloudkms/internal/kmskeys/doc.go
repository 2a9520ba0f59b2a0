// Package kmskeys serves the methods of package protocol with key pairs of Alibaba Cloud KMS.
//
// A reference names a key, and what else a program of sigstore can't say about it:
//
//	REGION/KEY[?NAME=VALUE[&NAME=VALUE…]]
//
// KEY is the id of a key, alias/NAME, or the ARN of a key. The names are
//
//	version     the id of the version that is used. Without it, it is the newest
//	algorithm   one of [Keys.SupportedAlgorithms]. Without it, RSA keys sign by PKCS #1 v1.5
//	instance    the KMS instance in which a key is made
//
// A version that the caller's program asks for takes precedence over that of the reference.
//
// Package environment says which KMS is called, and with which credentials. Over the dedicated gateway of a KMS
// instance, nothing goes to the shared gateway if the version is given.
//
// What is signed is a SHA-256 digest: KMS signs no other. Each signature is checked before it is returned, and
// verification needs KMS only for the public key, unless the caller asks for a remote one.
package kmskeys
