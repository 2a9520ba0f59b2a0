package alicloudkms

import (
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

// Here the gateways are real: the service listens for each, with a certificate chain like Alibaba Cloud's.

// newGatewayRig makes an engine as Vault does, on a service whose configuration is changed first. It returns the
// engine's configuration for the dedicated gateway of the service's instance.
func newGatewayRig(t *testing.T, change kmstest.Change) (*rig, *kmstest.KMS, map[string]any) {
	t.Helper()
	service := kmstest.Configured(t, change)
	return newEngine(t), service, with(realConfig(service), body{
		"kms_instance_id": service.Instance.ID, "gateway": "dedicated", "instance_endpoint": service.Instance.Endpoint,
	})
}

// A line passes connections on to a server until it is cut.
type line struct {
	listener net.Listener
	mu       sync.Mutex // guards open
	open     []net.Conn
}

func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", heldport.For(t)) // Nothing else listens there once it is cut.
	require.NoError(t, err)
	l := &line{listener: listener}
	t.Cleanup(l.cut)
	go l.accept(to)
	return l
}

func (l *line) accept(to string) {
	for {
		from, err := l.listener.Accept()
		if err != nil {
			return
		}
		there, err := net.Dial("tcp", to)
		if err != nil {
			_ = from.Close()
			continue
		}
		l.mu.Lock()
		l.open = append(l.open, from, there)
		l.mu.Unlock()
		go func() { _, _ = io.Copy(there, from) }()
		go func() { _, _ = io.Copy(from, there) }()
	}
}

func (l *line) address() string { return l.listener.Addr().String() }

func (l *line) cut() {
	_ = l.listener.Close()
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.open {
		_ = c.Close()
	}
}

func TestMainJobOverADedicatedGateway(t *testing.T) {
	r, service, config := newGatewayRig(t, kmstest.AsItIs)
	runMainJob(r, config, service.Restart)
	require.Equal(t, service.Instance.CACert, r.read("config").Data["instance_ca_cert"])
	require.Equal(t, service.Instance.ID, r.read("keys/a").Data["kms_instance_id"])
	require.Regexp(t, "^key-dev.{18}$", r.keyID("a"))
}

func TestKeysOfAnInstanceAreUsedWhileTheSharedGatewayIsCutOff(t *testing.T) {
	r, service, config := newGatewayRig(t, kmstest.AsItIs)
	shared := newLine(t, service.Endpoint)
	r.write("config", with(config, body{"endpoint": shared.address()}))
	r.write("keys/a", nil)
	ciphertext := r.encrypt("a", hello)
	shared.cut()
	r.b = newEngine(t).b // A restarted engine knows only what is stored.
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": ciphertext}).Data["plaintext"])
	r.write("datakey/plaintext/a", nil)
	r.write("rewrap/a", body{"batch_input": []any{body{"ciphertext": r.encrypt("a", hello)}}})
	for _, path := range []string{"keys/b", "keys/a/disable"} {
		_, err := r.tryWrite(path, nil)
		refused(t, err, 502, "the shared gateway", shared.address(), "use only the dedicated gateway")
	}
	health := r.read("health").Data
	require.Equal(t, false, health["healthy"])
	require.Equal(t, true, health["gateways"].(map[string]any)["dedicated"].(map[string]any)["healthy"])
	_, err := r.tryWrite("config", body{"max_retries": 1})
	refused(t, err, 502, "the shared gateway", "verify=false")
	r.write("config", body{"max_retries": 1, "verify": false})
	r.encrypt("a", hello)
	_, err = r.tryWrite("config", body{"instance_ca_cert": "", "verify": false})
	refused(t, err, 502, "GetKmsInstance", shared.address(), "give instance_ca_cert")
	r.encrypt("a", hello)
}

func TestGatewayOfAnotherInstanceIsRefused(t *testing.T) {
	r, service, config := newGatewayRig(t, kmstest.WithSoftwareInstance("kst-other"))
	other := service.InstanceCalled("kst-other")
	require.Equal(t, service.Instance.CACert, other.CACert, "one CA for all customers of a region")
	_, err := r.tryWrite("config", with(config, body{"instance_endpoint": other.Endpoint}))
	refused(t, err, 502, "the dedicated gateway", other.Endpoint, "instance_tls_server_name")
	require.Nil(t, r.read("config"))
	r.write("config", with(config, body{"instance_endpoint": other.Endpoint, "verify": false}))
	r.write("keys/a", nil)
	_, err = r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 502, "The certificate is for another name")
}

func TestDedicatedGatewayUnderAnotherName(t *testing.T) {
	r, _, config := newGatewayRig(t, kmstest.AsItIs)
	_, err := r.tryWrite("config", with(config, body{"instance_tls_server_name": "kms.example.com"}))
	refused(t, err, 502, "instance_tls_server_name")
	r.write("config", with(config, body{"instance_tls_server_name": "127.0.0.1"}))
}

func TestWriteOfConfigWithAnotherCAOrGatewayNeedsTheSecret(t *testing.T) {
	r, service, config := newGatewayRig(t, kmstest.WithSoftwareInstance("kst-other"))
	r.write("config", config)
	before := r.read("config").Data
	for _, change := range []map[string]any{
		{"instance_ca_cert": service.CACert},
		{"instance_endpoint": service.InstanceCalled("kst-other").Endpoint},
		{"kms_instance_id": "kst-other"},
		{"gateway": "shared"},
	} {
		_, err := r.tryWrite("config", with(change, body{"verify": false}))
		refused(t, err, 400, "secret_key is required")
	}
	require.Equal(t, before, r.read("config").Data)
}

func TestEveryFormOfTheCAIsTrusted(t *testing.T) {
	for name, change := range map[string]kmstest.Change{
		"the whole chain": kmstest.AsItIs, "the leaf alone": kmstest.LeafAlone,
	} {
		t.Run(name, func(t *testing.T) {
			r, service, config := newGatewayRig(t, change)
			r.write("config", with(config, body{"instance_ca_cert": service.Instance.CACert}))
			r.write("keys/a", nil)
			r.encrypt("a", hello)
		})
	}
}

func TestCertificateIsRenewedUnderLoad(t *testing.T) {
	r, service, config := newGatewayRig(t, kmstest.OneInstanceCallASecond)
	r.write("config", with(config, body{"instance_ca_cert": service.Instance.CACert}))
	r.write("keys/a", nil)
	var done atomic.Bool
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for !done.Load() {
				if _, err := r.tryWrite("encrypt/a", body{"plaintext": hello}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	for range 5 {
		require.NoError(t, service.RenewCertificate(service.Instance.ID))
		r.b.InvalidateKey(t.Context(), "config") // New connections see the new certificate.
		r.encrypt("a", hello)
	}
	done.Store(true)
	group.Wait()
}

func TestRenewedCertificateCostsNothingAndAReplacedCAIsReadOnce(t *testing.T) {
	r, service, config := newGatewayRig(t, kmstest.AsItIs)
	r.write("config", config)
	r.write("keys/a", nil)
	ciphertext := r.encrypt("a", hello)
	require.NoError(t, service.RenewCertificate(service.Instance.ID))
	reconnect := func() { r.b.InvalidateKey(t.Context(), "config") }
	reconnect()
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": ciphertext}).Data["plaintext"])
	require.Equal(t, service.Instance.CACert, r.read("config").Data["instance_ca_cert"])

	require.NoError(t, service.ReplaceInstanceCA())
	reconnect()
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
	refused(t, err, 502, "instance_ca_cert", "health")
	require.Equal(t, true, r.read("health").Data["healthy"])
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": ciphertext}).Data["plaintext"])
	require.Equal(t, service.InstanceCalled(service.Instance.ID).CACert, r.read("config").Data["instance_ca_cert"])
}

func TestInternetAccessThatIsOff(t *testing.T) {
	r, service, config := newGatewayRig(t, kmstest.NoInternetAccess)
	r.write("config", with(config, body{"gateway": "shared"}))
	r.write("keys/a", nil)
	_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 400, "UnsupportedOperation", "Internet access", "gateway=dedicated")
	r.write("config", body{"gateway": "dedicated", "secret_key": service.AccessKeySecret.Reveal()})
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": r.encrypt("a", hello)}).Data["plaintext"])
}

func TestImageThatIsTooOld(t *testing.T) {
	r, _, config := newGatewayRig(t, kmstest.OldImage)
	_, err := r.tryWrite("config", config)
	refused(t, err, 502, "the dedicated gateway", "older than 3.0.0", "upgrade", "gateway=shared")
	r.write("config", with(config, body{"gateway": "shared"}))
	r.write("keys/a", nil)
	r.encrypt("a", hello)
}

func TestDefaultKeyIsExplained(t *testing.T) {
	r, service, config := newGatewayRig(t, kmstest.StrictDefaultKeys)
	r.write("config", with(config, body{"kms_instance_id": "", "gateway": "shared"}))
	r.write("keys/default", nil)
	_, err := r.tryWrite("encrypt/default", body{"plaintext": hello})
	refused(t, err, 400, "UnsupportedOperation", "default key", "vault write kms/config kms_instance_id")
	_, err = r.tryWrite("keys/a", nil)
	refused(t, err, 400, "Rejected.LimitExceeded", "vault write kms/config kms_instance_id", "instance_id")
	r.write("config", body{"kms_instance_id": service.Instance.ID})
	r.write("keys/a", nil)
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": r.encrypt("a", hello)}).Data["plaintext"])
}

func TestKeyIsRegisteredByItsARN(t *testing.T) {
	r, _, config := newGatewayRig(t, kmstest.AsItIs)
	r.write("config", config)
	made := r.write("keys/a", nil).Data
	ciphertext := r.encrypt("a", hello)
	r.write("keys/b/register", body{"key_id": made["arn"]})
	require.Equal(t, made["key_id"], r.keyID("b"))
	require.Equal(t, hello, r.write("decrypt/b", body{"ciphertext": ciphertext}).Data["plaintext"])
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": r.encrypt("b", hello)}).Data["plaintext"])
	r.write("keys/b/disable", nil)
	r.write("keys/b/enable", nil)
	r.write("keys/b/tags", body{"tags": "team=hr"})
	require.Equal(t, map[string]string{"team": "hr"}, r.read("keys/b").Data["tags"])
	r.write("aliases/payroll", body{"key": "b"})
	require.Len(t, r.list("aliases", body{"key": "b"}).Data["keys"], 1)
}

func TestEndpointThatIsADedicatedGatewayIsRefused(t *testing.T) {
	r, service, config := newGatewayRig(t, kmstest.AsItIs)
	_, err := r.tryWrite("config", with(config, body{
		"gateway": "shared", "endpoint": service.Instance.Endpoint, "ca_cert": service.Instance.CACert,
	}))
	refused(t, err, 400, "InvalidApiName", "gateway=dedicated")
}

func TestKeysOfHardwareAndOfAnotherInstance(t *testing.T) {
	r, _, config := newGatewayRig(t, kmstest.WithHardwareInstance("kst-hsm"))
	r.write("config", config)
	made := r.write("keys/a", body{"instance_id": "kst-hsm"})
	require.Equal(t, "HSM", made.Data["protection_level"])
	require.Equal(t, "kst-hsm", made.Data["kms_instance_id"])
	ciphertext := r.encrypt("a", hello)
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": ciphertext}).Data["plaintext"])
	_, err := r.tryWrite("keys/b", body{"instance_id": "kst-nobody"})
	refused(t, err, 403, "Forbidden.DKMSInstanceNotFound", "instance_id")
}

func TestDefaultInstanceOfAnAccount(t *testing.T) {
	r, service, config := newGatewayRig(t, kmstest.DefaultInstance)
	r.write("config", with(config, body{"kms_instance_id": "", "gateway": "shared"}))
	require.Equal(t, service.Instance.ID, r.write("keys/a", nil).Data["kms_instance_id"])
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": r.encrypt("a", hello)}).Data["plaintext"])
}

func TestMaterialIsImportedIntoAKeyOfAnInstance(t *testing.T) {
	r, _, config := newGatewayRig(t, kmstest.WithHardwareInstance("kst-hsm"))
	r.write("config", config)
	r.write("keys/a/import", with(r.wrapped(ourMaterial), body{"instance_id": "kst-hsm"}))
	require.Equal(t, "kst-hsm", r.read("keys/a").Data["kms_instance_id"])
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": r.encrypt("a", hello)}).Data["plaintext"])
	r.remove("keys/a/material", nil)
	_, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
	refused(t, err, 409)
}

// A principal that an instance is shared with may not call GetKmsInstance.
func TestPrincipalOfASharedInstanceNeedsTheCAOnly(t *testing.T) {
	r, service, config := newGatewayRig(t, kmstest.Allowing(
		kmsapi.OpCreateKey, kmsapi.OpDescribeKey, kmsapi.OpDescribeRegions, kmsapi.OpListResourceTags,
		kmsapi.OpEncrypt, kmsapi.OpDecrypt))
	_, err := r.tryWrite("config", config)
	refused(t, err, 403, "GetKmsInstance", "instance_ca_cert")
	r.write("config", with(config, body{"instance_ca_cert": service.Instance.CACert}))
	r.write("keys/a", nil)
	require.Equal(t, hello, r.write("decrypt/a", body{"ciphertext": r.encrypt("a", hello)}).Data["plaintext"])
}

// The service serves one GetKmsInstance a second, as KMS does.
func TestTwoNodesConfigureADedicatedGatewayAtOnce(t *testing.T) {
	first, _, config := newGatewayRig(t, kmstest.OneInstanceCallASecond)
	second := newEngine(t)
	var group sync.WaitGroup
	for _, node := range []*rig{first, second} {
		group.Go(func() {
			_, err := node.tryWrite("config", config)
			require.NoError(t, err)
		})
	}
	group.Wait()
	require.Equal(t, first.read("config").Data, second.read("config").Data)
}
