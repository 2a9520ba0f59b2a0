package alicloudkms

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	ourInstance   = "kst-ours"
	otherInstance = "kst-other"
	// dedicatedHost is the gateway of ourInstance.
	dedicatedHost = ourInstance + ".cryptoservice.kms.aliyuncs.com:443"
	sharedHost    = "kms.cn-hangzhou.aliyuncs.com:443"
)

// newCA returns the PEM of a new authority.
func newCA(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "an authority"},
		NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// dedicatedConfig returns a configuration that uses the dedicated gateway of ourInstance.
func dedicatedConfig(more map[string]any) map[string]any {
	return with(with(goodConfig(), body{"kms_instance_id": ourInstance, "gateway": "dedicated"}), more)
}

// saysCA makes GetKmsInstance answer with the CA that ca returns.
func (r *rig) saysCA(ca func() string) {
	r.kms.instead = func(q kmsapi.Request) (kmsapi.Response, error) {
		asked, ok := q.(*kmsapi.GetKmsInstanceRequest)
		if !ok {
			return nil, nil
		}
		return &kmsapi.GetKmsInstanceResponse{KmsInstance: kmsapi.InstanceDetails{
			InstanceId: asked.KmsInstanceId, Status: kmsapi.InstanceConnected, CaCertificateChainPem: ca(),
		}}, nil
	}
}

// viaGateway returns an error of the gateway at host.
func viaGateway(op kmsapi.Operation, host string, cause error) error {
	return &client.TransportError{Operation: op, Endpoint: host, Err: cause}
}

func TestCAOfADedicatedGatewayIsReadWhenConfigIsWritten(t *testing.T) {
	r, ca := newRig(t), newCA(t)
	r.saysCA(func() string { return ca })
	r.write("config", with(goodConfig(), body{"kms_instance_id": ourInstance}))
	require.Zero(t, r.kms.count(kmsapi.OpGetKmsInstance), "the shared gateway needs no CA")
	r.write("config", dedicatedConfig(nil))
	require.Equal(t, ca, r.read("config").Data["instance_ca_cert"])
	require.Equal(t, sharedHost, r.kms.at[kmsapi.OpGetKmsInstance])
	require.Equal(t, client.Instance{CACert: ca}, r.kms.opened[len(r.kms.opened)-1].Instances[ourInstance])
	r.write("config", body{"max_retries": 1})
	require.Equal(t, 1, r.kms.count(kmsapi.OpGetKmsInstance), "it is stored")
	r.write("config", body{"instance_ca_cert": ""})
	require.Equal(t, 2, r.kms.count(kmsapi.OpGetKmsInstance), "it is asked for again")
	r.write("config", body{"kms_instance_id": otherInstance, "secret_key": "good-secret"})
	require.Equal(t, 3, r.kms.count(kmsapi.OpGetKmsInstance), "it belongs to its instance")
}

func TestCAThatIsGivenIsNotAskedFor(t *testing.T) {
	r, ca := newRig(t), newCA(t)
	r.fails(kmsapi.OpGetKmsInstance, answered(kmsapi.ErrNoPermission))
	_, err := r.tryWrite("config", dedicatedConfig(nil))
	refused(t, err, 403, "GetKmsInstance", "shared with it", "instance_ca_cert")
	require.Nil(t, r.read("config"))
	r.write("config", dedicatedConfig(body{"instance_ca_cert": ca}))
	require.Equal(t, 1, r.kms.count(kmsapi.OpGetKmsInstance))
	r.fails(kmsapi.OpDecrypt, viaGateway(kmsapi.OpDecrypt, dedicatedHost, x509.UnknownAuthorityError{}))
	_, err = r.tryWrite("config", body{"max_retries": 1})
	refused(t, err, 502, "instance_ca_cert")
	require.Equal(t, false, r.read("health").Data["healthy"])
	require.Equal(t, 1, r.kms.count(kmsapi.OpGetKmsInstance), "what a caller gave is not replaced")
}

func TestConfigOfAnEarlierVersionUsesTheSharedGateway(t *testing.T) {
	r := newRig(t)
	require.NoError(t, r.storage.Put(t.Context(), &logical.StorageEntry{
		Key: "config", Value: []byte(`{"region":"cn-hangzhou","network":"public","access_key":"a","secret_key":"b","request_timeout":10}`),
	}))
	require.Equal(t, "shared", r.read("config").Data["gateway"])
	r.write("config", body{"max_retries": 1})
}

func TestInstanceWithoutACAIsRefused(t *testing.T) {
	r := newRig(t)
	r.saysCA(func() string { return "" })
	_, err := r.tryWrite("config", dedicatedConfig(nil))
	refused(t, err, 409, ourInstance, "Connected", "instance_ca_cert")
}

func TestBadInstanceIsRefusedBeforeKMSIsAsked(t *testing.T) {
	ca := newCA(t)
	for name, c := range map[string]struct {
		config map[string]any
		says   string
	}{
		"an unknown gateway":                 {dedicatedConfig(body{"gateway": "private"}), "shared or dedicated"},
		"a dedicated gateway of no instance": {dedicatedConfig(body{"kms_instance_id": ""}), "kms_instance_id"},
		"an instance id that makes another name": {
			dedicatedConfig(body{"kms_instance_id": "evil.example.com/"}), "kms_instance_id",
		},
		"an instance id that makes another host": {dedicatedConfig(body{"kms_instance_id": "a.oss"}), "kms_instance_id"},
		"a CA that is not PEM":                   {dedicatedConfig(body{"instance_ca_cert": "hello"}), "instance_ca_cert"},
		"plain HTTP": {
			dedicatedConfig(body{"instance_endpoint": "http://kms.example.com", "instance_ca_cert": ca}), "https",
		},
		"the environment's for another gateway": {
			with(environment(), body{
				"kms_instance_id": ourInstance, "gateway": "dedicated", "instance_ca_cert": ca,
				"instance_endpoint": "kms.example.com",
			}),
			"not for other servers",
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			_, err := r.tryWrite("config", c.config)
			refused(t, err, 400, c.says)
			require.Zero(t, r.kms.total())
			require.Nil(t, r.read("config"))
		})
	}
}

// A caller that may write config but does not know the secret must not receive requests signed with it.
func TestNewWayToAnInstanceNeedsTheSecretAgain(t *testing.T) {
	given, other := newCA(t), newCA(t)
	shared := with(goodConfig(), body{
		"kms_instance_id": ourInstance, "instance_endpoint": "kms.example.com", "instance_ca_cert": given,
	})
	dedicated := with(shared, body{"gateway": "dedicated", "instance_tls_server_name": "kms.example.com"})
	for name, c := range map[string]struct{ before, change map[string]any }{
		"the dedicated gateway":          {shared, body{"gateway": "dedicated"}},
		"the shared gateway":             {dedicated, body{"gateway": "shared"}},
		"another endpoint":               {dedicated, body{"instance_endpoint": "kms.attacker.example"}},
		"another endpoint, for later":    {shared, body{"instance_endpoint": "kms.attacker.example"}},
		"another server name":            {dedicated, body{"instance_tls_server_name": "kms.attacker.example"}},
		"another CA":                     {dedicated, body{"instance_ca_cert": other}},
		"another CA, for later":          {shared, body{"instance_ca_cert": other}},
		"the CA that KMS says":           {dedicated, body{"instance_ca_cert": ""}},
		"another instance":               {dedicated, body{"kms_instance_id": otherInstance}},
		"a CA other than the one of KMS": {dedicatedConfig(nil), body{"instance_ca_cert": other}},
		"another gateway and its own CA": {dedicatedConfig(nil), body{"instance_ca_cert": other, "instance_endpoint": "x"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.saysCA(func() string { return given })
			r.write("config", with(c.before, body{"security_token": "token", "verify": false}))
			before := r.read("config").Data
			for _, op := range []logical.Operation{logical.UpdateOperation, logical.PatchOperation} {
				_, err := r.try(op, "config", with(c.change, body{"verify": false}))
				refused(t, err, 400, "secret_key is required", "gateway", "instance_ca_cert")
			}
			require.Equal(t, before, r.read("config").Data)
			r.write("config", with(c.change, body{"secret_key": "good-secret", "verify": false}))
			stored, err := loadConfig(t.Context(), r.storage)
			require.NoError(t, err)
			require.True(t, stored.SecurityToken.IsEmpty())
		})
	}
}

func TestInstanceOfNewKeysIsSetWithoutTheSecret(t *testing.T) {
	r := newKeyRig(t)
	r.write("config", body{"kms_instance_id": ourInstance})
	require.Equal(t, ourInstance, r.read("config").Data["kms_instance_id"])
}

func TestConfigIsVerifiedOnBothGateways(t *testing.T) {
	dns := &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "kst"}}
	decrypt := func(cause error) error { return viaGateway(kmsapi.OpDecrypt, dedicatedHost, cause) }
	for name, c := range map[string]struct {
		op     kmsapi.Operation
		answer error
		// status is 0 if the configuration is accepted.
		status int
		says   []string
	}{
		"a dedicated gateway that knows no such key":  {op: kmsapi.OpDecrypt, answer: kmsapi.ErrKeyNotFound},
		"a dedicated gateway that finds the blob odd": {op: kmsapi.OpDecrypt, answer: kmsapi.ErrInvalidParameter},
		"a dedicated gateway that knows the caller":   {op: kmsapi.OpDecrypt, answer: kmsapi.ErrNoPermission},
		"a shared gateway that can't be reached": {
			kmsapi.OpDescribeRegions, viaGateway(kmsapi.OpDescribeRegions, sharedHost, errors.New("connection refused")),
			502,
			[]string{"the shared gateway", sharedHost, "verify=false"},
		},
		"a shared gateway that refuses": {
			kmsapi.OpDescribeRegions, kmsapi.ErrIncompleteSignature, 400, []string{"the shared gateway", "secret_key"},
		},
		"a dedicated gateway that refuses the secret": {
			kmsapi.OpDecrypt, kmsapi.ErrIncompleteSignature, 400, []string{"the dedicated gateway", "secret_key"},
		},
		"an image that is too old": {
			kmsapi.OpDecrypt, decrypt(client.ErrOldImage),
			502,
			[]string{"the dedicated gateway", dedicatedHost, "older than 3.0.0", "upgrade", "gateway=shared"},
		},
		"a host name that does not resolve": {
			kmsapi.OpDecrypt, decrypt(dns), 502, []string{"the dedicated gateway", "no such host", "VPC", "100.100.2.136"},
		},
		"an authority that is not trusted": {
			kmsapi.OpDecrypt, decrypt(x509.UnknownAuthorityError{}), 502, []string{"the dedicated gateway", "instance_ca_cert"},
		},
		"the gateway of another instance": {
			kmsapi.OpDecrypt, decrypt(x509.HostnameError{Certificate: &x509.Certificate{}, Host: "kst"}),
			502,
			[]string{"the dedicated gateway", "instance_tls_server_name"},
		},
		"an instance that throttles": {
			kmsapi.OpDecrypt, kmsapi.ErrThrottling, 429, []string{"the dedicated gateway", "specification"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			r.fails(c.op, c.answer)
			_, err := r.tryWrite("config", dedicatedConfig(body{"instance_ca_cert": newCA(t)}))
			if c.status == 0 {
				require.NoError(t, err)
				require.Equal(t, dedicatedHost, r.kms.at[kmsapi.OpDecrypt])
				require.Equal(t, sharedHost, r.kms.at[kmsapi.OpDescribeRegions])
				return
			}
			refused(t, err, c.status, c.says...)
			require.Nil(t, r.read("config"))
		})
	}
}

func TestGatewayThatDecryptsWhatNoKeyEncryptedIsRefused(t *testing.T) {
	r := newRig(t)
	r.kms.instead = func(q kmsapi.Request) (kmsapi.Response, error) {
		if q.Operation() == kmsapi.OpDecrypt {
			return &kmsapi.DecryptResponse{}, nil
		}
		return nil, nil
	}
	_, err := r.tryWrite("config", dedicatedConfig(body{"instance_ca_cert": newCA(t)}))
	refused(t, err, 502, "not a gateway of KMS")
}

func TestEndpointThatIsADedicatedGatewayIsExplained(t *testing.T) {
	r := newRig(t)
	r.fails(kmsapi.OpDescribeRegions, answered(kmsapi.ErrInvalidAPIName))
	_, err := r.tryWrite("config", with(goodConfig(), body{"endpoint": "kst-ours.cryptoservice.kms.aliyuncs.com"}))
	refused(t, err, 400, "InvalidApiName", "gateway=dedicated", "kms_instance_id")
}

// untrustedUntilRenewed makes the dedicated gateway untrusted with every CA but the newest.
func (r *rig) untrustedUntilRenewed(newest *string) {
	r.saysCA(func() string { return *newest })
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		r.kms.mu.Lock()
		defer r.kms.mu.Unlock()
		trusted := r.kms.opened[len(r.kms.opened)-1].Instances[ourInstance].CACert
		if q.Operation() == kmsapi.OpDecrypt && trusted != *newest {
			return viaGateway(kmsapi.OpDecrypt, dedicatedHost, x509.UnknownAuthorityError{})
		}
		return nil
	}
}

func TestWriteOfConfigReadsAReplacedCAOnce(t *testing.T) {
	r, ca := newRig(t), newCA(t)
	r.untrustedUntilRenewed(&ca)
	r.write("config", dedicatedConfig(nil))
	ca = newCA(t)
	r.write("config", body{"max_retries": 1})
	require.Equal(t, ca, r.read("config").Data["instance_ca_cert"])
	require.Equal(t, 2, r.kms.count(kmsapi.OpGetKmsInstance))
	r.fails(kmsapi.OpDecrypt, viaGateway(kmsapi.OpDecrypt, dedicatedHost, x509.UnknownAuthorityError{}))
	_, err := r.tryWrite("config", body{"max_retries": 2})
	refused(t, err, 502, "instance_ca_cert")
	require.Equal(t, 3, r.kms.count(kmsapi.OpGetKmsInstance), "once for a write")
}

func TestHealthReadsAReplacedCAOnceAndRequestsNever(t *testing.T) {
	r, ca := newRig(t), newCA(t)
	r.untrustedUntilRenewed(&ca)
	r.write("config", dedicatedConfig(nil))
	require.Equal(t, true, r.read("health").Data["healthy"])
	ca = newCA(t)
	entry := &keyEntry{storedCMK: storedCMK{KeyID: "key-1", Instance: ourInstance}, Region: "cn-hangzhou"}
	require.NoError(t, r.backend().storeKey(t.Context(), r.storage, "a", entry))
	for range 3 {
		_, err := r.tryWrite("decrypt/a", body{"ciphertext": "QUJD"})
		refused(t, err, 502, "the dedicated gateway", "instance_ca_cert")
	}
	require.Equal(t, 1, r.kms.count(kmsapi.OpGetKmsInstance))
	require.Equal(t, true, r.read("health").Data["healthy"])
	require.Equal(t, 2, r.kms.count(kmsapi.OpGetKmsInstance))
	require.Equal(t, ca, r.read("config").Data["instance_ca_cert"])
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": "QUJD"})
	refused(t, err, 400, "The ciphertext was altered")

	r.fails(kmsapi.OpDecrypt, viaGateway(kmsapi.OpDecrypt, dedicatedHost, x509.UnknownAuthorityError{}))
	for range 3 {
		require.Contains(t, r.read("health").Data["error"], "instance_ca_cert")
	}
	require.Equal(t, 3, r.kms.count(kmsapi.OpGetKmsInstance), "once until the configuration changes")
}

func TestNodeThatMayNotWriteDoesNotReadTheCA(t *testing.T) {
	r, ca := newRig(t), newCA(t)
	r.untrustedUntilRenewed(&ca)
	r.write("config", dedicatedConfig(nil))
	r.become(func(view *logical.StaticSystemView) { view.ReplicationStateVal = consts.ReplicationPerformanceStandby })
	before := ca
	ca = newCA(t)
	require.Contains(t, r.read("health").Data["error"], "on the active node")
	require.Equal(t, 1, r.kms.count(kmsapi.OpGetKmsInstance))
	require.Equal(t, before, r.read("config").Data["instance_ca_cert"])
}

func TestHealthSaysIfTheCACantBeReadAgain(t *testing.T) {
	r, ca := newRig(t), newCA(t)
	r.saysCA(func() string { return ca })
	r.write("config", dedicatedConfig(nil))
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		switch q.Operation() {
		case kmsapi.OpDecrypt:
			return viaGateway(kmsapi.OpDecrypt, dedicatedHost, x509.UnknownAuthorityError{})
		case kmsapi.OpGetKmsInstance:
			return answered(kmsapi.ErrNoPermission)
		default:
			return nil
		}
	}
	health := r.read("health").Data
	require.Contains(t, health["error"], "GetKmsInstance: KMS refused: Forbidden.NoPermission")
	require.Equal(t, true, health["gateways"].(map[string]any)["shared"].(map[string]any)["healthy"])
}

// GetKmsInstance may be called once a second in the whole account.
func TestTwoNodesReadTheCAInTurn(t *testing.T) {
	ca := newCA(t)
	synctest.Test(t, func(t *testing.T) {
		nodes := []*rig{newRig(t), newRig(t)}
		var mu sync.Mutex
		var last time.Time
		for _, r := range nodes {
			r.saysCA(func() string { return ca })
			r.kms.before = func(_ context.Context, q kmsapi.Request) error {
				mu.Lock()
				defer mu.Unlock()
				if q.Operation() != kmsapi.OpGetKmsInstance {
					return nil
				}
				if time.Since(last) < time.Second {
					return answered(kmsapi.ErrThrottling)
				}
				last = time.Now()
				return nil
			}
		}
		var group sync.WaitGroup
		for _, r := range nodes {
			group.Go(func() {
				_, err := r.tryWrite("config", dedicatedConfig(body{"verify": false}))
				require.NoError(t, err)
			})
		}
		group.Wait()
		for _, r := range nodes {
			require.Equal(t, ca, r.read("config").Data["instance_ca_cert"])
		}
	})
}
