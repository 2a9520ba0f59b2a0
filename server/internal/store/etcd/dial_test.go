package etcd

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// longLease, of which connecting may take a part, outlasts a machine that is busy with other tests. Only what must give
// up in the test has a shortLease.
const shortLease, longLease = 2 * time.Second, 20 * time.Second

// dialWith makes a client with a longLease, unless o has another one.
func dialWith(t *testing.T, o cluster.Options) *clientv3.Client {
	t.Helper()
	o.Lease, o.Prefix = cmp.Or(o.Lease, longLease), "kms/"
	client, err := Dial(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// always returns the same TLS configuration each time.
func always(c *tls.Config) func() *tls.Config { return func() *tls.Config { return c } }

func put(ctx context.Context, client *clientv3.Client) error {
	_, err := client.Put(ctx, "kms/key", "value")
	return err
}

func TestANodeConnectsWithItsCertificateAndItsPassword(t *testing.T) {
	t.Parallel()
	certificates := etcdtest.NewCertificates(t)
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true, TLS: certificates.Dir})
	o := cluster.Options{Endpoints: etcd.Endpoints(), TLS: always(certificates.TLS(t, "root"))}
	root := dialWith(t, o)
	require.NoError(t, put(t.Context(), root))
	restrict(t, root)

	o.TLS = always(certificates.TLS(t, "kms"))
	byCertificate := dialWith(t, o)
	require.NoError(t, put(t.Context(), byCertificate))
	_, err := byCertificate.Put(t.Context(), "other/key", "value")
	require.ErrorIs(t, err, rpctypes.ErrPermissionDenied)
	require.NoError(t, CheckVersions(t.Context(), byCertificate, slog.New(slog.DiscardHandler)))

	o.TLS = always(certificates.TLS(t, "stranger"))
	require.Error(t, put(t.Context(), dialWith(t, o)), "no user has that common name")
	o.Username, o.Password = "kms", kmsapi.NewSecret("hunter2")
	require.NoError(t, put(t.Context(), dialWith(t, o)))
	o.Password, o.Lease = kmsapi.NewSecret("hunter3"), longLease
	_, err = Dial(t.Context(), o)
	require.ErrorIs(t, err, rpctypes.ErrAuthFailed)
	require.NotContains(t, err.Error(), "hunter")
}

// restrict makes the users root and kms. kms may use only the keys of the service.
func restrict(t *testing.T, root *clientv3.Client) {
	t.Helper()
	for _, do := range []func() error{
		func() error { _, err := root.RoleAdd(t.Context(), "root"); return err },
		func() error { _, err := root.RoleAdd(t.Context(), "kms"); return err },
		func() error {
			_, err := root.RoleGrantPermission(t.Context(), "kms", "kms/", clientv3.GetPrefixRangeEnd("kms/"),
				clientv3.PermissionType(clientv3.PermReadWrite))
			return err
		},
		func() error { _, err := root.UserAdd(t.Context(), "root", "of the test"); return err },
		func() error { _, err := root.UserGrantRole(t.Context(), "root", "root"); return err },
		func() error { _, err := root.UserAdd(t.Context(), "kms", "hunter2"); return err },
		func() error { _, err := root.UserGrantRole(t.Context(), "kms", "kms"); return err },
		func() error { _, err := root.AuthEnable(t.Context()); return err },
	} {
		require.NoError(t, do())
	}
}

func TestAMemberOfAnotherCAIsNotTrusted(t *testing.T) {
	t.Parallel()
	certificates := etcdtest.NewCertificates(t)
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true, TLS: certificates.Dir})
	config := certificates.TLS(t, "kms")
	config.RootCAs = x509.NewCertPool()
	client := dialWith(t, cluster.Options{Endpoints: etcd.Endpoints(), TLS: always(config)})
	ctx, cancel := context.WithTimeout(t.Context(), shortLease/2)
	defer cancel()
	require.Error(t, put(ctx, client))

	_, err := Dial(t.Context(), cluster.Options{Endpoints: etcd.Endpoints(), Lease: shortLease})
	require.ErrorContains(t, err, "https needs the CA of etcd")
	_, err = Dial(t.Context(), cluster.Options{
		Endpoints: []string{strings.Replace(etcd.Endpoints()[0], "https:", "http:", 1)},
		TLS:       always(&tls.Config{}), Lease: shortLease,
	})
	require.ErrorContains(t, err, "plain HTTP has none")
}

func TestANewConnectionIsMadeWithTheCertificatesOfItsTime(t *testing.T) {
	t.Parallel()
	certificates := etcdtest.NewCertificates(t)
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true, TLS: certificates.Dir})
	var current atomic.Pointer[tls.Config]
	old := certificates.TLS(t, "kms")
	old.RootCAs = x509.NewCertPool()
	current.Store(old)
	client := dialWith(t, cluster.Options{Endpoints: etcd.Endpoints(), TLS: current.Load})
	ctx, cancel := context.WithTimeout(t.Context(), shortLease/2)
	defer cancel()
	require.Error(t, put(ctx, client))
	current.Store(certificates.TLS(t, "kms"))
	require.Eventually(t, func() bool { return put(t.Context(), client) == nil }, time.Minute, 20*time.Millisecond)
}

func TestAWaitForAPasswordEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	silent, err := link.New("127.0.0.1:0", "127.0.0.1:1")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	_, err = Dial(ctx, cluster.Options{
		Endpoints: []string{"http://" + silent.Address()}, Lease: 100 * time.Millisecond,
		Username: "kms", Password: kmsapi.NewSecret("hunter2"),
	})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

// One of two links to a member stops carrying data: its users go on over the other link within a lease.
func TestALinkThatCarriesNothingIsGivenUpWithinALease(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	var links []*link.Link
	var endpoints []string
	for range 2 {
		l, err := link.New("127.0.0.1:0", etcd.Member(0).Address())
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Close() })
		links, endpoints = append(links, l), append(endpoints, "http://"+l.Address())
	}
	// A dead link is given up after up to half of this, and the rest is for a busy machine.
	const lease = 10 * time.Second
	client := dialWith(t, cluster.Options{Endpoints: endpoints, Lease: lease})
	direct := dialWith(t, cluster.Options{Endpoints: etcd.Endpoints()})
	for n, l := range links {
		watch := client.Watch(t.Context(), "kms/key")
		require.NoError(t, put(t.Context(), direct))
		<-watch
		l.Set(link.Fault{HoldRequests: true, HoldAnswers: true})
		require.NoError(t, put(t.Context(), direct))
		began := time.Now()
		select {
		case <-watch:
		case <-time.After(lease):
			t.Fatalf("link %d: the watch saw nothing for a lease", n)
		}
		t.Logf("link %d: the watch went on after %s", n, time.Since(began).Round(time.Millisecond))
		for range 4 {
			ctx, cancel := context.WithTimeout(t.Context(), lease)
			_, err := client.Get(ctx, "kms/key") // It is sent again if its connection is closed.
			require.NoError(t, err)
			cancel()
		}
		l.Set(link.Fault{})
	}
}

func TestVersionsThatAreTooOld(t *testing.T) {
	for written, good := range map[string]bool{
		"3.5.13": true, "3.5.14": true, "3.6.0": true, "3.7.3": true, "4.0.0": true, "3.8.0-alpha.0": true,
		"3.5.13+git": true,
		"3.5.12":     false, "3.4.99": false, "2.9.99": false, "": false, "3.6": false, "3.6.x": false, "latest": false,
	} {
		found, ok := parseVersion(written)
		require.Equal(t, good, ok && !found.before(oldest), written)
	}
}

func TestVersionsAreAskedOfTheMembersThatAnswer(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	log := slog.New(slog.DiscardHandler)
	const nobody, timeout, shortTimeout = "http://127.0.0.1:1", time.Minute, 5 * time.Second
	check := func(within time.Duration, endpoints ...string) error {
		ctx, cancel := context.WithTimeout(t.Context(), within)
		defer cancel()
		return CheckVersions(ctx, dialWith(t, cluster.Options{Endpoints: endpoints}), log)
	}
	require.NoError(t, check(timeout, etcd.Endpoints()[0]))
	began := time.Now()
	require.NoError(t, check(timeout, nobody, etcd.Endpoints()[0]))
	require.Less(t, time.Since(began), timeout/2, "a member that is down holds up nothing")
	err := check(shortTimeout, nobody)
	require.ErrorContains(t, err, "etcd "+nobody+" does not answer: ")
	require.ErrorContains(t, err, "connection refused", "that time is over would not help")
}
