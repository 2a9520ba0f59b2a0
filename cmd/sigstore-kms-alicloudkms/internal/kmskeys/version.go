package kmskeys

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/publickey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A version is a version of a key pair, with what it signs by.
type version struct {
	conn *connection
	// asked is what KMS is asked for: an id or an ARN, so that an alias which moves meanwhile changes nothing. keyID is
	// the id that KMS answers with.
	asked, keyID, id string
	public           *publickey.PublicKey
	algorithm        *algorithm
}

// findVersion returns the version of the reference, or else the newest.
func (c *connection) findVersion(ctx context.Context) (*version, error) {
	v := &version{conn: c, asked: c.ref.key, id: c.ref.version}
	if v.id == "" {
		newest, err := c.newest(ctx)
		if err != nil {
			return nil, err
		}
		v.id = newest.KeyVersionId
		if c.ref.isAlias() {
			v.asked = newest.KeyId
		}
	}
	answer, err := call(ctx, c, &kmsapi.GetPublicKeyRequest{KeyId: v.asked, KeyVersionId: v.id})
	if err != nil {
		return nil, err
	}
	if answer.KeyVersionId != v.id || !mayAnswer(answer.KeyId, v.asked) {
		return nil, v.explain(errOtherVersion)
	}
	v.keyID = answer.KeyId
	if c.ref.isAlias() {
		v.asked = answer.KeyId
	}
	return v, v.read(answer.PublicKey)
}

// mayAnswer reports whether the key keyID is the one that was asked for, by its id or ARN. An alias can name any key.
func mayAnswer(keyID, asked string) bool {
	return strings.HasPrefix(asked, kmsapi.AliasPrefix) || keyID == asked[strings.LastIndexByte(asked, '/')+1:]
}

var errNoVersion = errors.New("KMS shows no version of the key; if it waits for key material, import that first")

// newest returns the newest version of the key. KMS has no version of a key pair that it uses by default.
func (c *connection) newest(ctx context.Context) (newest kmsapi.KeyVersion, err error) {
	answer, err := call(ctx, c, &kmsapi.ListKeyVersionsRequest{KeyId: c.ref.key, PageSize: kmsapi.MaxPageSize})
	if err != nil {
		return newest, err
	}
	for _, v := range answer.KeyVersions.KeyVersion { // Of two that were made in one second, the first is the newer one.
		if v.CreationDate > newest.CreationDate {
			newest = v
		}
	}
	if newest.KeyVersionId == "" {
		return newest, fmt.Errorf("%s: %w", &c.ref, errNoVersion)
	}
	return newest, nil
}

// read reads the public key, and finds the algorithm that it is for.
func (v *version) read(encoded string) (err error) {
	v.public, err = publickey.Parse(encoded)
	if errors.Is(err, publickey.ErrUnknownKey) {
		return v.explain(errNoAlgorithm)
	}
	if err != nil {
		return v.explain(err)
	}
	spec := v.public.KeySpec()
	v.algorithm = v.conn.ref.algorithmOr(usualAlgorithm(spec))
	switch {
	case v.algorithm == nil:
		return v.explain(errNoAlgorithm)
	case v.algorithm.keySpec != spec:
		return v.explain(fmt.Errorf("its key_spec is %s, and the algorithm %s is for %s", spec, v.algorithm.name,
			v.algorithm.keySpec))
	}
	return nil
}

var (
	errNoAlgorithm  = errors.New("sigstore has no algorithm for keys of its kind: they are on a curve that it does not know")
	errOtherVersion = errors.New("KMS answered for another key, or another version of it")
	errNotRight     = errors.New("KMS answered with a signature that does not verify with the key's public key")
)

// sign returns KMS's signature of a digest, once the public key has confirmed it.
func (v *version) sign(ctx context.Context, digest []byte) ([]byte, error) {
	answer, err := call(ctx, v.conn, &kmsapi.AsymmetricSignRequest{
		KeyId: v.asked, KeyVersionId: v.id, Algorithm: v.algorithm.signs,
		Digest: base64.StdEncoding.EncodeToString(digest),
	})
	if err != nil {
		return nil, err
	}
	if answer.KeyId != v.keyID || answer.KeyVersionId != v.id {
		return nil, v.explain(errOtherVersion)
	}
	signature, err := base64.StdEncoding.DecodeString(answer.Value)
	if err != nil || !v.public.Verify(v.algorithm.signs, digest, signature) {
		return nil, v.explain(errNotRight)
	}
	return signature, nil
}

// askKMS reports what KMS says about a signature.
func (v *version) askKMS(ctx context.Context, digest, signature []byte) (bool, error) {
	if len(signature) == 0 { // KMS takes an empty parameter for a missing one.
		return false, nil
	}
	answer, err := call(ctx, v.conn, &kmsapi.AsymmetricVerifyRequest{
		KeyId: v.asked, KeyVersionId: v.id, Algorithm: v.algorithm.signs,
		Digest: base64.StdEncoding.EncodeToString(digest), Value: base64.StdEncoding.EncodeToString(signature),
	})
	if err != nil {
		return false, err
	}
	if answer.KeyId != v.keyID || answer.KeyVersionId != v.id {
		return false, v.explain(errOtherVersion)
	}
	return answer.Value, nil
}

// explain is err with the key and the version that it is about.
func (v *version) explain(err error) error {
	return fmt.Errorf("%s, version %s: %w", &v.conn.ref, v.id, err)
}
