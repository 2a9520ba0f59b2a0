// Package signing is sign and verify of Vault's transit engine over the key pairs of KMS, without Vault's requests and
// without calls to KMS.
//
// [Parameters] are what a caller of transit says about a signature. Together with the KeySpec of a key they make a
// [Scheme], which knows KMS's algorithm, the digest that KMS signs, and the string form of signatures. Package
// publickey checks signatures.
//
// KMS signs only SHA-256 digests, or with keys on SM2 the SM3 of data and public key, and its PSS salt has 32 bytes. A
// request for anything else is refused, with an error of package refusal. Only a program that links package sm3 has
// SM3.
package signing
