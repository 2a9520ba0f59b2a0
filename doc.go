// Package alicloudkms is a secrets engine for HashiCorp Vault and OpenBao. It delegates keys to Alibaba Cloud KMS: a
// key of the engine is a name for a CMK, whose material never leaves KMS, and Vault's policies control the use of the
// name.
//
//	vault secrets enable -path=alicloudkms vault-plugin-secrets-alicloudkms
//	vault write alicloudkms/config region=cn-hangzhou access_key=LTAI... secret_key=@FILE
//	vault write -f alicloudkms/keys/payroll
//	vault write alicloudkms/encrypt/payroll plaintext="$(echo -n hello | base64)"
//	vault write alicloudkms/decrypt/payroll ciphertext=vault:v1:...
//
// # Wire shape
//
// encrypt, decrypt and datakey take and answer what Vault's transit engine does, so transit's clients work here.
// plaintext is standard base64 both ways, and that base64 is what KMS encrypts, so a program that calls KMS itself
// reads and writes the same. ciphertext is "vault:vN:" and KMS's CiphertextBlob unchanged, where N is the version that
// made it; decrypt takes the bare blob too. If what KMS decrypts is not base64 (another program encrypted a raw
// string), the answer is its base64, with a warning.
//
// associated_data and context are sent as entries of KMS's EncryptionContext called "vault:associated_data" and
// "vault:context", their values in base64. A key that was made with derived=true requires context.
//
// sign, verify and export/public-key are transit's too. KMS signs; verify and export use the public keys in the entry,
// and do not call KMS. A signature or ciphertext of a key pair names its version in "vault:vN:"; nothing else
// identifies it.
//
// hmac, and verify of an HMAC, are for keys with data keys: KMS makes no HMACs with keys that encrypt. The newest data
// key makes them, even if the key is back in direct mode. An HMAC carries no data key, so verifying it needs the row of
// its version.
//
// # What keeps keys apart
//
// A ciphertext opens only through its own key: KMS's Decrypt names no key, so the engine compares the CMK in KMS's
// answer with the one in the path, and drops the plaintext if they differ. The bound_context of a key is part of every
// encryption context of that key, and a caller can't override it. KMS binds no context to ciphertexts of a key pair, so
// a key pair that decrypts has one name only.
//
// # Versions
//
// The entry of a key has a table with a row for each of its versions, which are versions of one CMK or, after a
// rotation to another, of several. KMS's answers to Encrypt and Decrypt name a version, which alone decides the number
// in a ciphertext, and whether min_decryption_version and trim allow it to be opened. Rows are added by requests that
// write and by an hourly pass of the active node, and never by the use of a key; a version without a row counts as the
// newest of its CMK. Package versions has the rules. A change that gives a key another CMK is in the write-ahead log
// together with the CMK being followed, so a rollback never gives the new CMK to a key that has been deregistered or
// made again.
//
// enable, disable, delete and cancel_deletion act on all CMKs of a key, the oldest first. They call KMS first, and then
// give every name of the CMKs in the mount a new generation in its entry, so that other nodes learn of it.
//
// # Fields of transit
//
// Parameters of transit that ask for a protection that KMS does not offer (convergent_encryption, ...) are refused;
// those that can be dropped without weakening anything (nonce, exportable, ...) are ignored with a warning. Every other
// unknown parameter is refused.
//
// # KMS instances
//
// The entry of a key records the KMS instance that its CMK is in, as KMS reported it. Management goes to the shared
// gateway of the region. Operations that use a key go to the dedicated gateway of its instance if config has
// gateway=dedicated for that instance, and otherwise to the shared one too. Each gateway has its own connections and
// its own max_parallel. The CA of a dedicated gateway is read when config is written, and again by a health check if it
// no longer verifies, but never by a request that uses a key.
//
// # Errors
//
// KMS's code, message and request id reach the caller, with the status below and advice.
//
//	400  bad input; the engine is not configured; KMS says 400; a config write gives credentials that KMS or STS
//	     refuses, or names a source that has none
//	403  a ciphertext of another key; KMS says 403 (RAM permissions of the engine's access key)
//	404  a key that the engine does not know; KMS says 404
//	409  the state of the CMK forbids it; the same key or the config is being changed by another request
//	429  KMS throttles
//	502  KMS fails, can't be reached or answers garbage; KMS refuses the engine's stored credentials or clock, or
//	     there are no credentials. Those are faults between Vault and KMS: 403 would blame the caller's Vault token
//	503  the request was cancelled, which also happens when a node steps down: try again
//	504  KMS did not answer in time
//
// # Policies
//
// Only config distinguishes create from update. Every other write needs the update capability, because an existence
// check would cost a storage call each time. datakey/wrapped shows no key, so a policy can allow it where
// datakey/plaintext and decrypt are denied.
//
// # Concurrency
//
// Client and key entries are cached and dropped by Invalidate. Encrypt and decrypt cost one KMS call and no storage
// call. No lock is held across a storage or network call: a second change of the same thing is answered 409 at once.
// Each mount has a process of its own, so that a reload or a crash of one fails no request of another. Even so, the
// package has no mutable state of its own.
package alicloudkms
