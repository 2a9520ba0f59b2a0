package alicloudkms

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/sdk/logical"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	// passEvery is how often every key is visited. A pass over very many keys takes longer.
	passEvery = time.Hour
	// passDelay is how long a plugin leaves the entries alone after its start: an earlier version can't read what the
	// pass writes, and an operator may want to go back right after an upgrade.
	passDelay = 10 * time.Minute
	// passSpan bounds the time of one run. Vault starts a run every minute, waits for it, and gives it 90 seconds.
	passSpan = 50 * time.Second
)

// A versionsPass visits every key once an hour, to add rows for the versions that KMS has made on its own, or a new
// data key if the key is in envelope mode and one is due. Vault calls it every minute, and each time it visits just
// enough keys to spread its calls over the hour.
type versionsPass struct {
	// running says that a run is in progress, which owns the fields below.
	running atomic.Bool
	// started is when Vault first called the pass.
	started time.Time
	// begun is when the pass began. total is the number of its keys, and names are those still to be visited.
	begun time.Time
	total int
	names []string
	// called is when the pass last called KMS.
	called time.Time
}

// isWaiting reports whether it is too early for a pass.
func (p *versionsPass) isWaiting(now time.Time) bool {
	if p.started.IsZero() {
		p.started = now
	}
	return now.Sub(p.started) < passDelay
}

// isOver reports whether another pass may begin.
func (p *versionsPass) isOver(now time.Time) bool {
	return len(p.names) == 0 && now.Sub(p.begun) >= passEvery
}

// begin begins a pass at a random key, so that every key gets its turn even if the plugin is restarted again and again.
func (p *versionsPass) begin(now time.Time, names []string) {
	if len(names) > 0 {
		first := rand.IntN(len(names))
		names = slices.Concat(names[first:], names[:first])
	}
	p.begun, p.total, p.names = now, len(names), names
}

// next takes the key to visit now, or "" if none is due. By the next minute, the visited share of the keys must match
// the elapsed share of the hour.
func (p *versionsPass) next(now time.Time) (name string) {
	visited, until := p.total-len(p.names), now.Sub(p.begun)+time.Minute
	if len(p.names) > 0 && visited*int(passEvery/time.Second) < p.total*int(until/time.Second) {
		name, p.names = p.names[0], p.names[1:]
	}
	return name
}

// Vault calls periodic every minute on the active node. It retries later what it can't do now.
func (b *backend) periodic(ctx context.Context, req *logical.Request) error {
	if !b.WriteSafeReplicationState() || !b.pass.running.CompareAndSwap(false, true) {
		return nil
	}
	defer b.pass.running.Store(false)
	b.retire(ctx, req)
	if b.pass.isWaiting(b.process.now()) {
		return nil
	}
	conn, err := b.connection(ctx, req)
	if err != nil {
		return nil // The engine is not configured, or its configuration can't be used; requests report that.
	}
	now := b.process.now
	if b.pass.isOver(now()) {
		names, err := req.Storage.List(ctx, keyPrefix)
		if err != nil {
			return err
		}
		b.pass.begin(now(), names)
	}
	for began := now(); now().Sub(began) < passSpan; {
		name := b.pass.next(now())
		if name == "" {
			return nil
		}
		if err := b.visit(ctx, req, conn, name); err != nil {
			b.pass.names = append(b.pass.names, name)
			return nil
		}
	}
	return nil
}

// visit adds rows to a key for the versions that have none. An error means that KMS can't be asked now.
func (b *backend) visit(ctx context.Context, req *logical.Request, conn *connection, name string) error {
	entry, err := loadKey(ctx, req.Storage, name)
	if err != nil {
		b.warnOfVersions(name, err)
	}
	if entry == nil || entry.Region != conn.region {
		return nil
	}
	learned := *entry
	err = b.renewVersions(ctx, b.paced(conn.of(entry.Instance)), target{name, &learned})
	if err != nil && (ctx.Err() != nil || isAboutAll(err)) {
		return err
	}
	if err != nil {
		b.warnOfVersions(name, err)
	}
	if learned.fullness(name) >= nearlyFull {
		b.warnOfVersions(name, errNearlyFull)
	}
	if err == nil && (learned.format != entry.format || !slices.Equal(learned.versions.Rows, entry.versions.Rows)) {
		b.storeLearned(ctx, req.Storage, name, entry, &learned)
	}
	return nil
}

// renewVersions adds to the entry the versions that KMS has made, or one that is due for the engine to make.
func (b *backend) renewVersions(ctx context.Context, conn *connection, k target) error {
	if _, err := b.learnVersions(ctx, conn, k); err != nil {
		return err
	}
	return b.rotateIfDue(ctx, conn, k)
}

var errNearlyFull = errors.New("it has nearly as many versions as its entry can hold: drop old ones with trim")

// storeLearned stores the learned entry, unless the stored one has changed meanwhile: then the next pass learns it.
func (b *backend) storeLearned(ctx context.Context, s logical.Storage, name string, was, learned *keyEntry) {
	release, err := b.reserveKey(name)
	if err != nil {
		return // The key is being changed.
	}
	defer release()
	is, err := loadKey(ctx, s, name)
	if err == nil && (is == nil || !isSame(name, is, was)) {
		return
	}
	if err == nil {
		err = b.storeKey(ctx, s, name, learned)
	}
	if err != nil {
		b.warnOfVersions(name, err)
		return
	}
	b.Logger().Info(learned.news(), "key", name, "key_id", learned.KeyID, "version", learned.versions.Newest())
}

// news is the log message for a key that the pass has changed.
func (e *keyEntry) news() string {
	if e.isEnvelope() {
		return newDataKeyNews
	}
	return "a key has the versions that KMS has made"
}

// isSame reports whether two entries would be stored as the same bytes.
func isSame(name string, a, b *keyEntry) bool {
	one, err := encodeKey(name, a)
	if err != nil {
		return false
	}
	other, err := encodeKey(name, b)
	return err == nil && bytes.Equal(one.Value, other.Value)
}

// isAboutAll reports whether a call failed for a reason that applies to other keys too.
func isAboutAll(err error) bool {
	if refused, ok := errors.AsType[*kmsapi.Error](err); ok {
		kind := refused.Kind()
		return kind == kmsapi.KindThrottle || kind == kmsapi.KindTemporary || kind.Unauthenticated()
	}
	_, called := errors.AsType[*callError](err)
	_, answered := errors.AsType[*unusableAnswerError](err)
	return called && !answered
}
