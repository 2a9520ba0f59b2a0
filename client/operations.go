package client

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// CreateKey makes a CMK (§4.1). It is not repeated if it may have run.
func (c *Client) CreateKey(ctx context.Context, r *kmsapi.CreateKeyRequest) (*kmsapi.CreateKeyResponse, error) {
	return Do(ctx, c, r)
}

// EnableKey lets a disabled CMK be used again (§4.4).
func (c *Client) EnableKey(ctx context.Context, r *kmsapi.EnableKeyRequest) (*kmsapi.EnableKeyResponse, error) {
	return Do(ctx, c, r)
}

// DisableKey stops a CMK from being used (§4.5).
func (c *Client) DisableKey(ctx context.Context, r *kmsapi.DisableKeyRequest) (*kmsapi.DisableKeyResponse, error) {
	return Do(ctx, c, r)
}

// ScheduleKeyDeletion schedules the deletion of a CMK (§4.6). It is not repeated if it may have run.
func (c *Client) ScheduleKeyDeletion(
	ctx context.Context, r *kmsapi.ScheduleKeyDeletionRequest,
) (*kmsapi.ScheduleKeyDeletionResponse, error) {
	return Do(ctx, c, r)
}

// CancelKeyDeletion cancels a scheduled deletion (§4.7). It is not repeated if it may have run.
func (c *Client) CancelKeyDeletion(
	ctx context.Context, r *kmsapi.CancelKeyDeletionRequest,
) (*kmsapi.CancelKeyDeletionResponse, error) {
	return Do(ctx, c, r)
}

// DescribeKey returns a CMK's metadata (§4.9).
func (c *Client) DescribeKey(ctx context.Context, r *kmsapi.DescribeKeyRequest) (*kmsapi.DescribeKeyResponse, error) {
	return Do(ctx, c, r)
}

// ListKeys returns one page of the account's CMKs in the region (§4.10).
func (c *Client) ListKeys(ctx context.Context, r *kmsapi.ListKeysRequest) (*kmsapi.ListKeysResponse, error) {
	return Do(ctx, c, r)
}

// Encrypt encrypts a string of up to [kmsapi.MaxPlaintext] bytes (§4.11). It must be UTF-8, and is base64 by
// convention: SDKs and the secrets engine expect that. [Client.EncryptBytes] encrypts bytes.
func (c *Client) Encrypt(ctx context.Context, r *kmsapi.EncryptRequest) (*kmsapi.EncryptResponse, error) {
	return Do(ctx, c, r)
}

// GenerateDataKey makes a data key (§4.12). If an answer is lost, the retry returns another key, which is just as good.
func (c *Client) GenerateDataKey(
	ctx context.Context, r *kmsapi.GenerateDataKeyRequest,
) (*kmsapi.GenerateDataKeyResponse, error) {
	return Do(ctx, c, r)
}

// GenerateDataKeyWithoutPlaintext makes a data key that its caller can't read without decrypting it. If an answer is
// lost, the retry returns another key, which is just as good.
func (c *Client) GenerateDataKeyWithoutPlaintext(
	ctx context.Context, r *kmsapi.GenerateDataKeyWithoutPlaintextRequest,
) (*kmsapi.GenerateDataKeyWithoutPlaintextResponse, error) {
	return Do(ctx, c, r)
}

// ExportDataKey decrypts a data key, and encrypts it with a public key.
func (c *Client) ExportDataKey(
	ctx context.Context, r *kmsapi.ExportDataKeyRequest,
) (*kmsapi.ExportDataKeyResponse, error) {
	return Do(ctx, c, r)
}

// GenerateAndExportDataKey makes a data key, and encrypts it with a CMK and with a public key. If an answer is lost,
// the retry returns another key, which is just as good.
func (c *Client) GenerateAndExportDataKey(
	ctx context.Context, r *kmsapi.GenerateAndExportDataKeyRequest,
) (*kmsapi.GenerateAndExportDataKeyResponse, error) {
	return Do(ctx, c, r)
}

// ReEncrypt encrypts the plaintext of a ciphertext again, perhaps with another CMK, without showing it. A caller that
// expects a certain source CMK must compare KeyId in the answer. The request goes to the shared gateway, even for keys
// of a KMS instance.
func (c *Client) ReEncrypt(ctx context.Context, r *kmsapi.ReEncryptRequest) (*kmsapi.ReEncryptResponse, error) {
	return Do(ctx, c, r)
}

// Decrypt opens a ciphertext with the CMK that made it, whichever that is (§4.13). A caller that expects a certain CMK
// must compare KeyId in the answer.
func (c *Client) Decrypt(ctx context.Context, r *kmsapi.DecryptRequest) (*kmsapi.DecryptResponse, error) {
	return Do(ctx, c, r)
}

// DescribeRegions lists the regions where KMS can be used (§4.22).
func (c *Client) DescribeRegions(
	ctx context.Context, r *kmsapi.DescribeRegionsRequest,
) (*kmsapi.DescribeRegionsResponse, error) {
	return Do(ctx, c, r)
}

// GetParametersForImport returns a wrapping key and a token for importing key material into a CMK (§4.2).
func (c *Client) GetParametersForImport(
	ctx context.Context, r *kmsapi.GetParametersForImportRequest,
) (*kmsapi.GetParametersForImportResponse, error) {
	return Do(ctx, c, r)
}

// ImportKeyMaterial imports key material (§4.3).
func (c *Client) ImportKeyMaterial(
	ctx context.Context, r *kmsapi.ImportKeyMaterialRequest,
) (*kmsapi.ImportKeyMaterialResponse, error) {
	return Do(ctx, c, r)
}

// DeleteKeyMaterial deletes imported key material (§4.8).
func (c *Client) DeleteKeyMaterial(
	ctx context.Context, r *kmsapi.DeleteKeyMaterialRequest,
) (*kmsapi.DeleteKeyMaterialResponse, error) {
	return Do(ctx, c, r)
}

// CreateAlias gives a CMK an alias (§4.14). It is not repeated if it may have run.
func (c *Client) CreateAlias(ctx context.Context, r *kmsapi.CreateAliasRequest) (*kmsapi.CreateAliasResponse, error) {
	return Do(ctx, c, r)
}

// UpdateAlias lets an alias name another CMK (§4.15).
func (c *Client) UpdateAlias(ctx context.Context, r *kmsapi.UpdateAliasRequest) (*kmsapi.UpdateAliasResponse, error) {
	return Do(ctx, c, r)
}

// DeleteAlias removes an alias (§4.16). It is not repeated if it may have run.
func (c *Client) DeleteAlias(ctx context.Context, r *kmsapi.DeleteAliasRequest) (*kmsapi.DeleteAliasResponse, error) {
	return Do(ctx, c, r)
}

// ListAliases returns one page of the account's aliases in the region (§4.17).
func (c *Client) ListAliases(ctx context.Context, r *kmsapi.ListAliasesRequest) (*kmsapi.ListAliasesResponse, error) {
	return Do(ctx, c, r)
}

// ListAliasesByKeyId returns one page of a CMK's aliases (§4.18).
func (c *Client) ListAliasesByKeyId(
	ctx context.Context, r *kmsapi.ListAliasesByKeyIdRequest,
) (*kmsapi.ListAliasesByKeyIdResponse, error) {
	return Do(ctx, c, r)
}

// TagResource adds tags to a CMK, or changes their values (§4.19).
func (c *Client) TagResource(ctx context.Context, r *kmsapi.TagResourceRequest) (*kmsapi.TagResourceResponse, error) {
	return Do(ctx, c, r)
}

// UntagResource removes tags from a CMK (§4.20).
func (c *Client) UntagResource(
	ctx context.Context, r *kmsapi.UntagResourceRequest,
) (*kmsapi.UntagResourceResponse, error) {
	return Do(ctx, c, r)
}

// ListResourceTags returns a CMK's tags (§4.21).
func (c *Client) ListResourceTags(
	ctx context.Context, r *kmsapi.ListResourceTagsRequest,
) (*kmsapi.ListResourceTagsResponse, error) {
	return Do(ctx, c, r)
}

// UpdateKeyDescription replaces the description of a CMK.
func (c *Client) UpdateKeyDescription(
	ctx context.Context, r *kmsapi.UpdateKeyDescriptionRequest,
) (*kmsapi.UpdateKeyDescriptionResponse, error) {
	return Do(ctx, c, r)
}

// SetDeletionProtection protects a CMK from deletion, or ends that protection.
func (c *Client) SetDeletionProtection(
	ctx context.Context, r *kmsapi.SetDeletionProtectionRequest,
) (*kmsapi.SetDeletionProtectionResponse, error) {
	return Do(ctx, c, r)
}

// TagResources adds tags to several CMKs, or changes their values.
func (c *Client) TagResources(
	ctx context.Context, r *kmsapi.TagResourcesRequest,
) (*kmsapi.TagResourcesResponse, error) {
	return Do(ctx, c, r)
}

// UntagResources removes tags from several CMKs.
func (c *Client) UntagResources(
	ctx context.Context, r *kmsapi.UntagResourcesRequest,
) (*kmsapi.UntagResourcesResponse, error) {
	return Do(ctx, c, r)
}

// ListTagResources returns one page of the tags of several CMKs, or of the CMKs that have certain tags.
func (c *Client) ListTagResources(
	ctx context.Context, r *kmsapi.ListTagResourcesRequest,
) (*kmsapi.ListTagResourcesResponse, error) {
	return Do(ctx, c, r)
}

// DescribeAccountKmsStatus says whether the account may use KMS.
func (c *Client) DescribeAccountKmsStatus(
	ctx context.Context, r *kmsapi.DescribeAccountKmsStatusRequest,
) (*kmsapi.DescribeAccountKmsStatusResponse, error) {
	return Do(ctx, c, r)
}

// OpenKmsService signs the account up for KMS.
func (c *Client) OpenKmsService(
	ctx context.Context, r *kmsapi.OpenKmsServiceRequest,
) (*kmsapi.OpenKmsServiceResponse, error) {
	return Do(ctx, c, r)
}

// GetKmsInstance returns the details of a KMS instance.
func (c *Client) GetKmsInstance(
	ctx context.Context, r *kmsapi.GetKmsInstanceRequest,
) (*kmsapi.GetKmsInstanceResponse, error) {
	return Do(ctx, c, r)
}

// ListKmsInstances returns one page of the account's KMS instances in the region.
func (c *Client) ListKmsInstances(
	ctx context.Context, r *kmsapi.ListKmsInstancesRequest,
) (*kmsapi.ListKmsInstancesResponse, error) {
	return Do(ctx, c, r)
}

// GetDefaultKmsInstance returns the instance in which keys are made if CreateKey names none.
func (c *Client) GetDefaultKmsInstance(
	ctx context.Context, r *kmsapi.GetDefaultKmsInstanceRequest,
) (*kmsapi.GetDefaultKmsInstanceResponse, error) {
	return Do(ctx, c, r)
}

// GetKeyPolicy returns the policy of a key in a KMS instance.
func (c *Client) GetKeyPolicy(
	ctx context.Context, r *kmsapi.GetKeyPolicyRequest,
) (*kmsapi.GetKeyPolicyResponse, error) {
	return Do(ctx, c, r)
}

// SetKeyPolicy replaces the policy of a key in a KMS instance.
func (c *Client) SetKeyPolicy(
	ctx context.Context, r *kmsapi.SetKeyPolicyRequest,
) (*kmsapi.SetKeyPolicyResponse, error) {
	return Do(ctx, c, r)
}

// CreateKeyVersion gives a CMK a new version. It is not repeated if it may have run: ListKeyVersions shows whether it
// did.
func (c *Client) CreateKeyVersion(
	ctx context.Context, r *kmsapi.CreateKeyVersionRequest,
) (*kmsapi.CreateKeyVersionResponse, error) {
	return Do(ctx, c, r)
}

// DescribeKeyVersion returns a version of a CMK.
func (c *Client) DescribeKeyVersion(
	ctx context.Context, r *kmsapi.DescribeKeyVersionRequest,
) (*kmsapi.DescribeKeyVersionResponse, error) {
	return Do(ctx, c, r)
}

// ListKeyVersions returns one page of the versions of a CMK, the newest first.
func (c *Client) ListKeyVersions(
	ctx context.Context, r *kmsapi.ListKeyVersionsRequest,
) (*kmsapi.ListKeyVersionsResponse, error) {
	return Do(ctx, c, r)
}

// UpdateRotationPolicy says whether, and how often, a CMK is rotated automatically.
func (c *Client) UpdateRotationPolicy(
	ctx context.Context, r *kmsapi.UpdateRotationPolicyRequest,
) (*kmsapi.UpdateRotationPolicyResponse, error) {
	return Do(ctx, c, r)
}

// GetPublicKey returns the public key of a version of an asymmetric key.
func (c *Client) GetPublicKey(
	ctx context.Context, r *kmsapi.GetPublicKeyRequest,
) (*kmsapi.GetPublicKeyResponse, error) {
	return Do(ctx, c, r)
}

// AsymmetricSign signs a digest with a version of an asymmetric key.
func (c *Client) AsymmetricSign(
	ctx context.Context, r *kmsapi.AsymmetricSignRequest,
) (*kmsapi.AsymmetricSignResponse, error) {
	return Do(ctx, c, r)
}

// AsymmetricVerify says whether a signature is valid. An invalid one is not an error.
func (c *Client) AsymmetricVerify(
	ctx context.Context, r *kmsapi.AsymmetricVerifyRequest,
) (*kmsapi.AsymmetricVerifyResponse, error) {
	return Do(ctx, c, r)
}

// AsymmetricEncrypt encrypts a few bytes with the public key of a version.
func (c *Client) AsymmetricEncrypt(
	ctx context.Context, r *kmsapi.AsymmetricEncryptRequest,
) (*kmsapi.AsymmetricEncryptResponse, error) {
	return Do(ctx, c, r)
}

// AsymmetricDecrypt decrypts a ciphertext made with the public key of a version.
func (c *Client) AsymmetricDecrypt(
	ctx context.Context, r *kmsapi.AsymmetricDecryptRequest,
) (*kmsapi.AsymmetricDecryptResponse, error) {
	return Do(ctx, c, r)
}
