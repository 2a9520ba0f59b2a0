package alicloudkms

import (
	"context"
	"errors"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// kms is what the engine needs of KMS. [client.Client] implements it.
type kms interface {
	CreateKey(context.Context, *kmsapi.CreateKeyRequest) (*kmsapi.CreateKeyResponse, error)
	EnableKey(context.Context, *kmsapi.EnableKeyRequest) (*kmsapi.EnableKeyResponse, error)
	DisableKey(context.Context, *kmsapi.DisableKeyRequest) (*kmsapi.DisableKeyResponse, error)
	ScheduleKeyDeletion(context.Context, *kmsapi.ScheduleKeyDeletionRequest) (*kmsapi.ScheduleKeyDeletionResponse, error)
	CancelKeyDeletion(context.Context, *kmsapi.CancelKeyDeletionRequest) (*kmsapi.CancelKeyDeletionResponse, error)
	DescribeKey(context.Context, *kmsapi.DescribeKeyRequest) (*kmsapi.DescribeKeyResponse, error)
	ListKeys(context.Context, *kmsapi.ListKeysRequest) (*kmsapi.ListKeysResponse, error)
	Encrypt(context.Context, *kmsapi.EncryptRequest) (*kmsapi.EncryptResponse, error)
	GenerateDataKey(context.Context, *kmsapi.GenerateDataKeyRequest) (*kmsapi.GenerateDataKeyResponse, error)
	Decrypt(context.Context, *kmsapi.DecryptRequest) (*kmsapi.DecryptResponse, error)
	DescribeRegions(context.Context, *kmsapi.DescribeRegionsRequest) (*kmsapi.DescribeRegionsResponse, error)
	GetParametersForImport(context.Context, *kmsapi.GetParametersForImportRequest) (*kmsapi.GetParametersForImportResponse, error)
	ImportKeyMaterial(context.Context, *kmsapi.ImportKeyMaterialRequest) (*kmsapi.ImportKeyMaterialResponse, error)
	DeleteKeyMaterial(context.Context, *kmsapi.DeleteKeyMaterialRequest) (*kmsapi.DeleteKeyMaterialResponse, error)
	CreateAlias(context.Context, *kmsapi.CreateAliasRequest) (*kmsapi.CreateAliasResponse, error)
	UpdateAlias(context.Context, *kmsapi.UpdateAliasRequest) (*kmsapi.UpdateAliasResponse, error)
	DeleteAlias(context.Context, *kmsapi.DeleteAliasRequest) (*kmsapi.DeleteAliasResponse, error)
	ListAliases(context.Context, *kmsapi.ListAliasesRequest) (*kmsapi.ListAliasesResponse, error)
	ListAliasesByKeyId(context.Context, *kmsapi.ListAliasesByKeyIdRequest) (*kmsapi.ListAliasesByKeyIdResponse, error)
	TagResource(context.Context, *kmsapi.TagResourceRequest) (*kmsapi.TagResourceResponse, error)
	UntagResource(context.Context, *kmsapi.UntagResourceRequest) (*kmsapi.UntagResourceResponse, error)
	ListResourceTags(context.Context, *kmsapi.ListResourceTagsRequest) (*kmsapi.ListResourceTagsResponse, error)
	// Endpoint is the host and port that is called.
	Endpoint() string
	// Close closes idle connections; calls in flight end as they would.
	Close()
}

var _ kms = (*client.Client)(nil)

func openClient(c client.Config) (kms, error) { return client.New(c) }

// A connection is a client for KMS with what belongs to its configuration. It never changes.
type connection struct {
	kms    kms
	region string
	// identity tells who the engine is in KMS, and where that is, apart from others. It has no secret in it.
	identity string
	// borrowed says that the credentials are not those of the configuration, but of a role or the environment.
	borrowed bool
	// slots bounds the calls at one time; nil means no bound. A call puts something in, and takes it out at its end.
	slots chan struct{}
	// parallel is how many items of one batch are worked on at one time.
	parallel int
}

// connect makes a connection from a configuration, without I/O. It refuses what no client can work with.
func (b *backend) connect(c *config) (*connection, error) {
	settings, err := c.client()
	if err != nil {
		return nil, refusal.BadRequest("the configuration is not valid: %s", err)
	}
	opened, err := b.open(settings)
	if err != nil {
		return nil, refusal.BadRequest("the configuration is not valid: %s", err)
	}
	conn := &connection{kms: opened, region: c.Region, identity: c.identity(), borrowed: c.borrowed(), parallel: defaultBatchParallel}
	if c.MaxParallel > 0 {
		conn.slots = make(chan struct{}, c.MaxParallel)
		conn.parallel = min(c.MaxParallel, maxBatchParallel)
	}
	return conn, nil
}

// connection returns the connection that the stored configuration describes.
func (b *backend) connection(ctx context.Context, req *logical.Request) (*connection, error) {
	conn, err := b.connections.Get(configPath, func() (*connection, error) {
		c, err := loadConfig(ctx, req.Storage)
		if err != nil || c == nil {
			return nil, err
		}
		return b.connect(c)
	})
	if err == nil && conn == nil {
		err = b.missing(notConfigured(req))
	}
	return conn, err
}

func (c *connection) close() { c.kms.Close() }

// call is the one way from the engine to KMS. do is a method of [kms]. Its errors name the operation.
func call[Q kmsapi.Request, R any](ctx context.Context, c *connection, do func(kms, context.Context, Q) (R, error), q Q) (R, error) {
	var none R
	if c.slots != nil {
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-ctx.Done():
			return none, &callError{op: q.Operation(), err: ctx.Err(), unsent: true}
		}
	}
	if err := ctx.Err(); err != nil { // A batch has many calls to come when its request is cancelled.
		return none, &callError{op: q.Operation(), err: err, unsent: true}
	}
	answer, err := do(c.kms, ctx, q)
	if err != nil {
		return none, &callError{op: q.Operation(), err: err, unsent: isUnsent(err), borrowed: c.borrowed}
	}
	return answer, nil
}

// isUnsent reports whether KMS surely did not run a call that failed, because it never got it or refused its credentials.
func isUnsent(err error) bool {
	if unreachable, ok := errors.AsType[*client.TransportError](err); ok {
		return unreachable.Unsent
	}
	_, wanting := errors.AsType[*client.CredentialsError](err)
	return wanting
}
