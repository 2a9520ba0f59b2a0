package load

import (
	"context"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/cluster/history"
)

// A step is one request of a caller in its world.
type step func(ctx context.Context, c *caller, w *world) (history.Event, bool)

// on is a step on one of the CMKs.
func on(request func(key string) kmsapi.Request) step {
	return func(ctx context.Context, c *caller, w *world) (history.Event, bool) {
		key := w.keys[c.random.IntN(len(w.keys))]
		return c.call(ctx, history.Event{World: w.number, Key: key}, request(key))
	}
}

// onAlias is a step on one of the aliases, and one of the CMKs.
func onAlias(request func(name, key string) kmsapi.Request) step {
	return func(ctx context.Context, c *caller, w *world) (history.Event, bool) {
		key, name := w.keys[c.random.IntN(len(w.keys))], w.aliases[c.random.IntN(len(w.aliases))]
		return c.call(ctx, history.Event{World: w.number, Key: key, Alias: name}, request(name, key))
	}
}

var (
	enable   = on(func(key string) kmsapi.Request { return &kmsapi.EnableKeyRequest{KeyId: key} })
	disable  = on(func(key string) kmsapi.Request { return &kmsapi.DisableKeyRequest{KeyId: key} })
	schedule = on(func(key string) kmsapi.Request {
		return &kmsapi.ScheduleKeyDeletionRequest{KeyId: key, PendingWindowInDays: kmsapi.MaxPendingWindowInDays}
	})
	cancel   = on(func(key string) kmsapi.Request { return &kmsapi.CancelKeyDeletionRequest{KeyId: key} })
	rotate   = on(func(key string) kmsapi.Request { return &kmsapi.CreateKeyVersionRequest{KeyId: key} })
	describe = on(describeKey)
	versions = on(listVersions)
	aliases  = on(listAliases)

	createAlias = onAlias(func(name, key string) kmsapi.Request {
		return &kmsapi.CreateAliasRequest{AliasName: name, KeyId: key}
	})
	updateAlias = onAlias(func(name, key string) kmsapi.Request {
		return &kmsapi.UpdateAliasRequest{AliasName: name, KeyId: key}
	})
)

func describeKey(key string) kmsapi.Request { return &kmsapi.DescribeKeyRequest{KeyId: key} }

func listVersions(key string) kmsapi.Request {
	return &kmsapi.ListKeyVersionsRequest{KeyId: key, PageSize: maxVersions}
}

func listAliases(key string) kmsapi.Request {
	return &kmsapi.ListAliasesByKeyIdRequest{KeyId: key, PageSize: maxVersions}
}

func deleteAlias(ctx context.Context, c *caller, w *world) (history.Event, bool) {
	name := w.aliases[c.random.IntN(len(w.aliases))]
	return c.call(ctx, history.Event{World: w.number, Alias: name}, &kmsapi.DeleteAliasRequest{AliasName: name})
}

func encrypt(ctx context.Context, c *caller, w *world) (history.Event, bool) {
	key := w.keys[c.random.IntN(len(w.keys))]
	return c.encrypt(ctx, w, history.Event{World: w.number, Key: key}, key)
}

func encryptByAlias(ctx context.Context, c *caller, w *world) (history.Event, bool) {
	name := w.aliases[c.random.IntN(len(w.aliases))]
	return c.encrypt(ctx, w, history.Event{World: w.number, Alias: name}, name)
}

func (c *caller) encrypt(ctx context.Context, w *world, e history.Event, name string) (history.Event, bool) {
	plaintext := c.plaintext()
	r := &kmsapi.EncryptRequest{KeyId: name, Plaintext: kmsapi.NewSecret(plaintext)}
	e, answer, ok := c.callFor(ctx, e, r)
	if ok && answer != nil {
		c.keep(w, blob{e.Seen.Key, answer.(*kmsapi.EncryptResponse).CiphertextBlob, plaintext})
	}
	return e, ok
}

// decrypt opens one of the ciphertexts, or describes a CMK if there is none yet.
func decrypt(ctx context.Context, c *caller, w *world) (history.Event, bool) {
	blobs := w.kept()
	if len(blobs) == 0 {
		return describe(ctx, c, w)
	}
	return c.decrypt(ctx, w, blobs[c.random.IntN(len(blobs))])
}

func (c *caller) decrypt(ctx context.Context, w *world, b blob) (history.Event, bool) {
	e := history.Event{World: w.number, Key: b.key}
	e, answer, ok := c.callFor(ctx, e, &kmsapi.DecryptRequest{CiphertextBlob: b.ciphertext})
	if ok && answer != nil && answer.(*kmsapi.DecryptResponse).Plaintext.Reveal() != b.plaintext {
		e.Seen.Wrong = "another plaintext"
	}
	return e, ok
}
