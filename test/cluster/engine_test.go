package cluster

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"maps"
	"sync"
	"time"

	"github.com/hashicorp/vault/api"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// An application encrypts and decrypts through the secrets engine of a Vault.
type application struct {
	vault *api.Client
	mount string
}

// usage is what an application sees.
type usage struct {
	running sync.WaitGroup
	stop    context.CancelFunc

	mu sync.Mutex // guards the fields below
	// engine is how long the longest request has taken, and vaultAlone the longest that needs Vault alone.
	engine, vaultAlone time.Duration
	done               int
	errs               []error
}

// patience has the settings that docs/cluster.md advises for an engine over a cluster.
var patience = map[string]any{"max_retries": 10, "request_timeout": 5}

// newApplication mounts the engine at a Vault, with settings in addition to those that it needs.
func newApplication(v *sealedVault, mount, address string, settings map[string]any) *application {
	t := v.rig.t
	t.Helper()
	require.NoError(t, v.Register(t.Context(), secretsPlugin, build(t, secretsPlugin), version))
	require.NoError(t, v.Client.Sys().Mount(mount, &api.MountInput{
		Type: secretsPlugin, Config: api.MountConfigInput{PluginVersion: version},
	}))
	as := v.rig.site.Credentials
	config := map[string]any{
		"region": kmsapi.DefaultRegion, "endpoint": address, "ca_cert": v.rig.site.CA,
		"access_key": as.AccessKeyID, "secret_key": as.AccessKeySecret.Reveal(),
	}
	maps.Copy(config, settings)
	v.rig.soon(func() error {
		if _, err := v.Client.Logical().Write(mount+"/config", config); err != nil {
			return err
		}
		_, err := v.Client.Logical().Write(mount+"/keys/app", nil)
		return err
	})
	return &application{v.Client, mount}
}

// begin uses the engine from now on.
func (a *application) begin(ctx context.Context) *usage {
	ctx, stop := context.WithCancel(ctx)
	u := &usage{stop: stop}
	for range 4 {
		u.running.Go(func() { u.repeat(ctx, a.roundTrip, &u.engine) })
	}
	u.running.Go(func() { u.repeat(ctx, a.lookUp, &u.vaultAlone) })
	return u
}

// end waits until what has begun has ended.
func (u *usage) end() {
	u.stop()
	u.running.Wait()
}

// repeat sends one request after another, and lets each finish.
func (u *usage) repeat(ctx context.Context, send func() error, longest *time.Duration) {
	for ctx.Err() == nil {
		began := time.Now()
		err := send()
		u.mu.Lock()
		*longest = max(*longest, time.Since(began))
		u.done++
		if err != nil {
			u.errs = append(u.errs, err)
		}
		u.mu.Unlock()
		time.Sleep(20 * time.Millisecond)
	}
}

// roundTrip encrypts something, and decrypts it.
func (a *application) roundTrip() error {
	plaintext := base64.StdEncoding.EncodeToString([]byte(rand.Text()))
	sealed, err := a.vault.Logical().Write(a.mount+"/encrypt/app", map[string]any{"plaintext": plaintext})
	if err != nil {
		return err
	}
	opened, err := a.vault.Logical().Write(a.mount+"/decrypt/app", map[string]any{"ciphertext": sealed.Data["ciphertext"]})
	if err == nil && opened.Data["plaintext"] != plaintext {
		err = fmt.Errorf("%v was decrypted instead of %s", opened.Data["plaintext"], plaintext)
	}
	return err
}

// lookUp is a request that needs Vault and its storage alone.
func (a *application) lookUp() error {
	_, err := a.vault.Auth().Token().LookupSelf()
	return err
}
