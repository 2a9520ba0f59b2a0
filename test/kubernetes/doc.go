// Package kubernetes drives `alicloudkms kms-provider` with the API server's own code: the parts that read an
// EncryptionConfiguration, ask a provider for its status, make data keys, and encrypt and decrypt objects. The provider
// and the KMS service are processes, as in a cluster. There is no etcd: a test keeps what the API server would store
// there.
//
// TestMain builds the programs. The tests use what docs/kubernetes.md prints.
//
// TestMain builds the programs. What docs/kubernetes.md prints is what is tested.
package kubernetes
