package alicloudkms

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/ram/ramtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// A rootRig is an engine on a KMS service and a double of RAM, which has the access keys that the service accepts. Time
// passes only while the engine waits.
type rootRig struct {
	*rig
	kms *kmstest.KMS
	ram *ramtest.RAM
	// first is the access key in the initial configuration, and config the whole configuration.
	first  string
	config map[string]any
	// began is the time at the beginning, and passed how much time has passed since. RAM uses this clock too.
	began  time.Time
	passed atomic.Int64
	// waits is how many times the engine has waited.
	waits int
	// onWait is called whenever the engine waits.
	onWait func()
	// ctx is the context of the next rotation.
	ctx context.Context
}

const firstSecret = "ramtest-first-secret"

func newRootRig(t *testing.T) *rootRig {
	t.Helper()
	r := &rootRig{rig: newEngine(t), kms: kmstest.New(t), first: "LTAIfirst", began: time.Now(), ctx: t.Context()}
	r.ram = ramtest.New(t, r.first, firstSecret)
	r.ram.UseClock(r.now)
	r.ram.Accept(r.admit)
	r.ram.Settle()
	r.live()
	r.config = with(realConfig(r.kms), body{
		"access_key": r.first, "secret_key": firstSecret, "ram_endpoint": r.ram.URL,
	})
	r.write("config", r.config)
	r.write("keys/a", nil)
	return r
}

// admit makes KMS accept these access keys, and its administrator's.
func (r *rootRig) admit(keys []ramtest.Key) {
	r.t.Helper()
	taken := make([]client.Static, len(keys))
	for i, key := range keys {
		taken[i] = client.Static{AccessKeyID: key.ID, AccessKeySecret: kmsapi.NewSecret(key.Secret)}
	}
	require.NoError(r.t, r.kms.Reload(kmstest.AccessKeys(taken...)))
}

// live gives the engine the clock of the test.
func (r *rootRig) live() {
	p := r.backend().process
	p.now = r.now
	p.wait = func(ctx context.Context, d time.Duration) error {
		r.waits++
		r.pass(d)
		if r.onWait != nil {
			r.onWait()
		}
		return ctx.Err()
	}
}

func (r *rootRig) now() time.Time { return r.began.Add(time.Duration(r.passed.Load())) }

// pass lets time pass.
func (r *rootRig) pass(d time.Duration) {
	r.passed.Add(int64(d))
	r.ram.Settle()
}

// restart kills the engine, and starts it again with its storage.
func (r *rootRig) restart() {
	r.t.Helper()
	conf := logical.TestBackendConfig()
	conf.StorageView, conf.Logger = r.storage, r.logger()
	b, err := Factory(r.t.Context(), conf)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { b.Cleanup(r.t.Context()) })
	r.b = b
	unhurried(r.backend().process)
	r.live()
}

func (r *rootRig) rotate() map[string]any {
	r.t.Helper()
	return r.write(rotateRootPath, nil).Data
}

func (r *rootRig) tryRotate() error {
	_, err := r.tryIn(r.ctx, logical.UpdateOperation, rotateRootPath, nil)
	return err
}

// minute lets time pass, and does what Vault does every minute.
func (r *rootRig) minute(later time.Duration) {
	r.t.Helper()
	r.pass(later)
	require.NoError(r.t, r.backend().PeriodicFunc(r.t.Context(), r.request(logical.RollbackOperation, "", nil)))
}

func (r *rootRig) stored() *config {
	r.t.Helper()
	c, err := loadConfig(r.t.Context(), r.storage)
	require.NoError(r.t, err)
	return c
}

// works requires that the engine can use KMS with the access key called id.
func (r *rootRig) works(id string) {
	r.t.Helper()
	require.Equal(r.t, id, r.read("config").Data["access_key"])
	r.backend().forgetConnection()
	r.encrypt("a", hello)
}

// ids returns the access keys that RAM has.
func (r *rootRig) ids() (ids []string) {
	for _, key := range r.ram.Keys() {
		ids = append(ids, key.ID)
	}
	return ids
}

// secretless requires that the log holds no secret of an access key.
func (r *rootRig) secretless() {
	r.t.Helper()
	for _, secret := range append(r.ram.Secrets(), firstSecret) {
		require.NotContains(r.t, r.log.String(), secret)
	}
}
