package alicloudkms

import (
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// keyRead shows what KMS said about the key at most 10 s ago.
func (b *backend) keyRead(
	ctx context.Context, req *logical.Request, k target, _ *framework.FieldData,
) (*logical.Response, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	facts, err := b.factsOf(ctx, conn, k)
	if err != nil && k.entry.isAsymmetric() {
		return b.shownWithoutKMS(req, k, err)
	}
	if err != nil {
		return nil, err
	}
	b.learnInstance(ctx, req, k, facts.metadata)
	return b.shown(req, k, facts), nil
}

// shownWithoutKMS shows a key pair that KMS does not show. Verifiers of signatures read its public keys here, and need
// them even after the CMK is gone.
func (b *backend) shownWithoutKMS(req *logical.Request, k target, err error) (*logical.Response, error) {
	if _, ok := errors.AsType[*callError](err); !ok {
		return nil, err
	}
	resp := k.entry.withVersions(k.name)
	resp.AddWarning("What KMS knows of the key is not shown: " + b.coded(req, withTarget(err, k)).Error())
	return resp, nil
}

// learnInstance stores the KMS instance that a CMK is in now, since it may have been moved to one. If that fails, the
// next read tries again.
func (b *backend) learnInstance(ctx context.Context, req *logical.Request, k target, cmk kmsapi.KeyMetadata) {
	if k.entry.Instance == cmk.DKMSInstanceId || !b.WriteSafeReplicationState() {
		return
	}
	release, err := b.reserveKey(k.name)
	if err != nil {
		return
	}
	defer release()
	entry, err := loadKey(ctx, req.Storage, k.name)
	if err == nil && entry != nil && entry.KeyID == cmk.KeyId {
		entry.Instance = cmk.DKMSInstanceId
		err = b.storeKey(ctx, req.Storage, k.name, entry)
	}
	if err != nil {
		b.Logger().Warn("the KMS instance of a key was not stored", "key", k.name, "error", err)
	}
}
