// Package kubernetes drives `alicloudkms kms-provider` with the API server's own code: what reads an
// EncryptionConfiguration, asks a provider for its status, makes data keys, and encrypts and decrypts objects. The
// provider and the KMS service are processes, as in a cluster. There is no etcd: a test keeps what the API server would
// store there.
//
// TestMain builds the programs. What docs/kubernetes.md prints is what is tested.
package kubernetes
