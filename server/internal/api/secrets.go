package api

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// createSecret makes a secret with its first version. The value is sealed in the transaction that checks the CMK, which
// takes only microseconds.
func (a *API) createSecret(
	ctx context.Context, inv *Invocation, r *kmsapi.CreateSecretRequest,
) (*kmsapi.CreateSecretResponse, error) {
	if err := checkNewSecret(r); err != nil {
		return nil, err
	}
	if err := a.takesSecret(inv, r.DKMSInstanceId); err != nil {
		return nil, err
	}
	tags := keyring.Tags{}
	if err := addTags(r.Tags)(tags); err != nil {
		return nil, err
	}
	secret := keyring.NewSecret(r.SecretName, r.VersionId, inv.Now)
	secret.Description, secret.InstanceID = r.Description, r.DKMSInstanceId
	err := a.update(ctx, inv, func(w keyring.Writer) error {
		key, err := a.newSecretKey(w.Reader, inv, secret, r)
		if err != nil {
			return err
		}
		if secret.Policy, err = newPolicy(inv.Account, secret.InstanceID, r.Policy, sidOfSecrets); err != nil {
			return err
		}
		value, err := a.keys.SealValue(
			inv.scope(), secret.Name, r.VersionId, r.SecretDataType, r.SecretData.Reveal(), key)
		if err != nil {
			return err
		}
		if err := w.FreeName(secret.Name); err != nil {
			return err
		}
		if err := a.roomForSecret(w.Reader); err != nil {
			return err
		}
		if err := w.AddSecret(secret, value); err != nil {
			return err
		}
		return w.PutSecretTags(secret.Name, tags)
	})
	if err != nil {
		return nil, err
	}
	return &kmsapi.CreateSecretResponse{
		Arn: inv.secretARN(secret.Name), SecretName: secret.Name, VersionId: r.VersionId,
		SecretType: kmsapi.SecretGeneric, DKMSInstanceId: secret.InstanceID,
	}, nil
}

// checkNewSecret refuses parameters that only managed secrets have.
func checkNewSecret(r *kmsapi.CreateSecretRequest) error {
	switch {
	case r.SecretType != kmsapi.SecretGeneric:
		return kmsapi.ErrUnsupportedOperation.WithMessage(fmt.Sprintf(
			"%s This service has no secrets of SecretType %s.", kmsapi.ErrUnsupportedOperation.Message, r.SecretType))
	case r.EnableAutomaticRotation:
		return kmsapi.ErrRejectedUnsupportedOperation
	}
	return checkSecretData(r.SecretData)
}

func checkSecretData(data kmsapi.Secret) error {
	if len(data.Reveal()) <= kmsapi.MaxSecretData {
		return nil
	}
	return kmsapi.InvalidParameter("SecretData", fmt.Sprintf("It must have at most %d bytes.", kmsapi.MaxSecretData))
}

// takesSecret returns nil if a secret can be made in the KMS instance called id; "" is no instance.
func (a *API) takesSecret(inv *Invocation, id string) error {
	if id == "" {
		return nil
	}
	instance, err := a.instance(inv.scope(), id)
	switch {
	case err != nil:
		return kmsapi.ErrResourceNotFound
	case !instance.isConnected():
		return kmsapi.ErrInstanceStateInvalid
	default:
		return nil
	}
}

// newSecretKey finds the CMK of a new secret, if it is given one. The secret is in the KMS instance of its CMK.
func (a *API) newSecretKey(
	r keyring.Reader, inv *Invocation, secret *keyring.Secret, request *kmsapi.CreateSecretRequest,
) (key keyring.ValueKey, err error) {
	keyID := request.EncryptionKeyId
	if keyID == "" {
		return key, nil
	}
	key, cmk, err := a.secretKey(r, inv, keyID, "", inv.named(keyID))
	if err != nil {
		return key, err
	}
	inv.InstanceID = cmk.InstanceID
	if request.DKMSInstanceId != "" && request.DKMSInstanceId != cmk.InstanceID {
		return key, kmsapi.InvalidParameter(secretKeyParam, "It must be a key in the KMS instance of DKMSInstanceId.")
	}
	secret.KeyID, secret.InstanceID = cmk.KeyID, cmk.InstanceID
	return key, a.takesSecret(inv, cmk.InstanceID)
}

// describeSecret returns everything about a secret except its values.
func (a *API) describeSecret(
	ctx context.Context, inv *Invocation, r *kmsapi.DescribeSecretRequest,
) (resp *kmsapi.DescribeSecretResponse, err error) {
	return resp, a.view(ctx, inv, func(reader keyring.Reader) error {
		secret, err := reader.Secret(r.SecretName)
		if err != nil {
			return err
		}
		resp = &kmsapi.DescribeSecretResponse{
			Arn: inv.secretARN(secret.Name), SecretName: secret.Name, SecretType: kmsapi.SecretGeneric,
			Description: secret.Description, EncryptionKeyId: secret.KeyID, CreateTime: wireTime(secret.CreationDate),
			UpdateTime: wireTime(secret.UpdateDate), PlannedDeleteTime: wireTime(secret.DeleteDate),
			DKMSInstanceId: secret.InstanceID,
		}
		resp.Tags, err = secretTags(reader, secret.Name, r.FetchTags)
		return err
	})
}

// secretTags returns the tags of a secret in the order of their keys, or nil if they are not asked for.
func secretTags(r keyring.Reader, name string, asked bool) (list kmsapi.SecretTags, err error) {
	if !asked {
		return list, nil
	}
	tags, err := r.SecretTags(name)
	list.Tag = []kmsapi.Tag{}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		list.Tag = append(list.Tag, kmsapi.Tag{TagKey: key, TagValue: tags[key]})
	}
	return list, err
}

// listSecrets returns a page of the secrets that pass the filters, in the order of their names.
func (a *API) listSecrets(
	ctx context.Context, inv *Invocation, r *kmsapi.ListSecretsRequest,
) (*kmsapi.ListSecretsResponse, error) {
	resp := &kmsapi.ListSecretsResponse{PageNumber: r.PageNumber, PageSize: r.PageSize}
	resp.SecretList.Secret = []kmsapi.SecretEntry{}
	return resp, a.view(ctx, inv, func(reader keyring.Reader) error {
		page, err := pageOfSecrets(reader, inv, r)
		if err != nil {
			return err
		}
		resp.TotalCount = page.Total
		for _, secret := range page.Items {
			tags, err := secretTags(reader, secret.Name, r.FetchTags)
			if err != nil {
				return err
			}
			resp.SecretList.Secret = append(resp.SecretList.Secret, kmsapi.SecretEntry{
				SecretName: secret.Name, SecretType: kmsapi.SecretGeneric, CreateTime: wireTime(secret.CreationDate),
				UpdateTime: wireTime(secret.UpdateDate), PlannedDeleteTime: wireTime(secret.DeleteDate), Tags: tags,
			})
		}
		return nil
	})
}

func pageOfSecrets(
	r keyring.Reader, inv *Invocation, asked *kmsapi.ListSecretsRequest,
) (keyring.Page[*keyring.Secret], error) {
	f := asked.Filters
	if len(f) == 0 {
		return r.Secrets(asked.PageNumber, asked.PageSize)
	}
	names := kmsapi.Filters(f).Values(kmsapi.FilterBySecretName)
	return r.FilteredSecrets(asked.PageNumber, asked.PageSize, names, func(s *keyring.Secret) (bool, error) {
		if !f.Accept(kmsapi.FilterBySecretName, s.Name) || !f.Accept(kmsapi.FilterByDescription, s.Description) ||
			!f.Accept(kmsapi.FilterByInstance, s.InstanceID) || !f.Accept(kmsapi.FilterByCreator, inv.Account) ||
			!f.Accept(kmsapi.FilterBySecretType, kmsapi.SecretGeneric) {
			return false, nil
		}
		tags, err := r.SecretTags(s.Name)
		return err == nil && f.Accept(kmsapi.FilterByTagKey, slices.Collect(maps.Keys(tags))...) &&
			f.Accept(kmsapi.FilterByTagValue, slices.Collect(maps.Values(tags))...), err
	})
}

// updateSecret replaces the description of a secret, if the request has the parameter.
func (a *API) updateSecret(
	ctx context.Context, inv *Invocation, r *kmsapi.UpdateSecretRequest,
) (*kmsapi.UpdateSecretResponse, error) {
	return &kmsapi.UpdateSecretResponse{SecretName: r.SecretName}, a.changeSecret(ctx, inv, r.SecretName,
		func(secret *keyring.Secret) error {
			if r.Description != "" || r.NoDescription {
				secret.Description = r.Description
			}
			return secret.InDeleteWindow()
		})
}

// changeSecret reads a secret, applies change and stores the secret, in one transaction.
func (a *API) changeSecret(
	ctx context.Context, inv *Invocation, name string, change func(*keyring.Secret) error,
) error {
	return a.update(ctx, inv, func(w keyring.Writer) error {
		secret, err := w.Secret(name)
		if err != nil {
			return err
		}
		if err := change(secret); err != nil {
			return err
		}
		secret.UpdateDate = inv.Now
		return w.PutSecret(secret)
	})
}
