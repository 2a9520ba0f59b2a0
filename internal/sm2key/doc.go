// Package sm2key is key pairs on SM2 (GB/T 32918), on github.com/emmansun/gmsm: signatures, encryption, and the wrap
// that KMS has for their private keys. The library is outside of Go's FIPS 140-3 module, and nobody has certified it.
// So only programs that need SM2 link this package.
//
// # Forms
//
// A signature is a DER SEQUENCE of r and s, of a digest of 32 bytes: SM3(Z || message), which the caller computes. A
// ciphertext is raw, in the order C1C3C2 of GB/T 32918.4-2016:
//
//	 0   1  4: the point is uncompressed
//	 1  64  x and y of the point C1
//	65  32  C3, an SM3
//	97   n  C2, as long as the plaintext
//
// # Failed decryptions
//
// [PrivateKey.Decrypt] says only that it failed. It always multiplies a point by the private key: another one if the
// ciphertext is too short, or its point is not on the curve. So neither the answer nor its time tells what was wrong,
// and the key is never multiplied with a point of another curve. C3 authenticates the plaintext, and is compared in
// constant time.
package sm2key
