package cluster

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
)

const (
	// vaultsLease is longer than the shortest: other work of the machine must not end a term while a Vault is made.
	vaultsLease = 3 * time.Second
	// leastLoss is the shortest time that each loss lasts, and untilTakeover that of a loss that includes a takeover.
	leastLoss, untilTakeover = 2 * time.Second, vaultsLease + time.Second
	// engineLimit is how long a request of the engine may take that meets a loss, and vaultLimit one of Vault alone.
	engineLimit, vaultLimit = 40 * time.Second, 10 * time.Second
)

// Whatever is lost of the six processes and of the network between them, a Vault that restarts meanwhile unseals
// itself, an OpenBao with our plugin does, and a Vault that runs goes on, together with the engine in it.
func TestVaultOutlivesEachLoss(t *testing.T) {
	t.Parallel()
	if vaultProgram == "" {
		require.Empty(t, os.Getenv("ALICLOUDKMS_REQUIRE_VAULT"), "VAULT_BIN is not set")
		t.Skip("VAULT_BIN is not set")
	}
	u := newUsers(t)
	for _, l := range vaultLosses {
		if l.isSlow && *rounds == 0 {
			continue
		}
		t.Run(l.name, func(t *testing.T) { u.outlive(t, l) })
	}
	t.Run("a step-down, with the engine's default settings", u.outliveStepDown)
}

// restart restarts something, and returns how long it took until that was unsealed.
type restart func(ctx context.Context, limit time.Duration) (took time.Duration, err error)

// users are the users of a service.
type users struct {
	*rig
	operator *operator
	balancer *balancer
	// restarts has everything that restarts during each loss, by name. running is a Vault that does not restart, and
	// application uses the engine in it.
	restarts    map[string]restart
	running     *sealedVault
	application *application
}

func newUsers(t *testing.T) *users {
	t.Helper()
	certificates := etcdtest.NewCertificates(t)
	r := newRig(t, settings{
		lease: vaultsLease, etcd: etcdtest.Options{NoSync: true, TLS: certificates.Dir}, certificates: certificates,
	})
	r.newLock()
	u := &users{rig: r, operator: newOperator(t, r.etcd.Endpoints()), balancer: newBalancer(r)}
	address := u.balancer.address()
	restarting, host := r.startVault("restarts", address), newHost(r, address)
	u.restarts = map[string]restart{"Vault": restarting.restart, "the plugin": host.unseal}
	if baoProgram != "" {
		u.restarts["OpenBao"] = r.startBao("bao", address).restart
	}
	u.running = r.startVault("runs", address)
	u.application = newApplication(u.running, "patient", address, patience)
	u.balancer.check() // Not before: nothing has been lost yet, and all of this must succeed at once.
	return u
}

// outlive makes all users go through a loss.
func (u *users) outlive(t *testing.T, l loss) {
	active := u.awaitActive(recovery)
	u.balancer.awaitServing(size)
	used := u.application.begin(t.Context())
	defer used.end()
	f, err := l.lose(u.rig, u.operator, active)
	require.NoError(t, err)
	ends := time.Now().Add(max(f.least, leastLoss))
	var all errgroup.Group
	for name, restart := range u.restarts {
		all.Go(func() error {
			times, longest, err := restart.until(t.Context(), ends, l.limit)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			t.Logf("%s: %s is unsealed %d times, each within %s", f.name, name, times, longest.Round(time.Millisecond))
			return nil
		})
	}
	require.NoError(t, all.Wait())
	require.NoError(t, u.restore(f))
	used.end()
	t.Logf("the engine's longest of %d requests took %s, and Vault's %s", used.done,
		used.engine.Round(time.Millisecond), used.vaultAlone.Round(time.Millisecond))
	require.Empty(t, used.errs)
	require.Less(t, used.engine, engineLimit)
	require.Less(t, used.vaultAlone, vaultLimit)
}

// outliveStepDown makes an engine with its defaults go through an orderly takeover.
func (u *users) outliveStepDown(t *testing.T) {
	used := newApplication(u.running, "default", u.balancer.address(), nil).begin(t.Context())
	defer used.end()
	f, err := stepDown(u.rig, u.operator, u.awaitActive(recovery))
	require.NoError(t, err)
	require.NoError(t, u.restore(f))
	used.end()
	t.Logf("the engine's longest of %d requests took %s", used.done, used.engine.Round(time.Millisecond))
	require.Empty(t, used.errs)
}

// until restarts at least once, and until a moment has come. It returns how often it restarted, and the longest time.
func (r restart) until(
	ctx context.Context, moment time.Time, limit time.Duration,
) (times int, longest time.Duration, err error) {
	for times == 0 || time.Now().Before(moment) {
		took, err := r(ctx, limit)
		if err != nil {
			return times, longest, err
		}
		times, longest = times+1, max(longest, took)
	}
	return times, longest, nil
}
