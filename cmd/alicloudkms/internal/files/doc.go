// Package files encrypts and decrypts files under data keys of KMS, with KMS's own credentials or through the secrets
// engine in Vault, and opens the engine's ciphertexts: it does the work of `alicloudkms encrypt` and `alicloudkms
// decrypt`. The formats are those of package envelope, so that each way opens what the other has written.
package files
