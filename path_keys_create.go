package alicloudkms

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A newKey holds the caller's settings for a new key.
type newKey struct {
	cmk *kmsapi.CreateKeyRequest
	// derived is nil if the caller does not give it.
	derived *bool
	// encryption is empty if the caller does not give it. autoRotate, in seconds, is for envelope mode.
	encryption string
	autoRotate time.Duration
	// period is auto_rotate_period: the engine rotates in envelope mode, and KMS otherwise. It is nil if the caller
	// does not give it.
	period *time.Duration
	tags   map[string]string
	// warning says what differs from the caller's request. It may be empty.
	warning string
	// recreate asks for a new CMK in place of one that is scheduled for deletion.
	recreate bool
}

func newKeyOf(d *framework.FieldData) (newKey, error) {
	kind, err := chooseKeySpec(d)
	if err != nil {
		return newKey{}, err
	}
	cmk, err := createKeyRequest(d)
	if err != nil {
		return newKey{}, err
	}
	wanted := newKey{
		cmk: cmk, derived: derivedOf(d), encryption: d.Get("encryption").(string), period: periodOf(d),
		tags: d.Get("tags").(map[string]string), recreate: d.Get("recreate").(bool),
	}
	wanted.choose(kind)
	if err := cmp.Or(checkEncryption(wanted.encryption), wanted.checkBinding()); err != nil {
		return newKey{}, err
	}
	if !wanted.recreate { // Otherwise, it depends on the key that has the name.
		if err := wanted.settle(nil); err != nil {
			return newKey{}, err
		}
	}
	return wanted, checkTags(wanted.tags)
}

func derivedOf(d *framework.FieldData) *bool {
	given, ok := d.GetOk("derived")
	if !ok {
		return nil
	}
	derived := given.(bool)
	return &derived
}

func periodOf(d *framework.FieldData) *time.Duration {
	given, ok := d.GetOk("auto_rotate_period")
	if !ok {
		return nil
	}
	period := time.Duration(given.(int)) * time.Second
	return &period
}

// settle decides on the mode of the key and on its rotation. old is the key that it replaces, and nil for a new name.
// The mode of old is kept unless the caller gives another.
func (n *newKey) settle(old *keyEntry) error {
	n.autoRotate = defaultAutoRotate
	if old != nil && n.encryption == "" {
		n.encryption = old.Encryption
	}
	if old != nil && old.isEnvelope() {
		n.autoRotate = old.AutoRotate
	}
	if n.encryption != encryptionEnvelope {
		return n.rotateByKMS()
	}
	if n.period != nil {
		n.autoRotate = *n.period
	}
	return cmp.Or(n.mayBeEnvelope(), checkAutoRotate(n.autoRotate))
}

// rotateByKMS gives the CMK the rotation policy that the caller wants.
func (n *newKey) rotateByKMS() error {
	n.autoRotate = 0
	if n.period == nil || *n.period == 0 {
		return nil
	}
	if n.cmk.Origin == kmsapi.OriginExternal || kmsapi.IsAsymmetric(n.cmk.KeySpec) {
		return cmp.Or(checkRotationPeriod(*n.period), errNoRotation)
	}
	return setRotation(n.cmk, *n.period)
}

// mayBeEnvelope refuses a new key with which KMS does not make data keys, or not yet.
func (n *newKey) mayBeEnvelope() error {
	switch {
	case kmsapi.IsAsymmetric(n.cmk.KeySpec):
		return errNoEnvelope
	case n.cmk.Origin == kmsapi.OriginExternal:
		return refusal.BadRequest("a key whose material is imported can't be in envelope mode yet: make it with encryption=%s, import the material, and then set encryption=%s in the key's config",
			encryptionDirect, encryptionEnvelope)
	default:
		return nil
	}
}

// warnOfDerived warns that an existing key differs in derived from what the caller asks for.
func (n newKey) warnOfDerived(resp *logical.Response, entry *keyEntry) {
	if n.encryption != "" && n.encryption != entry.mode() {
		resp.AddWarning(fmt.Sprintf("The key has encryption=%s; its config can change that.", entry.mode()))
	}
	if n.derived != nil && *n.derived != entry.Derived {
		resp.AddWarning(fmt.Sprintf("The key has derived=%t, which can't be changed.", entry.Derived))
	}
}

func (b *backend) keyCreate(
	ctx context.Context, req *logical.Request, name string, d *framework.FieldData,
) (*logical.Response, error) {
	wanted, err := newKeyOf(d)
	if err != nil {
		return nil, err
	}
	entry, recovered, err := b.findKey(ctx, req, name)
	switch {
	case err != nil:
		return nil, err
	case recovered:
		return b.keyRecovered(ctx, req, target{name, entry}, wanted), nil
	case entry != nil:
		return b.keyExists(ctx, req, target{name, entry}, wanted)
	default:
		if err := wanted.settle(nil); err != nil {
			return nil, err
		}
		return b.keyMake(ctx, req, target{name, nil}, wanted)
	}
}

func (b *backend) keyRecovered(
	ctx context.Context, req *logical.Request, k target, wanted newKey,
) *logical.Response {
	resp := k.entry.stored(k.name)
	resp.AddWarning(fmt.Sprintf("KMS had made a KMS key for key %q in an earlier attempt that was interrupted; the key now has that KMS key, and no other was made. "+
		"Its origin, protection_level and description are those of that attempt", k.name))
	wanted.warnOfDerived(resp, k.entry)
	return b.tagNewKey(ctx, req, k, wanted.tags, resp)
}

// keyExists answers a write to a name that has a key. It is an error if its CMK is being deleted or is gone: the caller
// could not use the key.
func (b *backend) keyExists(
	ctx context.Context, req *logical.Request, k target, wanted newKey,
) (*logical.Response, error) {
	resp := k.entry.stored(k.name)
	resp.AddWarning(fmt.Sprintf("key %q already existed; nothing was changed", k.name))
	wanted.warnOfDerived(resp, k.entry)
	cmk, err := b.describeKey(ctx, req, k)
	switch {
	case errors.Is(err, kmsapi.ErrKeyNotFound):
		return nil, refusal.Conflict("key %q exists, but KMS does not find its KMS key %s with the present configuration; the key was made in %s. If the KMS key is gone for good, forget its name first: vault write -f %skeys/%s/deregister",
			k.name, k.entry.KeyID, k.entry.Region, mount(req), k.name)
	case err != nil:
		resp.AddWarning("Whether its KMS key can be used is not known: " + b.coded(req, withTarget(err, k)).Error())
	case cmk.KeyState == kmsapi.PendingDeletion && wanted.recreate:
		return b.keyRecreate(ctx, req, k, cmk, wanted)
	case cmk.KeyState == kmsapi.PendingDeletion:
		return nil, refusal.Conflict("key %q exists, and its KMS key %s is scheduled for deletion on %s. To keep the KMS key, run: vault write -f %[4]skeys/%[1]s/cancel_deletion. To let it go and have a new KMS key under this name, write again with recreate=true",
			k.name, k.entry.KeyID, cmk.DeleteDate, mount(req))
	default:
		warnOfState(resp, cmk)
	}
	return resp, nil
}

func (b *backend) describeKey(ctx context.Context, req *logical.Request, k target) (kmsapi.KeyMetadata, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return kmsapi.KeyMetadata{}, err
	}
	found, err := describeCMK(ctx, conn, k.entry.cmk())
	if err != nil {
		return kmsapi.KeyMetadata{}, err
	}
	return found.KeyMetadata, nil
}

// keyRecreate gives a name a new CMK in place of dying, whose deletion continues.
func (b *backend) keyRecreate(
	ctx context.Context, req *logical.Request, k target, dying kmsapi.KeyMetadata, wanted newKey,
) (*logical.Response, error) {
	if err := cmp.Or(wanted.settle(k.entry), wanted.checkKept(k.entry)); err != nil {
		return nil, err
	}
	entry, err := b.recoverKey(ctx, req, k.name, func(c creation) bool { return c.Replaces == k.entry.KeyID })
	if err != nil {
		return nil, err
	}
	var resp *logical.Response
	if entry != nil {
		resp = b.keyRecovered(ctx, req, target{k.name, entry}, wanted)
	} else if resp, err = b.keyMake(ctx, req, k, wanted); err != nil {
		return nil, err
	}
	b.Logger().Warn("the name of a key has a new KMS key; the old one has no name, and is deleted when its waiting period ends",
		"key", k.name, "key_id", resp.Data["key_id"], "old_key_id", k.entry.KeyID, "delete_date", dying.DeleteDate)
	warning := fmt.Sprintf(
		"The old KMS key %s is deleted on %s, and what it has encrypted does not open with the new one. To keep it, give it another name and cancel its deletion: vault write %[3]skeys/NAME/register key_id=%[1]s, with the same bound_context, and vault write -f %[3]skeys/NAME/cancel_deletion",
		k.entry.KeyID, dying.DeleteDate, mount(req))
	resp.AddWarning(refusal.Sentences(warning, k.entry.howToGoOn()))
	if all := append(k.entry.leftCMKs(), k.entry.cmks()...); len(all) > 1 {
		resp.AddWarning("These KMS keys, which the key had before, also have no name now, and stay as they are: " +
			strings.Join(ids(all[:len(all)-1]), ", "))
	}
	return resp, nil
}

// howToGoOn is advice about registering again a key that may have made ciphertexts in envelope mode.
func (e *keyEntry) howToGoOn() string {
	if !e.hasEnvelopeID() {
		return ""
	}
	return "To open what it has encrypted in envelope mode, then deregister it, and register it again with envelope_text"
}

// keyMake makes the CMK of a name. k.entry is the entry that has the name now, and may be nil.
func (b *backend) keyMake(
	ctx context.Context, req *logical.Request, k target, wanted newKey,
) (*logical.Response, error) {
	made, metadata, err := b.makeKey(ctx, req, k, wanted)
	if err != nil {
		return nil, err
	}
	resp := made.answer(k.name, metadata)
	if wanted.warning != "" {
		resp.AddWarning(wanted.warning)
	}
	made.warnOfUnknownVersion(resp)
	if level := wanted.cmk.ProtectionLevel; level != "" && level != metadata.ProtectionLevel {
		resp.AddWarning(fmt.Sprintf("The protection level is %s, which the KMS instance decides; protection_level was ignored",
			metadata.ProtectionLevel))
	}
	return b.tagNewKey(ctx, req, target{k.name, made}, wanted.tags, resp), nil
}

// warnOfState warns if a CMK can't be used now.
func warnOfState(resp *logical.Response, cmk kmsapi.KeyMetadata) {
	if cmk.KeyState != kmsapi.Enabled {
		resp.AddWarning(fmt.Sprintf("The KMS key is in state %s, so it can't be used now.", cmk.KeyState))
	}
}

// tagNewKey sets the tags of a new key. The key exists even if that fails, so a failure is only a warning.
func (b *backend) tagNewKey(
	ctx context.Context, req *logical.Request, k target, tags map[string]string, resp *logical.Response,
) *logical.Response {
	conn, err := b.connection(ctx, req)
	if err == nil {
		err = withKey(setTags(ctx, conn, k.entry.cmk(), tags), k.name)
	}
	if err != nil {
		resp.AddWarning(fmt.Sprintf("The key was made, but its tags might not have been set: %s",
			refusal.Sentences(b.coded(req, err).Error(),
				fmt.Sprintf("To set them, run: vault write %skeys/%s/tags tags=...", mount(req), k.name))))
		tags = nil
	}
	resp.Data["tags"] = orEmpty(tags)
	return resp
}

// createKeyRequest checks the fields that describe a new CMK.
func createKeyRequest(d *framework.FieldData) (*kmsapi.CreateKeyRequest, error) {
	wanted := &kmsapi.CreateKeyRequest{
		Origin:          kmsapi.Origin(d.Get("origin").(string)),
		ProtectionLevel: kmsapi.ProtectionLevel(d.Get("protection_level").(string)),
		Description:     d.Get("description").(string),
		DKMSInstanceId:  d.Get("instance_id").(string),
	}
	switch wanted.Origin {
	case "", kmsapi.OriginKMS, kmsapi.OriginExternal:
	default:
		return nil, refusal.BadRequest("origin must be %s or %s", kmsapi.OriginKMS, kmsapi.OriginExternal)
	}
	switch wanted.ProtectionLevel {
	case "", kmsapi.ProtectionSoftware, kmsapi.ProtectionHSM:
	default:
		return nil, refusal.BadRequest("protection_level must be %s or %s", kmsapi.ProtectionSoftware, kmsapi.ProtectionHSM)
	}
	if wanted.DKMSInstanceId != "" && !instanceID.MatchString(wanted.DKMSInstanceId) {
		return nil, refusal.BadRequest("instance_id must be the id of a KMS instance, such as %s", exampleInstance)
	}
	if err := checkDescription(wanted.Description); err != nil {
		return nil, err
	}
	return wanted, nil
}
