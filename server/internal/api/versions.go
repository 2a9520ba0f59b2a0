package api

import (
	"cmp"
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/keyring"
)

// createKeyVersion gives a CMK a new version, which becomes the primary one. The material is made before the
// transaction that stores it, and only if the request is not refused anyway; the transaction checks the CMK again.
func (a *API) createKeyVersion(
	ctx context.Context, inv *Invocation, r *kmsapi.CreateKeyVersionRequest,
) (*kmsapi.CreateKeyVersionResponse, error) {
	var cmk *keyring.CMK
	err := a.view(ctx, inv, func(reader keyring.Reader) (err error) {
		cmk, err = a.forVersion(reader, inv, byIDOrAlias(r.KeyId))
		return err
	})
	if err != nil {
		return nil, err
	}
	version, err := a.newVersion(ctx, inv, cmk)
	if err != nil {
		return nil, err
	}
	err = a.update(ctx, inv, func(w keyring.Writer) error {
		cmk, err := a.forVersion(w.Reader, inv, byID(cmk.KeyID))
		if err != nil {
			return err
		}
		return w.AddVersion(cmk, version)
	})
	if err != nil {
		return nil, err
	}
	return &kmsapi.CreateKeyVersionResponse{KeyVersion: wireVersion(cmk, version)}, nil
}

// forVersion finds a CMK, and checks that it may have one more version now.
func (a *API) forVersion(r keyring.Reader, inv *Invocation, find finder) (*keyring.CMK, error) {
	cmk, err := find.forUse(r, inv)
	if err != nil {
		return nil, err
	}
	if cmk.Lifecycle.Origin == kmsapi.OriginExternal {
		return nil, kmsapi.ErrRejectedUnsupportedOperation
	}
	if err := a.checkServed(cmk.KeySpec); err != nil {
		return nil, err
	}
	if err := a.dueForVersion(cmk, inv.Now); err != nil {
		return nil, err
	}
	return cmk, a.roomForVersionOf(r, cmk)
}

// dueForVersion refuses a version that comes sooner after the last one than the configuration allows. It counts from
// the second that answers show as LastRotationDate. If the clock has been set back to before that, the interval has not
// passed either.
func (a *API) dueForVersion(cmk *keyring.CMK, now time.Time) error {
	interval := a.rotation.Load().BetweenVersions
	next := cmk.Primary.CreationDate.Truncate(time.Second).Add(interval)
	if interval == 0 || !now.Before(next) {
		return nil
	}
	return limitExceeded("A key may have a new version every %s, and this one has its next from %s on.",
		kmsapi.FormatInterval(interval), wireTime(next))
}

// describeKeyVersion returns a version of a CMK.
func (a *API) describeKeyVersion(
	ctx context.Context, inv *Invocation, r *kmsapi.DescribeKeyVersionRequest,
) (*kmsapi.DescribeKeyVersionResponse, error) {
	resp := &kmsapi.DescribeKeyVersionResponse{}
	return resp, a.view(ctx, inv, func(reader keyring.Reader) error {
		cmk, err := byIDOrAlias(r.KeyId).forUse(reader, inv)
		if err != nil {
			return err
		}
		version, err := reader.VersionOf(cmk, r.KeyVersionId)
		resp.KeyVersion = wireVersion(cmk, version)
		return err
	})
}

// listKeyVersions returns a page of the versions of a CMK, the newest first.
func (a *API) listKeyVersions(
	ctx context.Context, inv *Invocation, r *kmsapi.ListKeyVersionsRequest,
) (*kmsapi.ListKeyVersionsResponse, error) {
	number, size := r.PageNumber, cmp.Or(r.PageSize, kmsapi.DefaultPageSize)
	resp := &kmsapi.ListKeyVersionsResponse{PageNumber: number, PageSize: size}
	return resp, a.view(ctx, inv, func(reader keyring.Reader) error {
		cmk, err := byIDOrAlias(r.KeyId).forUse(reader, inv)
		if err != nil {
			return err
		}
		page, err := reader.Versions(cmk, number, size)
		resp.TotalCount = page.Total
		resp.KeyVersions.KeyVersion = []kmsapi.KeyVersion{}
		for _, version := range page.Items {
			resp.KeyVersions.KeyVersion = append(resp.KeyVersions.KeyVersion, wireVersion(cmk, version))
		}
		return err
	})
}

func wireVersion(cmk *keyring.CMK, version keyring.Version) kmsapi.KeyVersion {
	return kmsapi.KeyVersion{
		KeyId: cmk.KeyID, KeyVersionId: version.ID, CreationDate: wireTime(version.CreationDate),
	}
}
