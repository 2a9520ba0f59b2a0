// Package envelope encrypts data under data keys that only Alibaba Cloud KMS can open. It knows neither Vault nor a
// network: the secrets engine and the tool `alicloudkms` share it. This comment is the specification of both formats;
// test vectors for other implementations are in testdata.
//
// # Data keys
//
// A data key is 32 random bytes that KMS made (GenerateDataKey) and returned wrapped, as a CiphertextBlob. Every
// message and every file carries the wrapped key, with its base64 removed, so that it opens with KMS alone: Decrypt of
// the wrapped key returns the data key, with the encryption context that it was made with. For messages, that has the
// entries of the bound_context of the engine's key, and these:
//
//	vault:purpose   envelope/1
//	vault:envelope  the envelope id, in 32 lower-case hexadecimal digits
//	vault:version   N, in decimal, without leading zeros
//
// For a file, it has the entries of bound_context, if the data key is made through the engine or for it, those that the
// caller gave, and "alicloudkms:file" with the value "1". [DataKeyContext] and [FileKeyContext] return them.
//
// # A message
//
// All numbers are big-endian, all lengths are in bytes. A reader refuses other values of the header (bytes 0 to 27+m)
// before it does anything with what follows.
//
//	 0       4   00 41 4B 45 (NUL, "AKE"); a CiphertextBlob of a symmetric key begins with 36 characters instead
//	 4       1   01, the format
//	 5       1   flags: 00
//	 6      16   the envelope id, random, one for each key of the engine
//	22       4   N, the version of the data key, from 1
//	26       2   m, the length of the wrapped data key, 1 to 1024
//	28       m   the wrapped data key
//	28+m    24   the nonce, random
//	52+m    32   the key commitment
//	84+m     n   the ciphertext, as long as the plaintext, which may be empty
//	84+m+n  16   the tag
//
// Ciphertext and tag are those of XAES-256-GCM (https://c2sp.org/XAES-256-GCM) under the data key with this nonce. The
// commitment is that of KC-XAES-256-GCM (https://eprint.iacr.org/2025/758), which has it at the end: with E, the
// encryption of a block by AES-256 with the data key, and K1 as in XAES-256-GCM, and with the first 12 bytes A and the
// others B of the nonce, X is E of "XCMT" and A, and the commitment is E(X xor (B, 00 01 00 01) xor K1) and E(X xor (B,
// 00 01 00 02) xor K1), one after the other. It is compared in constant time before anything is decrypted.
//
// The additional data is the string "alicloudkms envelope v1", a NUL, the header (bytes 0 to 27+m), and the contexts in
// the form of [kmsapi.EncryptionContext.AppendCanonical]: their number, and, sorted by the bytes of the names, the
// length and bytes of each name and value; numbers have 4 bytes. The contexts are one map: the entries of
// encryption_context, and, unless they are empty, context as "vault:context" and associated_data as
// "vault:associated_data", both in base64 (RFC 4648, section 4, padded). The entries of bound_context are not among
// them, even if encryption_context repeats them; they are in the data key's own context.
//
// In the engine's ciphertexts, "vault:v", N in decimal, ":" and the message in base64 (RFC 4648, section 4, padded,
// canonical) follow each other.
//
// # A file
//
// A file has a data key of its own. Its header is as above, with flags 01, and zeros for envelope id and N. The nonce
// and the commitment follow, and then the chunks. The commitment is that of the data key and the whole nonce. The key
// of all chunks is the one that XAES-256-GCM derives from the data key and the first 12 bytes of the nonce; the last 12
// bytes are used only for the commitment. Chunk i, from 0, is AES-256-GCM with the nonce i (11 bytes) and 01 if it is
// the last chunk, 00 otherwise (1 byte), each followed by its tag. Chunks have 65,536 bytes of plaintext; the last one
// has 1 to 65,536, or none if the file is empty. Nothing follows it. The additional data of every chunk is the string
// "alicloudkms file v1", a NUL, the header, and the contexts as above: the entries that the caller gave, without the
// bound_context.
//
// # MACs
//
// The key of a MAC is HKDF-SHA-256 of the data key with the envelope id as salt and, as info, the string "alicloudkms
// envelope hmac v1", a NUL and N in 4 bytes; it has 32 bytes. The MAC is HMAC of the input with it, and with the hash
// function that the caller chose, SHA-256 by default. The engine writes "vault:v", N in decimal, ":" and the MAC in
// base64.
package envelope
