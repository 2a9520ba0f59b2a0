package api

import (
	"cmp"
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// createKey makes a CMK. With origin EXTERNAL it has a version without material, which must be imported (§4.1).
func (a *API) createKey(
	ctx context.Context, inv *Invocation, r *kmsapi.CreateKeyRequest,
) (*kmsapi.CreateKeyResponse, error) {
	attributes, err := a.attributes(inv, r)
	if err != nil {
		return nil, err
	}
	if attributes.Origin != kmsapi.OriginExternal {
		if attributes.KeyPair, err = a.newPair(ctx, inv, attributes.KeySpec, a.roomForKey); err != nil {
			return nil, err
		}
	}
	if attributes.KeyPair != nil {
		defer attributes.KeyPair.Clear()
	}
	cmk, err := a.keys.NewCMK(inv.scope(), inv.Now, attributes)
	if err != nil {
		return nil, err
	}
	tags := keyring.Tags{}
	if err := addTags(r.Tags)(tags); err != nil {
		return nil, err
	}
	err = a.update(ctx, inv, func(w keyring.Writer) error {
		if err := a.roomForKey(w.Reader); err != nil {
			return err
		}
		if err := roomForDefault(w.Reader, cmk); err != nil {
			return err
		}
		inv.note(cmk) // From here on, it may exist even if the request fails.
		if err := w.AddCMK(cmk); err != nil {
			return err
		}
		return w.PutTags(cmk.KeyID, tags)
	})
	if err != nil {
		return nil, err
	}
	return &kmsapi.CreateKeyResponse{KeyMetadata: a.metadata(inv, cmk)}, nil
}

// attributes returns the attributes of a new CMK. In a KMS instance they depend on the instance.
func (a *API) attributes(inv *Invocation, r *kmsapi.CreateKeyRequest) (keyring.Attributes, error) {
	attributes := keyring.Attributes{
		Description: r.Description, ProtectionLevel: r.ProtectionLevel, Origin: r.Origin,
	}
	var err error
	if attributes.KeySpec, attributes.KeyUsage, err = a.keyKind(r); err != nil {
		return attributes, err
	}
	if attributes.RotationInterval, err = a.newRotation(attributes.KeySpec, r); err != nil {
		return attributes, err
	}
	if attributes.Policy, err = newPolicy(inv.Account, r.DKMSInstanceId, r.Policy, sidOfKeys); err != nil {
		return attributes, err
	}
	id := cmp.Or(r.DKMSInstanceId, a.defaultInstance(inv.scope()))
	if id == "" {
		attributes.Default = a.strictDefaultKeys
		if attributes.Default && attributes.KeySpec != kmsapi.KeySpecAES256 {
			err = kmsapi.ErrUnsupportedOperation // Default keys have no other kind.
		}
		return attributes, cmp.Or(err, checkInterval(attributes.Default, attributes.RotationInterval))
	}
	instance, err := a.instance(inv.scope(), id)
	if err != nil {
		return attributes, err
	}
	if err := instance.takes(r.Origin); err != nil {
		return attributes, err
	}
	attributes.ProtectionLevel = instance.protectionLevel()
	attributes.InstanceID, attributes.IDLetters = instance.ID, instance.Letters()
	return attributes, nil
}

// describeKey returns the metadata of a CMK (§4.9).
func (a *API) describeKey(
	ctx context.Context, inv *Invocation, r *kmsapi.DescribeKeyRequest,
) (*kmsapi.DescribeKeyResponse, error) {
	cmk, err := a.findForUse(ctx, inv, byIDOrAlias(r.KeyId))
	if err != nil {
		return nil, err
	}
	return &kmsapi.DescribeKeyResponse{KeyMetadata: a.metadata(inv, cmk)}, nil
}

// updateKeyDescription replaces the description of a CMK.
func (a *API) updateKeyDescription(
	ctx context.Context, inv *Invocation, r *kmsapi.UpdateKeyDescriptionRequest,
) (*kmsapi.UpdateKeyDescriptionResponse, error) {
	return &kmsapi.UpdateKeyDescriptionResponse{}, a.changeCMK(ctx, inv, r.KeyId, func(cmk *keyring.CMK) error {
		cmk.Description = r.Description
		return cmk.Allows(inv.Operation, inv.Now)
	})
}

func (a *API) metadata(inv *Invocation, cmk *keyring.CMK) kmsapi.KeyMetadata {
	protection := kmsapi.ProtectionDisabled
	if cmk.DeletionProtection {
		protection = kmsapi.ProtectionEnabled
	}
	return kmsapi.KeyMetadata{
		KeyId:              cmk.KeyID,
		Arn:                inv.keyARN(cmk.KeyID),
		KeyState:           cmk.Lifecycle.State,
		KeySpec:            cmk.KeySpec,
		KeyUsage:           cmk.KeyUsage,
		Origin:             cmk.Lifecycle.Origin,
		ProtectionLevel:    cmk.ProtectionLevel,
		Creator:            inv.Account,
		CreationDate:       wireTime(cmk.CreationDate),
		DeleteDate:         wireTime(cmk.Lifecycle.DeleteDate),
		MaterialExpireTime: wireTime(cmk.Lifecycle.MaterialExpireTime),
		Description:        cmk.Description,
		PrimaryKeyVersion:  primaryVersion(cmk),
		LastRotationDate:   wireTime(cmk.Primary.CreationDate),
		AutomaticRotation:  a.automaticRotation(cmk),
		RotationInterval:   wireInterval(cmk.RotationInterval),
		NextRotationDate:   wireTime(cmk.NextRotation()),
		DeletionProtection: protection,
		DKMSInstanceId:     cmk.InstanceID,

		DeletionProtectionDescription: cmk.DeletionProtectionDescription,
	}
}

// primaryVersion returns the primary version as answers show it: an asymmetric CMK has none, since each request names a
// version.
func primaryVersion(cmk *keyring.CMK) string {
	if kmsapi.IsAsymmetric(cmk.KeySpec) {
		return ""
	}
	return cmk.Primary.ID
}

// wireTime returns a time in the form of answers, or "" for the zero time.
func wireTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(kmsapi.TimeFormat)
}

// listKeys returns a page of the CMKs of the account and region that pass the filters, in the order of their ids
// (§4.10).
func (a *API) listKeys(
	ctx context.Context, inv *Invocation, r *kmsapi.ListKeysRequest,
) (*kmsapi.ListKeysResponse, error) {
	page, err := a.pageOfKeys(ctx, inv, r)
	if err != nil {
		return nil, err
	}
	entries := make([]kmsapi.KeyEntry, len(page.Items))
	for i, keyID := range page.Items {
		entries[i] = kmsapi.KeyEntry{KeyId: keyID, KeyArn: inv.keyARN(keyID)}
	}
	return &kmsapi.ListKeysResponse{
		Keys: kmsapi.KeyList{Key: entries}, PageNumber: r.PageNumber, PageSize: r.PageSize, TotalCount: page.Total,
	}, nil
}

func (a *API) pageOfKeys(
	ctx context.Context, inv *Invocation, r *kmsapi.ListKeysRequest,
) (page keyring.Page[string], err error) {
	if len(r.Filters) > 0 {
		return a.keys.FilteredCMKs(ctx, inv.scope(), inv.Now, filter(inv, r.Filters), r.PageNumber, r.PageSize)
	}
	err = a.view(ctx, inv, func(reader keyring.Reader) error {
		page, err = reader.CMKs(r.PageNumber, r.PageSize)
		return err
	})
	return page, err
}
