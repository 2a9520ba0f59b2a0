package server_test

import (
	"context"
	"crypto/tls"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestResourceNamesInThePlaceOfIDs(t *testing.T) {
	w := newWire(t)
	const account = "acs:kms:cn-hangzhou:123456:"
	id := w.createIn()
	w.must("CreateAlias", "KeyId", account+"key/"+id, "AliasName", "alias/a")
	for _, name := range []string{account + "key/" + id, account + "alias/a"} {
		require.Equal(t, id, w.must("DescribeKey", "KeyId", name).KeyMetadata.KeyId)
		require.Equal(t, id, w.dedicated().must("GenerateDataKey", "KeyId", name).KeyId)
	}
	w.must("DisableKey", "KeyId", account+"key/"+id)
	w.do("DisableKey", "KeyId", account+"alias/a").refused(t, kmsapi.ErrUnsupportedAlias)
	for name, other := range map[string]string{
		"of another account": "acs:kms:cn-hangzhou:654321:key/" + id,
		"of another region":  "acs:kms:cn-beijing:123456:key/" + id,
		"of another kind":    account + "secret/" + id,
		"of an alias as key": account + "key/alias/a",
		"without an id":      account + "key/",
	} {
		t.Run(name, func(t *testing.T) {
			w.in(t).do("DescribeKey", "KeyId", other).refused(t, kmsapi.ErrKeyNotFound)
		})
	}
}

func TestPermissionsOnResourceNamesAndInstances(t *testing.T) {
	root := restricted(t)
	mine := root.must("CreateKey", "DKMSInstanceId", "kst-dev").KeyMetadata.KeyId
	other := root.must("CreateKey", "DKMSInstanceId", "kst-dev").KeyMetadata.KeyId
	c := root.allow("LTAIsome",
		server.Allow{Actions: []string{"kms:*"}, Resources: []string{keyARN(mine)}},
		server.Allow{Actions: []string{"kms:GetKmsInstance"}, Resources: []string{"acs:kms:*:*:keystore/kst-dev"}})
	dedicated := c
	dedicated.wire = c.dedicated()
	for _, name := range []string{mine, keyARN(mine)} {
		c.must("DescribeKey", "KeyId", name)
		dedicated.must("GenerateDataKey", "KeyId", name)
	}
	for _, name := range []string{other, keyARN(other)} {
		c.do("DescribeKey", "KeyId", name).refused(t, kmsapi.ErrNoPermission)
		dedicated.do("GenerateDataKey", "KeyId", name).refused(t, kmsapi.ErrNoPermission)
	}
	for _, name := range []string{"acs:kms:cn-hangzhou:1:key/" + mine, "acs:kms:cn-hangzhou:1:key/" + other} {
		c.do("DescribeKey", "KeyId", name).refused(t, kmsapi.ErrKeyNotFound)
		dedicated.do("GenerateDataKey", "KeyId", name).refused(t, kmsapi.ErrKeyNotFound)
	}
	c.must("GetKmsInstance", "KmsInstanceId", "kst-dev")
	got := c.do("GetKmsInstance", "KmsInstanceId", "kst-none")
	got.refused(t, kmsapi.ErrNoPermission)
	require.Contains(t, got.Message, "keystore/kst-none")
	c.do("ListKmsInstances").refused(t, kmsapi.ErrNoPermission)
	c.do("GetDefaultKmsInstance").refused(t, kmsapi.ErrNoPermission)
	lists := root.allow("LTAIlists",
		server.Allow{Actions: []string{"kms:List*"}, Resources: []string{"acs:kms:*:*:keystore"}})
	require.Equal(t, 1, lists.must("ListKmsInstances").TotalCount)
}

// The clock stands still, so no tokens are refilled.
func TestGatewaysHaveRatesOfTheirOwn(t *testing.T) {
	l := newLab(t, func(c *server.Config) {
		c.Instances[0].Spec = 3
		c.RateLimits = &server.RateLimits{Crypto: 2, CreateKey: -1, Read: -1}
	})
	id := l.createKey("DKMSInstanceId", "kst-dev")
	use := func(gateway string) answer {
		return l.sendTo(gateway, l.signed("GenerateDataKey", "KeyId", id).Form())
	}
	for gateway, most := range map[string]int{"": 2, "kst-dev": 3} {
		for range most {
			require.Equal(t, http.StatusOK, use(gateway).status)
		}
		use(gateway).refused(t, kmsapi.ErrThrottling)
	}
	l.must("GetKmsInstance", "KmsInstanceId", "kst-dev")
	for _, action := range []string{"GetKmsInstance", "ListKmsInstances", "GetDefaultKmsInstance"} {
		l.do(action, "KmsInstanceId", "kst-dev").refused(t, kmsapi.ErrThrottling)
	}
	l.now = l.now.Add(time.Second)
	l.must("ListKmsInstances")
}

func TestAuditLinesNameTheGatewayAndTheInstance(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey("DKMSInstanceId", "kst-dev")
	l.sendTo("kst-dev", l.signed("GenerateDataKey", "KeyId", id).Form())
	l.sendTo("kst-dev", l.signed("CreateKey").Form())
	l.must("DescribeKey", "KeyId", l.createKey())
	var got [][]any
	for _, line := range l.auditLines() {
		got = append(got, []any{line["operation"], line["gateway"], line["instance_id"], line["code"]})
	}
	require.Equal(t, [][]any{
		{"CreateKey", "shared", "kst-dev", ""},
		{"GenerateDataKey", "kst-dev", "kst-dev", ""},
		{"CreateKey", "kst-dev", "", "InvalidApiName"},
		{"CreateKey", "shared", "", ""},
		{"DescribeKey", "shared", "", ""},
	}, got)
}

func TestRequestsAreCountedByGateway(t *testing.T) {
	w := configured(t, withOps(t))
	require.Contains(t, w.metrics(), `alicloudkms_gateway_requests_total{gateway="kst-dev"} 0`)
	w.dedicated().must("GenerateDataKey", "KeyId", w.createIn())
	text := w.metrics()
	require.Contains(t, text, `alicloudkms_gateway_requests_total{gateway="kst-dev"} 1`)
	require.Contains(t, text, `alicloudkms_gateway_requests_total{gateway="shared"} 1`)
}

// A dedicated gateway ignores the region in the request or the host name.
func TestADedicatedGatewayWorksInTheRegionOfItsInstance(t *testing.T) {
	w := withInstances(t, server.Instance{ID: "kst-bjj", Region: "cn-beijing"})
	id := w.createKey("RegionId", "cn-beijing", "DKMSInstanceId", "kst-bjj")
	at := w.at(w.kms.InstanceCalled("kst-bjj"))
	at.must("GenerateDataKey", "KeyId", id)
	at.must("GenerateDataKey", "KeyId", id, "RegionId", "cn-hangzhou")
	w.do("CreateKey", "DKMSInstanceId", "kst-bjj").refused(t, kmsapi.ErrInstanceNotFound)
}

func TestDedicatedGatewaysOfTLS12(t *testing.T) {
	w := configured(t, func(c *server.Config) { c.Instances[0].Listener.TLSMaxVersion = "1.2" })
	conn, err := tls.Dial("tcp", w.kms.Instance.Endpoint, w.dedicated().tlsConfig())
	require.NoError(t, err)
	defer conn.Close()
	require.EqualValues(t, tls.VersionTLS12, conn.ConnectionState().Version)
	require.NoError(t, conn.VerifyHostname(kmsapi.InstanceHost("kst-dev")))
	require.Error(t, conn.VerifyHostname(kmsapi.InstanceHost("kst-other")))
	w.dedicated().must("GenerateDataKey", "KeyId", w.createIn())
}

func TestACertificateThatIsRenewedUnderLoadCostsNothing(t *testing.T) {
	w := newWire(t)
	id := w.createIn()
	shared, err := client.New(w.kms.ClientConfig())
	require.NoError(t, err)
	defer shared.Close()
	dedicated := shared.Instance("kst-dev")
	ctx, stop := context.WithCancel(t.Context())
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			for ctx.Err() == nil {
				_, err := dedicated.GenerateDataKey(t.Context(), &kmsapi.GenerateDataKeyRequest{KeyId: id})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	before := certificateOf(t, w.kms)
	for range 5 {
		require.NoError(t, w.kms.RenewCertificate("kst-dev"))
		dedicated.Close() // Closes idle connections, so that new ones are made too.
	}
	stop()
	callers.Wait()
	require.NotEqual(t, before, certificateOf(t, w.kms))
}

// certificateOf returns the certificate that the dedicated gateway of kst-dev presents.
func certificateOf(t *testing.T, kms *kmstest.KMS) []byte {
	t.Helper()
	conn, err := tls.Dial("tcp", kms.Instance.Endpoint, &tls.Config{InsecureSkipVerify: true})
	require.NoError(t, err)
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Raw
}

func TestAReloadLeavesTheKindOfAnInstanceAlone(t *testing.T) {
	w := newWire(t)
	w.setInstance(func(i *server.Instance) { i.Kind, i.Default = server.KindHardware, true })
	made := w.must("CreateKey").KeyMetadata
	require.Equal(t, "kst-dev", made.DKMSInstanceId)
	require.Equal(t, kmsapi.ProtectionSoftware, made.ProtectionLevel, "that waits for a restart")
	w.kms.Restart()
	require.Equal(t, kmsapi.ProtectionHSM, w.must("CreateKey").KeyMetadata.ProtectionLevel)
}

func TestABadReloadOfAnInstanceChangesNothing(t *testing.T) {
	w := newWire(t)
	id := w.createIn()
	for name, tc := range map[string]struct {
		spoil func(*server.Instance)
		want  string
	}{
		"no certificate": {
			func(i *server.Instance) { i.Listener.TLSCertFile = i.CACertFile },
			`instance "kst-dev": listener`,
		},
		"no CA": {func(i *server.Instance) { i.CACertFile += ".none" }, `instance "kst-dev"`},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			good := w.kms.Config().Instances[0]
			err := w.kms.Reload(func(c *server.Config) {
				off(&c.Instances[0])
				tc.spoil(&c.Instances[0])
			})
			require.ErrorContains(t, err, tc.want)
			w.must("GenerateDataKey", "KeyId", id)
			w.dedicated().must("GenerateDataKey", "KeyId", id)
			w.setInstance(func(i *server.Instance) { *i = good })
		})
	}
}
