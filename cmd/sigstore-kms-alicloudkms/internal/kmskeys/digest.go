package kmskeys

import (
	"context"
	"crypto"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/sigstore-kms-alicloudkms/internal/protocol"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

var errHash = errors.New("KMS signs only SHA-256 digests, and another hash function was requested")

// digestOf returns the digest of a request: the one that it has, or that of the message, which may be of any size. It
// stops waiting for the message when ctx is done.
func digestOf(ctx context.Context, r protocol.Request, message io.Reader) ([]byte, error) {
	switch {
	case r.Hash != crypto.SHA256:
		return nil, errHash
	case len(r.Digest) == kmsapi.DigestSize:
		return r.Digest, nil
	case len(r.Digest) > 0:
		return nil, fmt.Errorf("the digest has %d bytes, and a SHA-256 digest has %d", len(r.Digest), kmsapi.DigestSize)
	}
	done := make(chan error, 1)
	hash := sha256.New()
	go func() {
		_, err := io.Copy(hash, message)
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			return nil, fmt.Errorf("the message can't be read: %w", err)
		}
		return hash.Sum(nil), nil
	case <-ctx.Done():
		return nil, fmt.Errorf("the message did not end in time: %w", ctx.Err())
	}
}
