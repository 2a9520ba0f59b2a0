package client

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// CreateSecret makes a secret with its first version. It is not repeated if it may have run.
func (c *Client) CreateSecret(
	ctx context.Context, r *kmsapi.CreateSecretRequest,
) (*kmsapi.CreateSecretResponse, error) {
	return Do(ctx, c, r)
}

// PutSecretValue adds a version to a secret. It can be repeated: a version keeps its data.
func (c *Client) PutSecretValue(
	ctx context.Context, r *kmsapi.PutSecretValueRequest,
) (*kmsapi.PutSecretValueResponse, error) {
	return Do(ctx, c, r)
}

// GetSecretValue returns the value of a version of a secret.
func (c *Client) GetSecretValue(
	ctx context.Context, r *kmsapi.GetSecretValueRequest,
) (*kmsapi.GetSecretValueResponse, error) {
	return Do(ctx, c, r)
}

// DescribeSecret returns everything about a secret except its values.
func (c *Client) DescribeSecret(
	ctx context.Context, r *kmsapi.DescribeSecretRequest,
) (*kmsapi.DescribeSecretResponse, error) {
	return Do(ctx, c, r)
}

// ListSecrets returns one page of the account's secrets in the region.
func (c *Client) ListSecrets(
	ctx context.Context, r *kmsapi.ListSecretsRequest,
) (*kmsapi.ListSecretsResponse, error) {
	return Do(ctx, c, r)
}

// ListSecretVersionIds returns one page of the versions of a secret.
func (c *Client) ListSecretVersionIds(
	ctx context.Context, r *kmsapi.ListSecretVersionIdsRequest,
) (*kmsapi.ListSecretVersionIdsResponse, error) {
	return Do(ctx, c, r)
}

// UpdateSecret replaces the description of a secret.
func (c *Client) UpdateSecret(
	ctx context.Context, r *kmsapi.UpdateSecretRequest,
) (*kmsapi.UpdateSecretResponse, error) {
	return Do(ctx, c, r)
}

// UpdateSecretVersionStage moves or removes a stage. It is not repeated if it may have run.
func (c *Client) UpdateSecretVersionStage(
	ctx context.Context, r *kmsapi.UpdateSecretVersionStageRequest,
) (*kmsapi.UpdateSecretVersionStageResponse, error) {
	return Do(ctx, c, r)
}

// DeleteSecret schedules the deletion of a secret, or deletes it at once. It is not repeated if it may have run.
func (c *Client) DeleteSecret(
	ctx context.Context, r *kmsapi.DeleteSecretRequest,
) (*kmsapi.DeleteSecretResponse, error) {
	return Do(ctx, c, r)
}

// RestoreSecret cancels the deletion of a secret. It is not repeated if it may have run.
func (c *Client) RestoreSecret(
	ctx context.Context, r *kmsapi.RestoreSecretRequest,
) (*kmsapi.RestoreSecretResponse, error) {
	return Do(ctx, c, r)
}

// RotateSecret rotates a managed secret. It is not repeated if it may have run.
func (c *Client) RotateSecret(
	ctx context.Context, r *kmsapi.RotateSecretRequest,
) (*kmsapi.RotateSecretResponse, error) {
	return Do(ctx, c, r)
}

// UpdateSecretRotationPolicy says whether, and how often, a managed secret is rotated.
func (c *Client) UpdateSecretRotationPolicy(
	ctx context.Context, r *kmsapi.UpdateSecretRotationPolicyRequest,
) (*kmsapi.UpdateSecretRotationPolicyResponse, error) {
	return Do(ctx, c, r)
}

// GetSecretPolicy returns the policy of a secret in a KMS instance.
func (c *Client) GetSecretPolicy(
	ctx context.Context, r *kmsapi.GetSecretPolicyRequest,
) (*kmsapi.GetSecretPolicyResponse, error) {
	return Do(ctx, c, r)
}

// SetSecretPolicy replaces the policy of a secret in a KMS instance.
func (c *Client) SetSecretPolicy(
	ctx context.Context, r *kmsapi.SetSecretPolicyRequest,
) (*kmsapi.SetSecretPolicyResponse, error) {
	return Do(ctx, c, r)
}

// GetRandomPassword makes a password. If an answer is lost, the retry returns another, which is just as good.
func (c *Client) GetRandomPassword(
	ctx context.Context, r *kmsapi.GetRandomPasswordRequest,
) (*kmsapi.GetRandomPasswordResponse, error) {
	return Do(ctx, c, r)
}
