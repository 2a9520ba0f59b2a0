package kmskeys

import (
	"context"
	"errors"
	"fmt"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/sigstore-kms-alicloudkms/internal/protocol"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// CreateKey makes a key pair for an algorithm, and the alias of the reference for it. If the alias already exists and
// names a key of that kind that can sign, it makes nothing: callers run it again to get the public key.
func (k *Keys) CreateKey(ctx context.Context, r protocol.Request, name string) (pem []byte, err error) {
	ref, err := parseReference(r.Reference)
	if err != nil {
		return nil, err
	}
	wanted, err := newAlgorithm(ref, name)
	if err != nil {
		return nil, err
	}
	ref.algorithm = wanted
	err = k.withConnection(ctx, ref, func(ctx context.Context, c *connection) error {
		if err := k.findOrMake(ctx, c); err != nil {
			return err
		}
		v, err := c.findVersion(ctx)
		if err != nil {
			return err
		}
		pem = v.public.PEM()
		return nil
	})
	return pem, err
}

// newAlgorithm returns the algorithm called name, if a key can be made for it under that reference.
func newAlgorithm(ref reference, name string) (*algorithm, error) {
	wanted, err := findAlgorithm(name)
	if err != nil {
		return nil, err
	}
	switch usual := usualAlgorithm(wanted.keySpec); {
	case !ref.isAlias():
		return nil, fmt.Errorf("a new key needs an alias, %s://%s/alias/NAME: KMS chooses the ids of keys itself",
			Scheme, ref.region)
	case ref.version != "":
		return nil, errors.New("the version of a new key is not known yet: leave ?version out")
	case ref.algorithm != nil && ref.algorithm != wanted:
		return nil, fmt.Errorf("the key's name says algorithm=%s, but a key for %s was requested", ref.algorithm.name, name)
	case ref.algorithm == nil && wanted != usual:
		return nil, fmt.Errorf("without ?algorithm=%s after it, the key would sign by %s", name, usual.name)
	}
	return wanted, nil
}

func (k *Keys) findOrMake(ctx context.Context, c *connection) error {
	exists, err := c.find(ctx)
	if exists || err != nil {
		return err
	}
	if err := checkAlias(c.ref.key); err != nil {
		return err
	}
	made, err := call(ctx, c, &kmsapi.CreateKeyRequest{
		KeySpec: c.ref.algorithm.keySpec, KeyUsage: kmsapi.KeyUsageSignVerify, DKMSInstanceId: c.instance,
		Description: "signs for sigstore as " + c.ref.key,
	})
	if err != nil {
		return err
	}
	id := made.KeyMetadata.KeyId
	_, err = call(ctx, c, &kmsapi.CreateAliasRequest{AliasName: c.ref.key, KeyId: id})
	switch {
	case errors.Is(err, kmsapi.ErrAliasAlreadyExists):
		k.Warn(fmt.Sprintf("%s was made by somebody else at the same time; the key %s, made here, is not used: "+
			"schedule its deletion", c.ref.key, id))
		_, err = c.find(ctx)
	case err != nil:
		err = fmt.Errorf("the key %s was made, but has no alias yet: %w", id, err)
	}
	return err
}

// checkAlias refuses an alias that KMS would refuse, before there is a key that needs it.
func checkAlias(name string) error {
	params := kmsapi.Encode(&kmsapi.CreateAliasRequest{AliasName: name, KeyId: "the new key's"})
	err := kmsapi.DecodeGiven(params, new(kmsapi.CreateAliasRequest))
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok {
		return fmt.Errorf("the alias %s can't be made: %s", name, refused.Message)
	}
	return err
}

// find reports whether the alias is there. The error says why its key can't be the one that is asked for.
func (c *connection) find(ctx context.Context) (exists bool, err error) {
	answer, err := call(ctx, c, &kmsapi.DescribeKeyRequest{KeyId: c.ref.key})
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok && refused.Kind() == kmsapi.KindNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	key, wanted := answer.KeyMetadata, c.ref.algorithm
	differs := func(format string, args ...any) (bool, error) {
		return true, fmt.Errorf("%s names the key %s already, "+format, append([]any{c.ref.key, key.KeyId}, args...)...)
	}
	switch {
	case key.KeySpec != wanted.keySpec:
		return differs("of the key_spec %s; %s needs %s", key.KeySpec, wanted.name, wanted.keySpec)
	case key.KeyUsage != kmsapi.KeyUsageSignVerify:
		return differs("which is for %s, not for signatures", key.KeyUsage)
	case key.KeyState != kmsapi.Enabled:
		return differs("whose state is %s", key.KeyState)
	case c.instance != "" && key.DKMSInstanceId != c.instance:
		return differs("which is not in the KMS instance %s", c.instance)
	}
	return true, nil
}
