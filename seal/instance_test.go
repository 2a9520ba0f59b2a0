package seal

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/openbao/go-kms-wrapping/v2"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const (
	ours   = "kst-ours"
	others = "kst-others"
)

const encrypted = `{"RequestId":"r-1","KeyId":"key-hzz62f1cb66fa42qo7p3x","KeyVersionId":"v","CiphertextBlob":"blob"}`

func refusal(code kmsapi.Code) string {
	return fmt.Sprintf(`{"Code":%q,"Message":"It is so.","RequestId":"r-1"}`, code)
}

// dedicated returns settings of a seal that reaches KMS only over g.
func dedicated(g *scriptedGateway, ca *authority, changes map[string]string) map[string]string {
	settings := map[string]string{
		"gateway": "dedicated", "kms_instance_id": ours, "instance_endpoint": g.URL, "ca_cert": ca.pem(),
		"request_timeout": "1m",
	}
	for name, value := range changes {
		settings[name] = value
	}
	return configured(settings).WithConfigMap
}

func setConfig(t *testing.T, settings map[string]string) (*Wrapper, error) {
	t.Helper()
	w := new(Wrapper)
	_, err := w.SetConfig(t.Context(), wrapping.WithConfigMap(settings))
	t.Cleanup(func() { require.NoError(t, w.Finalize(t.Context())) })
	return w, err
}

func TestTheKeyIsTheOneThatEncryptsAtTheDedicatedGateway(t *testing.T) {
	ca := newAuthority(t)
	g := ca.gateway(t, ours, http.StatusOK, encrypted)
	w, err := setConfig(t, dedicated(g, ca, map[string]string{"kms_key_id": "alias/unseal"}))
	require.NoError(t, err)
	id, err := w.KeyId(t.Context())
	require.NoError(t, err)
	require.Equal(t, "key-hzz62f1cb66fa42qo7p3x", id)
	require.Equal(t, []string{"Encrypt"}, g.seen(), "and no DescribeKey")
}

// All customers of a region share the CA: only the host name distinguishes instances.
func TestTheGatewayOfAnotherInstanceIsRefused(t *testing.T) {
	ca := newAuthority(t)
	g := ca.gateway(t, others, http.StatusOK, encrypted)
	_, err := setConfig(t, dedicated(g, ca, nil))
	require.ErrorContains(t, err, kmsapi.InstanceHost(others))
	require.ErrorContains(t, err, "check that and instance_endpoint")
	require.Empty(t, g.seen(), "nothing is sent to it")
	_, err = setConfig(t, dedicated(g, ca, map[string]string{"tls_server_name": kmsapi.InstanceHost(others)}))
	require.NoError(t, err, "unless the configuration names it")
}

func TestFailuresOfTheDedicatedGatewayAreExplained(t *testing.T) {
	ca := newAuthority(t)
	old := "\x08\x90\x03\x12\x10MissingParameter\x1a\x48Parameter x-kms-acccesskeyid does not exist in http header or body."
	for name, tc := range map[string]struct {
		answer  string
		changes map[string]string
		says    []string
	}{
		"an image that is too old": {answer: old, says: []string{"older than 3.0.0", `until then, write gateway = "shared"`}},
		"another CA": {
			changes: map[string]string{"ca_cert": newAuthority(t).pem()}, says: []string{"unknown authority", "PrivateKmsCA"},
		},
		"a name that does not resolve": {
			changes: map[string]string{"instance_endpoint": "kst-ours.invalid", "request_timeout": "5s"},
			says:    []string{"associate this server's VPC"},
		},
		"a key of another instance": {
			answer: refusal(kmsapi.ErrKeyNotFound.Code), says: []string{"Forbidden.KeyNotFound", "kms_instance_id"},
		},
		"a key that does not encrypt": {
			answer: refusal(kmsapi.ErrUnsupportedOperation.Code), says: []string{"UnsupportedOperation", "not symmetric"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := ca.gateway(t, ours, http.StatusBadRequest, tc.answer)
			_, err := setConfig(t, dedicated(g, ca, tc.changes))
			for _, part := range tc.says {
				require.ErrorContains(t, err, part)
			}
			require.NotContains(t, err.Error(), "the config's secret")
		})
	}
}

func TestFailuresOfTheSharedGatewayNameTheDedicatedOne(t *testing.T) {
	for op, code := range map[kmsapi.Operation]kmsapi.Code{
		kmsapi.OpEncrypt: kmsapi.ErrUnsupportedOperation.Code, kmsapi.OpDecrypt: kmsapi.ErrUnsupportedOperation.Code,
		kmsapi.OpDescribeKey: kmsapi.ErrInvalidAPIName.Code,
	} {
		err := &Error{Operation: op, KeyID: "key", Err: &kmsapi.Error{Code: code, HTTPStatus: 400}}
		require.ErrorContains(t, err, `write gateway = "dedicated"`)
	}
}

// As over the shared gateway, the server starts, and stays sealed until the key is enabled.
func TestADisabledKeyOfAnInstanceDoesNotPreventAStart(t *testing.T) {
	ca := newAuthority(t)
	g := ca.gateway(t, ours, http.StatusConflict, refusal(kmsapi.ErrRejectedDisabled.Code))
	w, err := setConfig(t, dedicated(g, ca, nil))
	require.NoError(t, err)
	_, err = w.KeyId(t.Context())
	require.ErrorIs(t, err, kmsapi.ErrRejectedDisabled, "only KMS knows which key an alias names")
}

func TestSettingsOfGatewaysAreChecked(t *testing.T) {
	for name, tc := range map[string]struct {
		changes map[string]string
		says    string
	}{
		"another gateway": {map[string]string{"gateway": "canary"}, `gateway must be "shared" or "dedicated"`},
		"an instance without its gateway": {
			map[string]string{"kms_instance_id": ours}, `kms_instance_id is for gateway = "dedicated": write that too`,
		},
		"an instance's endpoint with the shared gateway": {
			map[string]string{"gateway": "shared", "instance_endpoint": "canary.example.com"},
			`instance_endpoint is for gateway = "dedicated"`,
		},
		"the shared gateway's endpoint with the dedicated one": {
			map[string]string{"gateway": "dedicated", "kms_instance_id": ours, "ca_cert": "x", "domain": "canary.example.com"},
			"domain is for gateway = \"shared\", and gateway is \"dedicated\": give the instance's endpoint as instance_endpoint",
		},
		"a dedicated gateway without an instance": {
			map[string]string{"gateway": "dedicated", "instance_endpoint": "canary.example.com"}, "needs kms_instance_id",
		},
		"a dedicated gateway without a CA": {
			map[string]string{"gateway": "dedicated", "kms_instance_id": ours}, "needs ca_cert",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := readConfig(configured(tc.changes))
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestTheDedicatedGatewayIsTheOnlyEndpoint(t *testing.T) {
	changes := map[string]string{
		"gateway": "dedicated", "kms_instance_id": ours, "ca_cert": "-----BEGIN CERTIFICATE-----", "region": "cn-shanghai",
	}
	c := read(t, configured(changes))
	require.Equal(t, kmsapi.InstanceHost(ours), c.client.Endpoint)
	require.Equal(t, kmsapi.InstanceHost(ours), c.client.TLSServerName)
	require.Equal(t, map[string]string{
		"region": "cn-shanghai", "kms_key_id": "key", "gateway": "dedicated", "kms_instance_id": ours,
		"instance_endpoint": kmsapi.InstanceHost(ours),
	}, c.metadata())

	changes["instance_endpoint"], changes["tls_server_name"] = "192.0.2.1:8443", "kms.example.com"
	c = read(t, configured(changes))
	require.Equal(t, "192.0.2.1:8443", c.client.Endpoint)
	require.Equal(t, "kms.example.com", c.client.TLSServerName)

	c = read(t, configured(map[string]string{"domain": "192.0.2.1", "tls_server_name": "kms.example.com"}))
	require.Equal(t, "192.0.2.1", c.client.Endpoint)
	require.Equal(t, "kms.example.com", c.client.TLSServerName)
	require.Empty(t, c.instance)
}

// A variable that is set for other programs does not contradict the configuration.
func TestTheEnvironmentAddsSettingsOfTheChosenGatewayOnly(t *testing.T) {
	setEnvironment(t)
	t.Setenv("ALICLOUD_KMS_INSTANCE_ID", ours)
	t.Setenv("ALICLOUD_KMS_INSTANCE_ENDPOINT", "192.0.2.1:8443")
	c := read(t, &wrapping.Options{})
	require.Equal(t, "env.example.com", c.client.Endpoint)
	require.Empty(t, c.instance)

	chosen := map[string]string{"gateway": "dedicated", "ca_cert": "-----BEGIN CERTIFICATE-----"}
	c = read(t, options(wrapping.WithConfigMap(chosen)))
	require.Equal(t, "192.0.2.1:8443", c.client.Endpoint)
	require.Equal(t, ours, c.instance)

	t.Setenv("ALICLOUD_KMS_GATEWAY", "dedicated")
	delete(chosen, "gateway")
	require.Equal(t, ours, read(t, options(wrapping.WithConfigMap(chosen))).instance)
	require.Equal(t, ours, read(t, options(wrapping.WithConfigMap(map[string]string{
		"ca_cert": "-----BEGIN CERTIFICATE-----", "kms_instance_id": ours,
	}))).instance)
}
