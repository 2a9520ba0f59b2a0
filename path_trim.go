package alicloudkms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// trimmedAnswer describes the answer to a trim.
var trimmedAnswer = joined(keyAnswer, answerFields{
	"deleted_key_ids": {
		Type: framework.TypeStringSlice, Description: "KMS keys whose deletion was scheduled, or had been before.",
	},
	"unused_key_ids": {Type: framework.TypeStringSlice, Description: "KMS keys that have no version left, and stay."},
})

func (b *backend) trimPaths() []*framework.Path {
	return []*framework.Path{{
		Pattern: "keys/" + fields.KeyName.Pattern + "/trim",
		Fields: fields.Schemas{
			"name": nameField(),
			"min_available_version": {
				Type:        framework.TypeInt,
				Description: "The oldest version to keep. Ciphertexts and signatures of older ones are refused from then on.",
				Required:    true,
			},
			"delete_cmks": {
				Type:        framework.TypeBool,
				Description: "Whether to schedule the deletion of earlier KMS keys that have no version left, in 30 days. It needs deletion_allowed.",
			},
		},
		Operations: operations{
			logical.UpdateOperation: primaryOnly(b.answeredWhole(b.renewing(b.keyTrim)), "trim", "key", trimmedAnswer),
		},
		HelpSynopsis: "Drop old versions of a key.",
		HelpDescription: `
Drop the versions before min_available_version. Their ciphertexts and signatures are never accepted again, so rewrap
first. As in transit, min_decryption_version and min_encryption_version must already be that high.

    vault write alicloudkms/keys/payroll/config min_decryption_version=3 min_encryption_version=3
    vault write alicloudkms/keys/payroll/trim min_available_version=3
    vault write alicloudkms/keys/payroll/trim min_available_version=3 delete_cmks=true

In KMS, versions last as long as the KMS key. The last form also schedules the deletion of earlier KMS keys that have no
version left. If it fails half-way, send it again to finish it.
`,
	}}
}

// keyTrim handles trim. It touches the CMKs that it schedules for deletion.
func (b *backend) keyTrim(touched *touchedCMKs) framework.OperationFunc {
	return b.changeKey(func(
		ctx context.Context, req *logical.Request, k target, d *framework.FieldData,
	) (*logical.Response, error) {
		return b.trim(ctx, req, k, d, touched)
	})
}

func (b *backend) trim(
	ctx context.Context, req *logical.Request, k target, d *framework.FieldData, touched *touchedCMKs,
) (*logical.Response, error) {
	minimum, isDelete := d.Get("min_available_version").(int), d.Get("delete_cmks").(bool)
	if err := k.entry.mayTrim(minimum, mount(req), k.name); err != nil {
		return nil, err
	}
	if isDelete && !k.entry.DeletionAllowed {
		return nil, deletionNotAllowed(req, k.name)
	}
	before, trimmed := k.entry, *k.entry
	trimmed.versions = trimmed.versions.Trim(minimum)
	k = target{k.name, &trimmed}
	var conn *connection
	if isDelete {
		var err error
		if conn, err = b.connectionToDelete(ctx, req, k); err != nil {
			return nil, err
		}
	}
	// The entry is stored first: no version may still open with a KMS key that is being deleted.
	if err := b.storeKey(ctx, req.Storage, k.name, k.entry); err != nil {
		return nil, err
	}
	b.Logger().Info("versions of a key were dropped", "key", k.name, "min_available_version", k.entry.versions.Oldest())
	var left leftCMKs
	if isDelete {
		var err error
		if left, err = b.deleteLeft(ctx, req, conn, k, touched); err != nil {
			return nil, err
		}
	}
	resp := trimAnswer(req, k, left)
	before.warnOfVersionInUse(resp, k.entry)
	return resp, nil
}

// connectionToDelete refuses a deletion before anything is changed: without the consent of the other names, and where
// KMS would not find the CMKs.
func (b *backend) connectionToDelete(ctx context.Context, req *logical.Request, k target) (*connection, error) {
	if err := b.othersAllowDeletion(ctx, req, k.name, k.entry.leftCMKs()); err != nil {
		return nil, err
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil, err
	}
	return conn, k.checkRegion(conn)
}

// mayTrim refuses what transit refuses, and to trim versions that can't be distinguished from others.
func (e *keyEntry) mayTrim(minimum int, mount, name string) error {
	first, newest, decryption := e.versions.Oldest(), e.versions.Newest(), max(e.MinDecryption, 1)
	switch {
	case minimum < 1:
		return refusal.BadRequest("min_available_version is required, and must be 1 or more")
	case minimum < first:
		return refusal.BadRequest("min_available_version must be at least %d: older versions were dropped before", first)
	case minimum > newest:
		return refusal.BadRequest("min_available_version must be at most %d, which is the newest version", newest)
	case minimum > decryption || minimum > max(e.MinEncryption, 1):
		return refusal.BadRequest("min_available_version must be at most min_decryption_version, which is %d, and min_encryption_version, which is %d; to raise them, run: vault write %skeys/%s/config min_decryption_version=%d min_encryption_version=%d",
			decryption, e.MinEncryption, mount, name, minimum, newest)
	}
	after := e.versions.Trim(minimum)
	for n := e.versions.First; n < minimum; n++ { // After a registration, very many numbers before First have no row.
		if row := e.versions.Row(n); !row.IsDataKey() && row.KeyVersionID == "" && after.Has(row.CMK) {
			return refusal.BadRequest("version %d can't be dropped, because KMS has not said which version of the KMS key %s it is; allow it in RAM: kms:ListKeyVersions",
				n, row.CMK)
		}
	}
	return nil
}

// leftCMKs are the CMKs that have no version left: those whose deletion was scheduled, and those that KMS does not
// find.
type leftCMKs struct{ deleted, missing []string }

// deleteLeft schedules the deletion of the CMKs that have no version left, and removes them from the entry. One that
// KMS does not find stays: it may be in another account, and only out of reach for now. The stored entry keeps the CMKs
// until all their names have new generations, so that a repeated request resumes where a failure stopped it.
func (b *backend) deleteLeft(
	ctx context.Context, req *logical.Request, conn *connection, k target, touched *touchedCMKs,
) (left leftCMKs, err error) {
	touched.then = func(ctx context.Context) error { return b.forgetCMKs(ctx, req.Storage, k.name, left.deleted) }
	schedule := deletion(kmsapi.MaxPendingWindowInDays)
	for _, cmk := range k.entry.leftCMKs() {
		err := schedule.send(ctx, conn, cmk.cmk())
		wasDone := err != nil && schedule.wasDone(ctx, conn, cmk, err)
		if wasDone || !surelyNotDone(err) {
			touched.add(k.name, cmk)
		}
		if errors.Is(err, kmsapi.ErrKeyNotFound) {
			left.missing = append(left.missing, cmk.KeyID)
			continue
		}
		if err != nil && !wasDone {
			return left, withProgress(err, left.progress())
		}
		b.Logger().Info("the deletion of a KMS key was scheduled that a key had before",
			"key", k.name, "key_id", cmk.KeyID, "days", kmsapi.MaxPendingWindowInDays)
		left.deleted = append(left.deleted, cmk.KeyID)
		k.entry.earlier = withoutCMK(k.entry.earlier, cmk.KeyID)
	}
	return left, nil
}

// forgetCMKs removes CMKs that have no version left from the stored entry of a key. Storage must be written even if the
// caller is gone.
func (b *backend) forgetCMKs(ctx context.Context, s logical.Storage, name string, cmks []string) error {
	if len(cmks) == 0 {
		return nil
	}
	kept, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTimeout)
	defer cancel()
	release, err := b.awaitKey(kept, name)
	if err != nil {
		return err
	}
	defer release()
	entry, err := loadKey(kept, s, name)
	if err != nil || entry == nil {
		return err
	}
	for _, cmk := range entry.leftCMKs() {
		if slices.Contains(cmks, cmk.KeyID) {
			entry.earlier = withoutCMK(entry.earlier, cmk.KeyID)
		}
	}
	return b.storeKey(kept, s, name, entry)
}

// progress says what was done before a failure.
func (l leftCMKs) progress() string {
	scheduled := ""
	if len(l.deleted) > 0 {
		scheduled = "The deletion of these KMS keys was scheduled: " + strings.Join(l.deleted, ", ")
	}
	return refusal.Sentences("The versions were dropped", scheduled, "Send the same request again to finish it")
}

func trimAnswer(req *logical.Request, k target, left leftCMKs) *logical.Response {
	resp := k.entry.withVersions(k.name)
	unused := []string{}
	for _, cmk := range k.entry.leftCMKs() {
		unused = append(unused, cmk.KeyID)
	}
	resp.Data["deleted_key_ids"], resp.Data["unused_key_ids"] = append([]string{}, left.deleted...), unused
	if len(left.deleted) > 0 {
		resp.AddWarning(fmt.Sprintf("KMS deletes these KMS keys in %d days: %s",
			kmsapi.MaxPendingWindowInDays, strings.Join(left.deleted, ", ")))
	}
	if len(left.missing) > 0 {
		resp.AddWarning("KMS does not find these KMS keys with the present configuration, so they are either deleted already or in another account; the key still names them: " +
			strings.Join(left.missing, ", "))
		return resp
	}
	if len(unused) > 0 {
		resp.AddWarning(fmt.Sprintf("These KMS keys have no version of the key left, but stay and cost what KMS keys cost: %s. To schedule their deletion, run: vault write %skeys/%s/trim min_available_version=%d delete_cmks=true",
			strings.Join(unused, ", "), mount(req), k.name, k.entry.versions.Oldest()))
	}
	return resp
}

// warnOfVersionInUse warns that ciphertexts that KMS made itself with its present version still open, though the row of
// that version was dropped: the engine can't distinguish them from data keys that KMS makes for callers.
func (e *keyEntry) warnOfVersionInUse(resp *logical.Response, trimmed *keyEntry) {
	if e.versions.InUse() != nil && trimmed.versions.InUse() == nil {
		resp.AddWarning("What the key has encrypted in direct mode with the present version of its KMS key still opens, since datakey uses that version: to end that too, rotate to another KMS key with new_cmk=true, and trim the versions before it")
	}
}
