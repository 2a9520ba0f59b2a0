package kubernetes

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"
	kmstypes "k8s.io/apiserver/pkg/storage/value/encrypt/envelope/kmsv2/v2"
	"k8s.io/kms/pkg/service"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const secretPath = "/registry/secrets/default/db"

func TestTenThousandWritesAreOneEncrypt(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.provide("-cluster", "prod", "-key", c.newKey())
	a := newAPIServer(t, p)
	require.NoError(t, a.poll())
	stored := map[string][]byte{}
	for i := range 10_000 {
		path := fmt.Sprint("/registry/secrets/default/", i)
		made, err := a.write(path, "password "+path)
		require.NoError(t, err)
		stored[path] = made
	}
	require.Equal(t, 1, c.calls(kmsapi.OpEncrypt))

	restarted := newAPIServer(t, p)
	require.NoError(t, restarted.poll())
	opened := c.calls(kmsapi.OpDecrypt)
	for path, made := range stored {
		require.NotContains(t, string(made), "password")
		object, stale, err := restarted.read(path, made)
		require.NoError(t, err)
		require.Equal(t, "password "+path, object)
		require.False(t, stale)
	}
	require.Equal(t, opened+1, c.calls(kmsapi.OpDecrypt), "one seed")
	_, _, err := restarted.read(secretPath, stored["/registry/secrets/default/1"])
	require.Error(t, err, "an object that was copied to another name")
}

func TestARotationIsFollowed(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	key := c.newKey()
	a := newAPIServer(t, c.provide("-cluster", "prod", "-key", key))
	require.NoError(t, a.poll())
	before := a.keyID()
	stored, err := a.write(secretPath, "old")
	require.NoError(t, err)

	c.rotate(key)
	eventually(t, func() bool { return a.poll() == nil && a.keyID() != before }, "the rotation is seen")
	require.Equal(t, 2, c.calls(kmsapi.OpEncrypt), "one for each version")
	object, stale, err := a.read(secretPath, stored)
	require.NoError(t, err)
	require.Equal(t, "old", object)
	require.True(t, stale, "so that a storage migration writes it again")
	stored, err = a.write(secretPath, "new")
	require.NoError(t, err)
	_, stale, err = a.read(secretPath, stored)
	require.NoError(t, err)
	require.False(t, stale)
}

func TestAWayToAnotherKey(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	oldKey, newKey := c.newKey(), c.newKey()
	first := newAPIServer(t, c.provide("-cluster", "prod", "-key", oldKey, "-previous-key", newKey))
	second := newAPIServer(t, c.provide("-cluster", "prod", "-key", newKey, "-previous-key", oldKey))
	onlyNew := newAPIServer(t, c.provide("-cluster", "prod", "-key", newKey))
	for _, a := range []*apiServer{first, second, onlyNew} {
		require.NoError(t, a.poll())
	}
	old, err := first.write(secretPath, "old")
	require.NoError(t, err)
	made, err := second.write(secretPath, "new")
	require.NoError(t, err)

	object, stale, err := second.read(secretPath, old)
	require.NoError(t, err)
	require.Equal(t, "old", object)
	require.True(t, stale)
	object, _, err = first.read(secretPath, made)
	require.NoError(t, err, "the node that still encrypts with the old key reads what the other has written")
	require.Equal(t, "new", object)

	opened := c.calls(kmsapi.OpDecrypt)
	_, _, err = onlyNew.read(secretPath, old)
	require.ErrorContains(t, err, "not of a listed key")
	require.Equal(t, opened, c.calls(kmsapi.OpDecrypt), "KMS would have opened it")
}

func TestWhatIsNotOfThisClusterIsRefused(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	key := c.newKey()
	prod := newAPIServer(t, c.provide("-cluster", "prod", "-key", key))
	test := newAPIServer(t, c.provide("-cluster", "test", "-key", key))
	require.NoError(t, prod.poll())
	require.NoError(t, test.poll())
	stored, err := prod.write(secretPath, "x")
	require.NoError(t, err)
	_, _, err = test.read(secretPath, stored)
	require.ErrorContains(t, err, `a cluster other than "test"`)

	// A writer to etcd can't pass off a ciphertext of one version as one of another.
	before := prod.keyID()
	c.rotate(key)
	eventually(t, func() bool { return prod.poll() == nil && prod.keyID() != before }, "the rotation is seen")
	var forged kmstypes.EncryptedObject
	require.NoError(t, proto.Unmarshal(stored, &forged))
	forged.KeyID = prod.keyID()
	stored, err = proto.Marshal(&forged)
	require.NoError(t, err)
	_, _, err = prod.read(secretPath, stored)
	require.ErrorContains(t, err, "of another key, or another version")
}

func TestKMSIsAwayForMoreThanThreeMinutes(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.provide("-cluster", "prod", "-key", c.newKey())
	a := newAPIServer(t, p)
	require.NoError(t, a.poll())
	stored, err := a.write(secretPath, "x")
	require.NoError(t, err)

	require.NoError(t, c.Stop())
	eventually(t, func() bool { return a.poll() != nil }, "the provider says that KMS is away")
	a.now = a.now.Add(2*time.Minute + 59*time.Second)
	shortest := time.Minute // A busy machine may delay some, but not all.
	for range 5 {
		began := time.Now()
		require.ErrorContains(t, a.poll(), "DescribeKey at")
		shortest = min(shortest, time.Since(began))
	}
	require.Less(t, shortest, time.Second, "a status waits for nothing")
	_, err = a.write(secretPath, "y")
	require.NoError(t, err, "for three minutes")
	a.now = a.now.Add(2 * time.Second)
	_, err = a.write(secretPath, "y")
	require.ErrorContains(t, err, "expired")
	_, _, err = a.read(secretPath, stored)
	require.NoError(t, err)

	require.NoError(t, c.Start())
	eventually(t, func() bool { return a.poll() == nil }, "the provider says that KMS is back")
	_, err = a.write(secretPath, "y")
	require.NoError(t, err)
}

func TestAKilledProviderComesBack(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.provide("-cluster", "prod", "-key", c.newKey())
	a := newAPIServer(t, p)
	require.NoError(t, a.poll())
	before := a.keyID()
	stored, err := a.write(secretPath, "x")
	require.NoError(t, err)
	p.Kill()
	require.FileExists(t, p.socket+".lock")
	_, err = os.Stat(p.socket)
	require.NoError(t, err, "nobody has cleaned up")
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	require.Error(t, a.pollUntil(ctx))

	p.start()
	eventually(t, func() bool { return a.poll() == nil }, "the API server connects again")
	require.Equal(t, before, a.keyID())
	restarted := newAPIServer(t, p)
	require.NoError(t, restarted.poll())
	object, _, err := restarted.read(secretPath, stored)
	require.NoError(t, err)
	require.Equal(t, "x", object)

	other := p.command("-cluster", "prod", "-key", c.newKey(), "-listen", "unix://"+p.socket)
	out, err := other.CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "in use by another provider")
	require.NoError(t, a.poll(), "the first one still serves")
}

func TestWhatTheAPIServerWouldNotStoreIsRefused(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	p := c.provide("-cluster", strings.Repeat("c", 128), "-key", c.newKey())
	a := newAPIServer(t, p)
	require.NoError(t, a.poll())
	for _, n := range []int{0, 513, 4000} {
		_, err := a.service.Encrypt(t.Context(), "uid", make([]byte, n))
		require.ErrorContains(t, err, "InvalidArgument", n)
	}
	made, err := a.service.Encrypt(t.Context(), "uid", make([]byte, 512))
	require.NoError(t, err)
	require.LessOrEqual(t, len(made.Ciphertext), 1024)
	for _, ciphertext := range [][]byte{nil, make([]byte, 1025), make([]byte, 60_000)} {
		_, err := a.service.Decrypt(t.Context(), "uid", &service.DecryptRequest{Ciphertext: ciphertext, KeyID: made.KeyID})
		require.ErrorContains(t, err, "InvalidArgument")
	}
	huge := &service.DecryptRequest{Ciphertext: make([]byte, 1<<20), KeyID: made.KeyID}
	_, err = a.service.Decrypt(t.Context(), "uid", huge)
	require.ErrorContains(t, err, "ResourceExhausted")
	require.NoError(t, a.poll(), "the provider goes on")
}
