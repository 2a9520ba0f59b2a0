package crash

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A writer creates CMKs and changes them, one request after another.
type writer struct {
	name   string
	random *rand.Rand
	client *client.Client // Of this round.

	ledger ledger
	// ids are the ids of the ledger's CMKs, in the order of their creation.
	ids []string
	// touched are the CMKs that this round has used, and touchedSecrets the secrets.
	touched, touchedSecrets map[string]bool
	// sealed are the ciphertexts of all rounds, and sealedBefore is the number of those from earlier rounds.
	sealed       []ciphertext
	sealedBefore int
	// signatures are the signatures of all rounds.
	signatures []signedBy

	// count makes names unique.
	count int
	// The request whose response never arrived: its effect on the ledger if it was executed, or the description of the CMK
	// that it creates.
	doubt  func(ledger)
	unborn string
}

// ciphertext is a ciphertext that the service has made. The version is empty if its CMK is symmetric.
type ciphertext struct {
	keyID, version, blob string
	plaintext            kmsapi.Secret
	context              kmsapi.EncryptionContext
}

func newWriter(name string, random *rand.Rand) *writer {
	return &writer{name: name, random: random, ledger: newLedger()}
}

// begin starts a round.
func (w *writer) begin(c *client.Client) {
	w.client, w.touched, w.sealedBefore = c, map[string]bool{}, len(w.sealed)
	w.touchedSecrets = map[string]bool{}
}

// work sends requests until one gets no response, and calls progress after each that does. It returns an error for a
// refusal, since no request should be refused.
func (w *writer) work(ctx context.Context, progress func()) error {
	for {
		if err := w.step(ctx); err != nil {
			return refusalOnly(w.name, err)
		}
		progress()
	}
}

// refusalOnly returns err if it is a refusal. Any other error is caused by the kill.
func refusalOnly(name string, err error) error {
	var refused *kmsapi.Error
	if errors.As(err, &refused) {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

// step sends one request.
func (w *writer) step(ctx context.Context) error {
	if len(w.ids) == 0 || w.random.IntN(8) == 0 {
		return w.create(ctx)
	}
	// One of the newest CMKs, so that each goes through many states.
	id := w.ids[len(w.ids)-1-w.random.IntN(min(len(w.ids), 8))]
	w.touched[id] = true
	switch k := w.ledger.keys[id]; k.state {
	case kmsapi.PendingDeletion:
		return w.change(setState(id, kmsapi.Enabled),
			discard(w.client.CancelKeyDeletion(ctx, &kmsapi.CancelKeyDeletionRequest{KeyId: id})))
	case kmsapi.Disabled:
		return w.change(setState(id, kmsapi.Enabled), discard(w.client.EnableKey(ctx, &kmsapi.EnableKeyRequest{KeyId: id})))
	case kmsapi.PendingImport:
		return w.importMaterial(ctx, id, k.kind)
	default:
		return w.onEnabled(ctx, id, k)
	}
}

// onEnabled performs a random operation that an enabled CMK allows.
func (w *writer) onEnabled(ctx context.Context, id string, k key) error {
	switch w.random.IntN(17) {
	case 14, 15, 16:
		if k.isSymmetric() {
			return w.changeSecret(ctx, id)
		}
		return w.describe(ctx, id)
	case 10:
		return w.describe(ctx, id)
	case 11:
		return w.protect(ctx, id, !k.protected)
	case 12:
		return w.tagSeveral(ctx, id)
	case 13:
		return w.find(ctx, k.tags)
	case 8:
		return w.rotate(ctx, id, k.kind)
	case 9:
		return w.setRotation(ctx, id, k.kind)
	case 0:
		r := &kmsapi.DisableKeyRequest{KeyId: id}
		return w.change(setState(id, kmsapi.Disabled), discard(w.client.DisableKey(ctx, r)))
	case 1:
		if k.protected {
			return w.protect(ctx, id, false)
		}
		r := &kmsapi.ScheduleKeyDeletionRequest{
			KeyId:               id,
			PendingWindowInDays: kmsapi.MinPendingWindowInDays + w.random.IntN(24),
		}
		return w.change(setState(id, kmsapi.PendingDeletion), discard(w.client.ScheduleKeyDeletion(ctx, r)))
	case 2, 3:
		return w.alias(ctx, id)
	case 4:
		return w.tag(ctx, id, k.tags)
	default:
		return w.use(ctx, id, k.kind)
	}
}

// use encrypts or signs with an enabled CMK.
func (w *writer) use(ctx context.Context, id string, k kind) error {
	if !k.isSymmetric() {
		return w.usePair(ctx, id, k)
	}
	switch w.random.IntN(4) {
	case 0:
		return w.dataKey(ctx, id)
	case 1:
		return w.reEncrypt(ctx, id)
	default:
		return w.encrypt(ctx, id)
	}
}

// discard returns only the error of a call whose response has no other information.
func discard[A any](_ A, err error) error { return err }

// change records what a request has done, or might have done.
func (w *writer) change(effect func(ledger), err error) error {
	if err != nil {
		w.doubt = effect
		return err
	}
	effect(w.ledger)
	return nil
}

func (w *writer) unique() string {
	w.count++
	return fmt.Sprintf("%s-%d", w.name, w.count)
}

func (w *writer) create(ctx context.Context) error {
	description, k := w.unique(), w.kind()
	got, err := w.client.CreateKey(ctx, &kmsapi.CreateKeyRequest{
		Description: description, KeySpec: k.spec, KeyUsage: k.usage, Origin: k.origin(),
	})
	if err != nil {
		w.unborn = description
		return err
	}
	w.adopt(got.KeyMetadata.KeyId, k)
	return nil
}

// adopt records a new CMK.
func (w *writer) adopt(id string, k kind) {
	w.ids = append(w.ids, id)
	w.touched[id] = true
	w.ledger.keys[id] = key{kind: k, state: k.firstState()}
}

// alias creates an alias, moves one here from another CMK, or deletes one.
func (w *writer) alias(ctx context.Context, id string) error {
	names := w.ledger.aliasNames()
	if len(names) < 3 || w.random.IntN(3) == 0 && len(names) < 20 {
		name := kmsapi.AliasPrefix + w.unique()
		return w.change(setAlias(name, id),
			discard(w.client.CreateAlias(ctx, &kmsapi.CreateAliasRequest{AliasName: name, KeyId: id})))
	}
	name := names[w.random.IntN(len(names))]
	w.touched[w.ledger.aliases[name]] = true
	if w.random.IntN(2) == 0 {
		return w.change(setAlias(name, id),
			discard(w.client.UpdateAlias(ctx, &kmsapi.UpdateAliasRequest{AliasName: name, KeyId: id})))
	}
	return w.change(dropAlias(name), discard(w.client.DeleteAlias(ctx, &kmsapi.DeleteAliasRequest{AliasName: name})))
}

// tag sets some tags or removes some.
func (w *writer) tag(ctx context.Context, id string, tags map[string]string) error {
	after := maps.Clone(tags)
	if len(tags) > 5 {
		keys := kmsapi.TagKeys{"tag0", "tag1", "tag2", "tag3"}
		for _, name := range keys {
			delete(after, name)
		}
		return w.change(setTags(id, after),
			discard(w.client.UntagResource(ctx, &kmsapi.UntagResourceRequest{KeyId: id, TagKeys: keys})))
	}
	if after == nil {
		after = map[string]string{}
	}
	var set kmsapi.Tags
	value := w.unique()
	for _, n := range w.random.Perm(kmsapi.MaxTags)[:3] {
		tag := kmsapi.Tag{TagKey: fmt.Sprint("tag", n), TagValue: value}
		set = append(set, tag)
		after[tag.TagKey] = tag.TagValue
	}
	return w.change(setTags(id, after),
		discard(w.client.TagResource(ctx, &kmsapi.TagResourceRequest{KeyId: id, Tags: set})))
}

// rotate gives a CMK a new version. An imported one can't have a second version, so its material is deleted until the
// next import.
func (w *writer) rotate(ctx context.Context, id string, k kind) error {
	if k.isImported() {
		return w.deleteMaterial(ctx, id)
	}
	return w.change(addVersion(id), discard(w.client.CreateKeyVersion(ctx, &kmsapi.CreateKeyVersionRequest{KeyId: id})))
}

// setRotation gives a CMK a rotation policy, which is never due while the test runs, or takes it away.
func (w *writer) setRotation(ctx context.Context, id string, k kind) error {
	if !k.isSymmetric() {
		return w.usePair(ctx, id, k)
	}
	r := &kmsapi.UpdateRotationPolicyRequest{KeyId: id}
	interval := ""
	if w.random.IntN(3) > 0 {
		interval = kmsapi.FormatRotationInterval(kmsapi.MinRotationInterval + time.Duration(w.random.IntN(1e6))*time.Second)
		r.EnableAutomaticRotation, r.RotationInterval = true, interval
	}
	return w.change(setInterval(id, interval), discard(w.client.UpdateRotationPolicy(ctx, r)))
}

func (w *writer) dataKey(ctx context.Context, id string) error {
	about := kmsapi.EncryptionContext{"writer": w.name}
	got, err := w.client.GenerateDataKey(ctx, &kmsapi.GenerateDataKeyRequest{KeyId: id, EncryptionContext: about})
	if err == nil {
		w.sealed = append(w.sealed, ciphertext{
			keyID: id, blob: got.CiphertextBlob, plaintext: got.Plaintext, context: about,
		})
	}
	return err
}

// plaintext returns a new plaintext each time.
func (w *writer) plaintext() kmsapi.Secret {
	return kmsapi.NewSecret(base64.StdEncoding.EncodeToString([]byte(w.unique())))
}

// encrypt refers to the CMK by an alias if it has one.
func (w *writer) encrypt(ctx context.Context, id string) error {
	name := id
	if aliases := w.ledger.aliasesOf(id); len(aliases) > 0 {
		name = aliases[0]
	}
	plaintext := w.plaintext()
	got, err := w.client.Encrypt(ctx, &kmsapi.EncryptRequest{KeyId: name, Plaintext: plaintext})
	if err != nil {
		return err
	}
	if got.KeyId != id {
		return fmt.Errorf("%s: encrypted by a key other than %s: %w", name, id, kmsapi.ErrInternalFailure)
	}
	w.sealed = append(w.sealed, ciphertext{keyID: id, blob: got.CiphertextBlob, plaintext: plaintext})
	return nil
}
