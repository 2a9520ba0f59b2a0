package kmskeys

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/sigstore-kms-alicloudkms/internal/protocol"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/environment"
)

// Keys are the keys of KMS, for [protocol.Serve].
type Keys struct {
	// Variables say which KMS is called, and with which credentials.
	Variables environment.Variables
	// UserAgent is the header of that name in requests.
	UserAgent string
	// Warn tells the user what the answer has no place for.
	Warn func(message string)
}

var _ protocol.Keys = (*Keys)(nil)

// SupportedAlgorithms are the algorithms of sigstore's registry that KMS has keys for.
func (k *Keys) SupportedAlgorithms() []string { return algorithmNames() }

// DefaultAlgorithm is the algorithm that the reference names, and otherwise the first of all.
func (k *Keys) DefaultAlgorithm(r protocol.Request) (string, error) {
	ref, err := parseReference(r.Reference)
	if err != nil {
		return "", err
	}
	return ref.algorithmOr(&algorithms[0]).name, nil
}

// PublicKey returns the public key of the version.
func (k *Keys) PublicKey(ctx context.Context, r protocol.Request) ([]byte, error) {
	var pem []byte
	err := k.withVersion(ctx, r, func(_ context.Context, v *version) error {
		pem = v.public.PEM()
		return nil
	})
	return pem, err
}

// SignMessage makes KMS sign the digest of the message.
func (k *Keys) SignMessage(ctx context.Context, r protocol.Request, message io.Reader) (signature []byte, err error) {
	digest, err := digestOf(ctx, r, message)
	if err != nil {
		return nil, err
	}
	err = k.withVersion(ctx, r, func(ctx context.Context, v *version) error {
		signature, err = v.sign(ctx, digest)
		return err
	})
	return signature, err
}

var (
	errNotSigned         = errors.New("the signature does not match this message, or was made by another key or version")
	errNotSignedByNewest = fmt.Errorf("%w; this version is the newest, and ?version=ID after the key names another",
		errNotSigned)
)

// VerifySignature checks a signature with the public key of the version, or lets KMS do that if the request says so.
func (k *Keys) VerifySignature(ctx context.Context, r protocol.Request, message io.Reader, signature []byte) error {
	digest, err := digestOf(ctx, r, message)
	if err != nil {
		return err
	}
	return k.withVersion(ctx, r, func(ctx context.Context, v *version) error {
		valid := false
		if r.Remote {
			valid, err = v.askKMS(ctx, digest, signature)
		} else {
			valid = v.public.Verify(v.algorithm.signs, digest, signature)
		}
		switch {
		case err != nil || valid:
			return err
		case v.conn.ref.version == "":
			return v.explain(errNotSignedByNewest)
		default:
			return v.explain(errNotSigned)
		}
	})
}

// withVersion runs do with the version that a request is about.
func (k *Keys) withVersion(
	ctx context.Context, r protocol.Request, do func(context.Context, *version) error,
) error {
	ref, err := parseReference(r.Reference)
	if err != nil {
		return err
	}
	if r.Version != "" {
		if ref.version, err = versionOf(r.Version); err != nil {
			return err
		}
	}
	return k.withConnection(ctx, ref, func(ctx context.Context, c *connection) error {
		v, err := c.findVersion(ctx)
		if err != nil {
			return err
		}
		return do(ctx, v)
	})
}

// withConnection runs do while there is a connection, for as long as patience allows.
func (k *Keys) withConnection(
	ctx context.Context, ref reference, do func(context.Context, *connection) error,
) error {
	c, err := k.connect(ref)
	if err != nil {
		return err
	}
	defer c.kms.Close()
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return do(ctx, c)
}
