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
// [PrivateKey.Decrypt] says only that it failed. It multiplies a point by the private key whatever it is given: for a
// ciphertext that is too short, or whose point is not on the curve, another point. So neither the answer nor its time
// tells what was wrong, and no point of another curve meets the key. What is encrypted is authenticated by C3, which is
// compared in constant time.
package sm2key
