package kmsprovider

import (
	"context"

	"google.golang.org/grpc/codes"
)

// A Backend encrypts with one key, and decrypts ciphertexts of that key and of other listed ones. It is safe for
// concurrent use. A call ends with its context.
type Backend interface {
	// Current returns the key id of the version that encrypts now.
	Current(ctx context.Context) (keyID string, err error)
	// CheckPrevious returns an error if one of the other listed keys can't decrypt, as far as that can be seen without
	// a ciphertext.
	CheckPrevious(ctx context.Context) error
	// Encrypt encrypts a plaintext.
	Encrypt(ctx context.Context, plaintext []byte) (Sealed, error)
	// Decrypt opens what Encrypt returned, in this process or an earlier one. It returns a [*Refusal] if the key id
	// names no listed key, or not the one that opened the ciphertext.
	Decrypt(ctx context.Context, s Sealed) (plaintext []byte, err error)
}

// Sealed is an encrypted plaintext, as Kubernetes stores it.
type Sealed struct {
	Ciphertext []byte
	KeyID      string
}

// A Refusal means that a request can't be served, whatever KMS says.
type Refusal struct {
	Code   codes.Code
	Reason string
}

// Error gives the reason.
func (r *Refusal) Error() string { return r.Reason }

// clusterContext is the entry of the encryption context that has the cluster's name.
const clusterContext = "kubernetes:cluster"
