package api

import (
	"cmp"
	"context"
	"crypto/subtle"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/stages"
)

// putSecretValue adds a version to a secret. If the version exists and has the same data, only its stages change, and
// only if the request names stages: so a request that is repeated later takes no stage from versions made since.
func (a *API) putSecretValue(
	ctx context.Context, inv *Invocation, r *kmsapi.PutSecretValueRequest,
) (*kmsapi.PutSecretValueResponse, error) {
	if err := checkSecretData(r.SecretData); err != nil {
		return nil, err
	}
	resp := &kmsapi.PutSecretValueResponse{SecretName: r.SecretName, VersionId: r.VersionId}
	return resp, a.update(ctx, inv, func(w keyring.Writer) error {
		secret, err := w.Secret(r.SecretName)
		if err != nil {
			return err
		}
		if err := secret.InDeleteWindow(); err != nil {
			return err
		}
		if _, exists := secret.Version(r.VersionId); exists {
			err = a.putAgain(w, inv, secret, r)
		} else {
			err = a.putNew(w, inv, secret, r)
		}
		resp.VersionStages.VersionStage = secret.Stages.Of(r.VersionId)
		return err
	})
}

func (a *API) putNew(w keyring.Writer, inv *Invocation, secret *keyring.Secret, r *kmsapi.PutSecretValueRequest) error {
	key, err := a.valueKey(w.Reader, inv, secret, "")
	if err != nil {
		return err
	}
	dataType := cmp.Or(r.SecretDataType, kmsapi.SecretText)
	value, err := a.keys.SealValue(inv.scope(), secret.Name, r.VersionId, dataType, r.SecretData.Reveal(), key)
	if err != nil {
		return err
	}
	return w.AddSecretVersion(secret, r.VersionId, value, r.VersionStages)
}

// putAgain refuses data that differ from the version's. Terraform sends no data type with a value that it has just
// created, so a missing data type matches any.
func (a *API) putAgain(
	w keyring.Writer, inv *Invocation, secret *keyring.Secret, r *kmsapi.PutSecretValueRequest,
) error {
	value, err := w.SecretValue(secret, r.VersionId)
	if err != nil {
		return err
	}
	key, err := a.valueKey(w.Reader, inv, secret, value.KeyVersionID)
	if err != nil {
		return err
	}
	plaintext, err := a.keys.OpenValue(inv.scope(), secret.Name, r.VersionId, value, key)
	if err != nil {
		return err
	}
	defer clear(plaintext)
	same := subtle.ConstantTimeCompare(plaintext, []byte(r.SecretData.Reveal())) == 1
	if !same || cmp.Or(r.SecretDataType, value.DataType) != value.DataType {
		return kmsapi.ErrResourceExists
	}
	if len(r.VersionStages) == 0 {
		return nil
	}
	if secret.Stages, err = secret.Stages.Put(r.VersionId, r.VersionStages); err != nil {
		return err
	}
	secret.UpdateDate = inv.Now
	return w.PutSecret(secret)
}

// foundValue is a value with the key that opens it.
type foundValue struct {
	secret  *keyring.Secret
	version keyring.SecretVersion
	value   keyring.SecretValue
	key     keyring.ValueKey
}

// getSecretValue returns the value of the version that a request selects.
func (a *API) getSecretValue(
	ctx context.Context, inv *Invocation, r *kmsapi.GetSecretValueRequest,
) (*kmsapi.GetSecretValueResponse, error) {
	found, err := a.findValue(ctx, inv, r)
	if err != nil {
		return nil, err
	}
	name, id := found.secret.Name, found.version.ID
	plaintext, err := a.keys.OpenValue(inv.scope(), name, id, found.value, found.key)
	if err != nil {
		return nil, err
	}
	defer clear(plaintext)
	return &kmsapi.GetSecretValueResponse{
		SecretName: name, SecretType: kmsapi.SecretGeneric, VersionId: id, SecretDataType: found.value.DataType,
		SecretData:    kmsapi.NewSecret(string(plaintext)).ForWire(),
		VersionStages: kmsapi.StageList{VersionStage: found.secret.Stages.Of(id)},
		CreateTime:    wireTime(found.version.CreationDate),
	}, nil
}

func (a *API) findValue(
	ctx context.Context, inv *Invocation, r *kmsapi.GetSecretValueRequest,
) (found foundValue, err error) {
	return found, a.view(ctx, inv, func(reader keyring.Reader) error {
		if found.secret, err = reader.Secret(r.SecretName); err != nil {
			return err
		}
		if err := a.servesSecret(inv, found.secret); err != nil {
			return err
		}
		if err := found.secret.InDeleteWindow(); err != nil {
			return err
		}
		id, ok := found.secret.Stages.Find(r.VersionId, r.VersionStage)
		if ok {
			found.version, ok = found.secret.Version(id)
		}
		if !ok {
			return kmsapi.ErrResourceNotFound
		}
		if found.value, err = reader.SecretValue(found.secret, id); err != nil {
			return err
		}
		found.key, err = a.valueKey(reader, inv, found.secret, found.value.KeyVersionID)
		return err
	})
}

// servesSecret refuses a secret that the gateway of the request does not serve. Unlike operations that encrypt and
// decrypt, those on secrets are served by the shared gateway even for KMS instances without Internet access.
func (a *API) servesSecret(inv *Invocation, secret *keyring.Secret) error {
	switch {
	case inv.Gateway != "" && inv.Gateway != secret.InstanceID:
		return kmsapi.ErrResourceNotFound
	case secret.InstanceID == "":
		return nil
	}
	inv.InstanceID = secret.InstanceID
	if instance, err := a.instance(inv.scope(), secret.InstanceID); err != nil || !instance.isConnected() {
		return kmsapi.ErrRejectedUnavailable
	}
	return nil
}

// listSecretVersionIds returns a page of the versions of a secret, the newest first.
func (a *API) listSecretVersionIds(
	ctx context.Context, inv *Invocation, r *kmsapi.ListSecretVersionIdsRequest,
) (*kmsapi.ListSecretVersionIdsResponse, error) {
	resp := &kmsapi.ListSecretVersionIdsResponse{
		SecretName: r.SecretName, PageNumber: r.PageNumber, PageSize: r.PageSize,
	}
	resp.VersionIds.VersionId = []kmsapi.SecretVersionEntry{}
	return resp, a.view(ctx, inv, func(reader keyring.Reader) error {
		secret, err := reader.Secret(r.SecretName)
		if err != nil {
			return err
		}
		for _, version := range slices.Backward(secret.Versions) {
			on := secret.Stages.Of(version.ID)
			if len(on) == 0 && !r.IncludeDeprecated {
				continue
			}
			if resp.TotalCount/r.PageSize == r.PageNumber-1 {
				resp.VersionIds.VersionId = append(resp.VersionIds.VersionId, kmsapi.SecretVersionEntry{
					VersionId: version.ID, CreateTime: wireTime(version.CreationDate),
					VersionStages: kmsapi.StageList{VersionStage: on},
				})
			}
			resp.TotalCount++
		}
		return nil
	})
}

// updateSecretVersionStage moves a stage to another version, or removes it.
func (a *API) updateSecretVersionStage(
	ctx context.Context, inv *Invocation, r *kmsapi.UpdateSecretVersionStageRequest,
) (*kmsapi.UpdateSecretVersionStageResponse, error) {
	return &kmsapi.UpdateSecretVersionStageResponse{SecretName: r.SecretName}, a.changeSecret(ctx, inv, r.SecretName,
		func(secret *keyring.Secret) (err error) {
			if err := secret.InDeleteWindow(); err != nil {
				return err
			}
			for _, id := range []string{r.MoveToVersion, r.RemoveFromVersion} {
				if _, exists := secret.Version(id); id != "" && !exists {
					return kmsapi.ErrResourceNotFound
				}
			}
			secret.Stages, err = secret.Stages.Move(stages.Move{
				Stage: r.VersionStage, To: r.MoveToVersion, From: r.RemoveFromVersion,
			})
			return err
		})
}
