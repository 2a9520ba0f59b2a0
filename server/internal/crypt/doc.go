// Package crypt is the cryptography of the KMS service, on the standard library alone.
//
// # Keys
//
// A [RootKey], 256 bits from a file, wraps the material of every CMK version for storage: the 256 bits of a [Material],
// or a secret of another [Kind] and length. Wrapped material is bound to its kind and to the path of its record, so
// that a record that is moved or swapped in the store does not open. The root key never touches a user's data.
//
// Import tokens are sealed with a key derived from the root key by HKDF, so they are void once the root key is changed.
// The [FingerprintKey] by which imported material is recognized after it has been deleted is a key of its own, wrapped
// like material, since it must outlive the root key; earlier programs derived it from the root key too.
//
// # Data
//
// [Material.Seal] encrypts users' data. Every message has a random 192-bit nonce, from which XAES-256-GCM
// (https://c2sp.org/XAES-256-GCM) derives a key for that message. With plain AES-GCM and its 96-bit nonces a key may
// encrypt 2^32 messages; here the number is practically unlimited (2^80 for a collision risk of 2^-32), so messages are
// not counted.
//
// A sealed message, a blob, is laid out as
//
//	 0  36  id of the key version, where programs that read blobs of KMS expect it
//	36   1  format: 1
//	37  24  nonce
//	61   n  ciphertext, as long as the plaintext
//	61+n 16 tag
//
// and authenticates, as additional data, a label, its first 61 bytes, and the encryption context in an injective
// encoding. A blob that does not open gives [ErrOpen], whatever the reason.
//
// # Memory
//
// Keys live behind pointers in types that print as "[redacted]". Clear overwrites a key and its expanded form, and the
// key of a single message is overwritten before Seal and Open return. Go may have copied a key before that, with a
// stack that grew for instance, so this shortens the life of keys but does not prove that they are gone.
package crypt
