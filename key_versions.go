package alicloudkms

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/listing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// newEntry returns the entry of a name that is given a CMK. Its only version is the newest of the CMK, as far as m
// shows.
func newEntry(c storedCMK, region string, m kmsapi.KeyMetadata) *keyEntry {
	e := &keyEntry{format: formatVersions, storedCMK: c, Region: region, versions: versions.New(firstRow(m))}
	e.describe(m)
	return e
}

// firstRow is the row of the newest version of a CMK, as far as KMS's metadata shows it: for key pairs it has no
// version id.
func firstRow(m kmsapi.KeyMetadata) versions.Row {
	row := versions.Row{CMK: m.KeyId, KeyVersionID: m.PrimaryKeyVersion}
	if row.KeyVersionID != "" {
		row.Created = cmp.Or(m.LastRotationDate, m.CreationDate)
	}
	return row
}

// describe takes over the metadata of the current CMK that never changes.
func (e *keyEntry) describe(m kmsapi.KeyMetadata) { e.KeySpec, e.KeyUsage = m.KeySpec, m.KeyUsage }

// keySpec is the KeySpec of every CMK of the key.
func (e *keyEntry) keySpec() string { return cmp.Or(e.KeySpec, kmsapi.KeySpecAES256) }

// isAsymmetric reports whether the key is a key pair.
func (e *keyEntry) isAsymmetric() bool { return kmsapi.IsAsymmetric(e.KeySpec) }

// numberOf returns the version number that stands for a version of a CMK.
func (e *keyEntry) numberOf(cmk, keyVersionID string) int {
	return cmp.Or(e.versions.Number(cmk, keyVersionID), e.versions.Newest())
}

// learnVersions gives the entry a row for each version of its current CMK that has none yet. An entry of format 0 is
// upgraded to today's format, and one in envelope mode gets no rows. listed is false if RAM denies the list: the entry
// then keeps the rows that it has. An error leaves the entry as it was. The caller stores it.
func (b *backend) learnVersions(ctx context.Context, conn *connection, k target) (listed bool, err error) {
	learned := *k.entry
	if learned.format == 0 {
		found, err := describeCMK(ctx, conn, learned.cmk())
		if err != nil {
			return false, err
		}
		learned.describe(found.KeyMetadata)
		learned.format = formatVersions
	}
	if learned.isEnvelope() { // The key does not use new versions of the CMK.
		*k.entry = learned
		return true, nil
	}
	rows, err := listVersions(ctx, conn, &learned)
	switch {
	case learned.isHidden(err):
		b.warnOfHiddenVersions(k, err)
	case err != nil:
		return false, err
	default:
		listed = true
		learned.versions = learned.versions.Merge(rows)
	}
	if _, err := encodeKey(k.name, &learned); err != nil {
		b.warnOfVersions(k.name, err) // Versions without a row count as the newest, so that trim is still possible.
		learned.versions = k.entry.versions
	}
	*k.entry = learned
	return listed, nil
}

// learnFirstVersion adds the version of a new key pair, which CreateKey does not return. The key must be stored even if
// KMS does not list it yet: the next request that writes asks again.
func (b *backend) learnFirstVersion(ctx context.Context, conn *connection, k target) {
	if k.entry.versions.NewestRow().KeyVersionID != "" || !k.entry.isAsymmetric() {
		return
	}
	if _, err := b.learnVersions(ctx, conn, k); err != nil {
		b.Logger().Warn("the version of a new key is not known yet", "key", k.name, "key_id", k.entry.KeyID, "error", err)
	}
}

// isHidden reports whether KMS does not show the engine the versions of any CMK, or not of this one: KMS finds a CMK of
// another account only in operations that take an ARN.
func (e *keyEntry) isHidden(err error) bool {
	refused, ok := errors.AsType[*kmsapi.Error](err)
	return ok && (refused.Kind() == kmsapi.KindPermission || refused.Kind() == kmsapi.KindUnsupported ||
		e.ARN != "" && errors.Is(err, kmsapi.ErrKeyNotFound))
}

// warnOfVersions logs a failure once, since it recurs every hour.
func (b *backend) warnOfVersions(name string, reason error) {
	if b.logged.First("versions of " + name + ": " + recurring(reason)) {
		b.Logger().Warn("the versions of a key need attention", "key", name, "error", reason)
	}
}

// warnOfHiddenVersions logs the reason once, since it recurs every hour for each key.
func (b *backend) warnOfHiddenVersions(k target, reason error) {
	const message = "the versions of a KMS key can't be listed, so keys keep those that they have; RAM must allow kms:ListKeyVersions and, for key pairs, kms:GetPublicKey"
	if b.logged.First(message) {
		b.Logger().Warn(message, "key", k.name, "error", reason)
	}
}

// listVersions returns the versions of the entry's current CMK, the oldest first, with their public keys.
func listVersions(ctx context.Context, conn *connection, e *keyEntry) ([]versions.Row, error) {
	l, err := listing.Still(func() (listing.Listing[kmsapi.KeyVersion], error) {
		return listKeyVersions(ctx, conn, e.cmk())
	}, "the KMS key gets new versions while they are listed; try again")
	if err != nil {
		return nil, err
	}
	rows := make([]versions.Row, 0, len(l.Order))
	for _, id := range slices.Backward(l.Order) { // KMS lists the newest first.
		row := versions.Row{CMK: e.KeyID, KeyVersionID: id, Created: l.Entries[id].CreationDate}
		if row.PublicKey, err = publicKeyOf(ctx, conn, e, id); err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// listKeyVersions returns the versions of a CMK under their ids.
func listKeyVersions(
	ctx context.Context, conn *connection, cmk string,
) (listing.Listing[kmsapi.KeyVersion], error) {
	return listing.Collect(func(page int) ([]kmsapi.KeyVersion, int, error) {
		got, err := call(ctx, conn, &kmsapi.ListKeyVersionsRequest{
			KeyId: cmk, PageNumber: page, PageSize: listing.PageSize,
		})
		if err != nil {
			return nil, 0, err
		}
		return got.KeyVersions.KeyVersion, got.TotalCount, nil
	}, func(v kmsapi.KeyVersion) string { return v.KeyVersionId })
}

// publicKeyOf returns the public key of a version in PEM, from the entry if it is there. It returns "" for a symmetric
// CMK and for one that waits for key material.
func publicKeyOf(ctx context.Context, conn *connection, e *keyEntry, keyVersionID string) (string, error) {
	if !e.isAsymmetric() {
		return "", nil
	}
	if row := e.versions.Row(e.versions.Number(e.KeyID, keyVersionID)); row != nil &&
		row.KeyVersionID == keyVersionID && row.PublicKey != "" {
		return row.PublicKey, nil
	}
	got, err := call(ctx, conn.of(e.Instance), &kmsapi.GetPublicKeyRequest{KeyId: e.cmk(), KeyVersionId: keyVersionID})
	if errors.Is(err, kmsapi.ErrRejectedPendingImport) { // There is no key pair yet.
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return got.PublicKey, nil
}
