package alicloudkms

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/once"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/refusal"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// factsAge is how old the facts about a CMK that a read shows may be. Some clients read a key before each use.
	factsAge = 10 * time.Second
	// completeTimeout bounds how long a completed write waits for KMS, to show more of the key.
	completeTimeout = 5 * time.Second
)

// cmkFacts are what KMS says about a CMK. They are shared, and never changed.
type cmkFacts struct {
	metadata kmsapi.KeyMetadata
	tags     map[string]string
	// tagsErr says why the tags are not known. It is kept as long as they are: if RAM hides them or KMS throttles,
	// asking again at once does not help.
	tagsErr error
	// earlier are the states of the CMKs that the key had before.
	earlier earlierStates
}

func newFacts(b *backend) *once.Fresh[cmkFacts] {
	return once.NewFresh[cmkFacts](factsAge, func() time.Time { return b.process.now() })
}

// forgetFacts drops what is known about CMKs after a call that may have changed one, even if it failed.
func (c *connection) forgetFacts(op kmsapi.Operation) {
	if op.RateClass() == kmsapi.RateWrite {
		c.facts.ForgetAll()
	}
}

// factsOf asks KMS about a key's CMKs, at most once every factsAge.
func (b *backend) factsOf(ctx context.Context, conn *connection, k target) (cmkFacts, error) {
	facts, err := b.factsOfNewest(ctx, conn, k)
	if err == nil {
		facts.earlier = b.statesOfEarlier(ctx, conn, k)
	}
	return facts, err
}

func (b *backend) factsOfNewest(ctx context.Context, conn *connection, k target) (cmkFacts, error) {
	cmk := k.entry.cmk()
	ask := func() (cmkFacts, error) { return askFacts(ctx, conn, cmk) }
	if b.uncached.Load() {
		return ask()
	}
	facts, err := conn.facts.Get(ctx, cmk, ask)
	facts.tagsErr = unshared(facts.tagsErr)
	return facts, unshared(err)
}

func askFacts(ctx context.Context, conn *connection, cmk string) (cmkFacts, error) {
	found, err := describeCMK(ctx, conn, cmk)
	if err != nil {
		return cmkFacts{}, err
	}
	tags, err := readTags(ctx, conn, cmk)
	return cmkFacts{metadata: found.KeyMetadata, tags: tags, tagsErr: err}, nil
}

// unshared copies an error that other requests may have got too, so that it may be changed.
func unshared(err error) error {
	failed, ok := errors.AsType[*callError](err)
	if !ok {
		return err
	}
	own := *failed
	return &own
}

// shown is the whole answer to a read of a key.
func (b *backend) shown(req *logical.Request, k target, facts cmkFacts) *logical.Response {
	resp := b.addEarlier(req, k, k.entry.answer(k.name, facts.metadata), facts.metadata, facts.earlier)
	return b.addTags(req, k, resp, maps.Clone(facts.tags), facts.tagsErr)
}

// answeredWhole adapts a write of a key, or a partial read, so that it shows what a full read does.
func (b *backend) answeredWhole(write framework.OperationFunc) framework.OperationFunc {
	return func(ctx context.Context, req *logical.Request, d *framework.FieldData) (*logical.Response, error) {
		resp, err := write(ctx, req, d)
		if err == nil && resp != nil && len(missingFields(resp)) > 0 {
			b.addMissing(ctx, req, d.Get("name").(string), resp)
		}
		return resp, err
	}
}

func missingFields(resp *logical.Response) (missing []string) {
	for _, name := range sortedKeys(keyAnswer) {
		if _, ok := resp.Data[name]; !ok {
			missing = append(missing, name)
		}
	}
	return missing
}

// addMissing adds the fields of a full read that an answer lacks. The write is done, so a failure is only a warning.
func (b *backend) addMissing(ctx context.Context, req *logical.Request, name string, resp *logical.Response) {
	ctx, cancel := context.WithTimeout(ctx, b.process.completeTimeout)
	defer cancel()
	entry, err := b.cachedKey(ctx, req, name)
	if err != nil || entry == nil {
		return
	}
	k := target{name, entry}
	whole := entry.withVersions(name)
	if facts, err := b.factsNow(ctx, req, k); err == nil {
		whole = b.shown(req, k, facts)
	} else {
		done := ""
		if req.Operation != logical.ReadOperation {
			done = "The change is made."
		}
		resp.AddWarning(refusal.Sentences(done, "What KMS knows of the key is not shown: "+b.coded(req, err).Error()))
	}
	for _, field := range missingFields(resp) {
		if value, ok := whole.Data[field]; ok {
			resp.Data[field] = value
		}
	}
}

// factsNow is factsOf over the current connection.
func (b *backend) factsNow(ctx context.Context, req *logical.Request, k target) (cmkFacts, error) {
	conn, err := b.connection(ctx, req)
	if err != nil {
		return cmkFacts{}, err
	}
	facts, err := b.factsOf(ctx, conn, k)
	return facts, withTarget(err, k)
}
