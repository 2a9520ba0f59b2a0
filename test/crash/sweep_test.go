package crash

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/sm" // as in the program that is killed
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// The test binary, started once more as a child, is a service that does nothing but sweep until it is killed: the real
// one sweeps only once a minute.
const (
	sweptConfig = "CRASH_TEST_SWEPT_CONFIG"
	sweptAhead  = "CRASH_TEST_SWEPT_AHEAD"
)

// sweeping is what the child prints when it begins.
var sweeping = regexp.MustCompile(`sweeping`)

func TestMain(m *testing.M) {
	if config := os.Getenv(sweptConfig); config != "" {
		fmt.Fprintln(os.Stderr, sweepUntilKilled(config))
		os.Exit(1)
	}
	flag.Parse()
	if *seed == 0 {
		*seed = rand.Uint64()
	}
	os.Exit(m.Run())
}

func sweepUntilKilled(config string) error {
	ahead, err := time.ParseDuration(os.Getenv(sweptAhead))
	if err != nil {
		return err
	}
	c, err := server.LoadConfig(config)
	if err != nil {
		return err
	}
	s, err := server.Start(c, clockAhead(ahead))
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, sweeping)
	for err == nil {
		err = s.Sweep(context.Background())
	}
	return err
}

// clockAhead sets the service's clock ahead of the machine's, and lets it be set back.
func clockAhead(ahead time.Duration) server.Options {
	return server.Options{Clock: func() time.Time { return time.Now().Add(ahead) }, AcceptClock: true}
}

const (
	// rotatedKeys are due together, so that most kills are in the middle of them.
	rotatedKeys = 40
	// rotationDays is the interval of their rotation, and a round's clock is a day later.
	rotationDays = 7
	day          = 24 * time.Hour
)

// TestAKilledSweepRotatesEachKeyOnce kills a service that sweeps, at any time while many keys are due. It is started
// again at once, or with its clock set back, and finishes.
func TestAKilledSweepRotatesEachKeyOnce(t *testing.T) {
	t.Parallel()
	binary := build(t)
	random := rand.New(rand.NewPCG(*seed, 1))
	rounds := max(*rounds/3, 1) // Each starts the service three times, which takes a second.
	for first := 0; first < rounds; first += roundsPerStore {
		r := newRotations(t, newSite(t, binary))
		for round := first; round < min(first+roundsPerStore, rounds); round++ {
			r.round(round, time.Duration(random.IntN(40_000))*time.Microsecond)
		}
	}
}

// rotations are keys that rotate.
type rotations struct {
	t    *testing.T
	site *site
	// ahead is how far the service's clock is ahead, and made the number of rotations of each key so far.
	ahead time.Duration
	made  int
	// sealed is a ciphertext of each key's first version, by its id.
	sealed map[string]string
}

func newRotations(t *testing.T, s *site) *rotations {
	t.Helper()
	r := &rotations{t: t, site: s, sealed: map[string]string{}}
	r.serve(func(c *client.Client, _ *server.Server) {
		for range rotatedKeys {
			made, err := c.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{
				EnableAutomaticRotation: true, RotationInterval: fmt.Sprint(rotationDays, "d"),
			})
			require.NoError(t, err)
			id := made.KeyMetadata.KeyId
			sealed, err := c.Encrypt(t.Context(), &kmsapi.EncryptRequest{KeyId: id, Plaintext: kmsapi.NewSecret(id)})
			require.NoError(t, err)
			r.sealed[id] = sealed.CiphertextBlob
		}
	})
	return r
}

// serve runs the service in this process, on a clock that is ahead, for as long as use takes.
func (r *rotations) serve(use func(*client.Client, *server.Server)) {
	r.t.Helper()
	c, err := server.LoadConfig(r.site.file("config.hcl"))
	require.NoError(r.t, err)
	o := clockAhead(r.ahead)
	s, err := server.Start(c, o)
	require.NoError(r.t, err)
	use(r.site.dial(r.t, s.Address(), o.Clock), s)
	require.NoError(r.t, s.Close())
}

// round lets time pass until the rotation of every key is due, and kills the service while it rotates them.
func (r *rotations) round(number int, after time.Duration) {
	r.t.Helper()
	r.ahead += (rotationDays + 1) * day
	r.killWhileSweeping(after)
	r.site.check(r.t)
	found := r.inspect(number%2 == 1)
	r.made++
	r.t.Logf("round %d: killed after %v, when %d of %d keys were rotated", number+1, after, found, rotatedKeys)
}

func (r *rotations) killWhileSweeping(after time.Duration) {
	r.t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), sweptConfig+"="+r.site.file("config.hcl"), sweptAhead+"="+r.ahead.String())
	child, err := servers.Start(cmd, r.site.file("sweep.log"))
	require.NoError(r.t, err)
	r.t.Cleanup(child.Kill)
	_, err = child.AwaitOutput(sweeping)
	require.NoError(r.t, err)
	time.Sleep(after)
	child.Kill()
}

// inspect counts the keys that were rotated, and lets the others be rotated too.
func (r *rotations) inspect(setBack bool) (rotated int) {
	r.t.Helper()
	if setBack {
		r.ahead -= (rotationDays + 1) * day
		r.serve(func(c *client.Client, s *server.Server) {
			before := r.rotated(c)
			require.NoError(r.t, s.Sweep(r.t.Context()))
			require.Equal(r.t, before, r.rotated(c), "nothing is due")
		})
		r.ahead += (rotationDays + 1) * day
	}
	r.serve(func(c *client.Client, s *server.Server) {
		rotated = r.rotated(c)
		for range 2 {
			require.NoError(r.t, s.Sweep(r.t.Context()))
			require.Equal(r.t, rotatedKeys, r.rotated(c))
		}
	})
	return rotated
}

// rotated counts the keys that were rotated in this round, and requires that none was twice.
func (r *rotations) rotated(c *client.Client) (n int) {
	r.t.Helper()
	for id, blob := range r.sealed {
		versions, err := c.ListKeyVersions(r.t.Context(), &kmsapi.ListKeyVersionsRequest{KeyId: id})
		require.NoError(r.t, err)
		more := versions.TotalCount - 1 - r.made
		require.Contains(r.t, []int{0, 1}, more, id)
		n += more
		described, err := c.DescribeKey(r.t.Context(), &kmsapi.DescribeKeyRequest{KeyId: id})
		require.NoError(r.t, err)
		require.Equal(r.t, versions.KeyVersions.KeyVersion[0].KeyVersionId, described.KeyMetadata.PrimaryKeyVersion)
		opened, err := c.Decrypt(r.t.Context(), &kmsapi.DecryptRequest{CiphertextBlob: blob})
		require.NoError(r.t, err)
		require.Equal(r.t, id, opened.Plaintext.Reveal())
	}
	return n
}
