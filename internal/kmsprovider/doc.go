// Package kmsprovider is a KMS v2 provider of Kubernetes: the API server asks it over a Unix socket to encrypt the
// seeds of its data keys, and to decrypt them. It does so with a key of KMS, or with a key of the secrets engine in
// Vault.
//
//	provider := kmsprovider.New(&kmsprovider.KMS{Client: kms, Key: key, Cluster: "prod"}, kmsprovider.Options{Log: log})
//	err := provider.Serve(ctx, kmsprovider.Listening{Socket: "/run/kms-provider/kms.sock"})
//
// # The key id
//
// With each object, Kubernetes stores the key id that Encrypt returned, and it considers an object stale if Status
// returns another one. So a key id names what really encrypts: the KMS key and its version,
// acs:kms:REGION:ACCOUNT:key/KEY/VERSION, or for a key of the engine vault:MOUNT/keys/NAME/KEY/VERSION.
//
// # Status
//
// Status answers from memory. A check in the background asks every [DefaultInterval] which key and version encrypt now,
// and every 10 seconds once that has failed. While the last check has failed, Status gives the reason, and no key id:
// the API server takes an unhealthy status with a key id for a confirmation, and would go on writing forever with a
// data key that nothing confirms. Without a key id it goes on for 3 minutes.
//
// An answer to Encrypt that names a key id other than that of Status changes Status at once: the API server keeps a new
// data key only if both agree.
//
// # What decrypts
//
// Only listed keys. The key id of a request must name one of them, and the answer of KMS the same key and version: KMS
// itself would open every ciphertext of a key that the credentials may use. The name of the cluster is in the
// encryption context, {"kubernetes:cluster": NAME}, so that the data of one cluster does not open in another.
//
// # What is never stored
//
// A ciphertext that does not open. Before it answers, Encrypt decrypts what KMS returned, and compares: credentials
// that may encrypt but not decrypt would otherwise go unnoticed until the API server restarts. The API server encrypts
// once for each of its starts and each key id, so this costs next to nothing.
package kmsprovider
