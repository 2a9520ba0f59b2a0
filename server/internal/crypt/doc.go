// Package crypt is the cryptography of the KMS service. It uses only the standard library, except for SM4, which a
// program has only if it links a package that calls [Register].
//
// # Keys
//
// A [RootKey], 256 bits from a file, wraps the material of every CMK version for storage: the key of a [Material], or a
// secret of another [Kind]. Wrapped material is bound to its kind and to the path of its record, so a record that is
// moved or swapped in the store does not open. The root key never touches a user's data.
//
// Import tokens are sealed with a key derived from the root key by HKDF, so they become invalid when the root key is
// changed. The [FingerprintKey], which recognizes imported material after it has been deleted, is a separate key,
// wrapped like material, since it must outlive the root key; earlier programs derived it from the root key too.
//
// # Data
//
// [Material.Seal] encrypts users' data. With an AES key, every message has a random 192-bit nonce, from which
// XAES-256-GCM (https://c2sp.org/XAES-256-GCM) derives a key for that message. With plain AES-GCM and its 96-bit nonces
// a key may encrypt 2^32 messages; here the number is practically unlimited (2^80 for a collision risk of 2^-32), so
// messages are not counted.
//
// With an SM4 key, every message has a random 128-bit salt instead of a nonce, from which package sm4gcm derives the
// key and the nonce of SM4-GCM for that message: 2^48 messages for the same risk.
//
// A sealed message, a blob, is laid out as
//
//	  AES   SM4
//	 0 36  0 36  id of the key version, where programs that parse blobs of KMS expect it
//	36  1 36  1  format: 1 with an AES key, and 2 with an SM4 key
//	37 24 37 16  nonce or salt
//	61  n 53  n  ciphertext, as long as the plaintext
//	61+n  53+n   tag, 16 bytes
//
// and authenticates, as additional data, a label, everything before the ciphertext, and the encryption context in an
// injective encoding. A blob that does not open gives [ErrOpen], whatever the reason.
//
// # Memory
//
// Keys live behind pointers in types that print as "[redacted]". Clear overwrites a key and its expanded form, and the
// key of a single message is overwritten before Seal and Open return. Go may have copied a key before that, for example
// when a stack grew, so this shortens the life of keys but does not guarantee that they are gone.
package crypt
