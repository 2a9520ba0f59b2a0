package seal

import (
	"testing"
	"time"

	"github.com/openbao/go-kms-wrapping/v2"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestNothingGoesToTheSharedGateway(t *testing.T) {
	r := newInstanceRig(t, nil)
	r.alias("alias/unseal", r.key)
	since := len(r.audit())
	w := r.wrapper(map[string]string{"kms_key_id": "alias/unseal"})
	require.Equal(t, r.key, r.current(w))
	r.opens(w, r.seal(w, "root key"), "root key")
	at := func(operation kmsapi.Operation) auditEntry { return auditEntry{string(operation), r.instance.ID} }
	require.Equal(t, []auditEntry{at(kmsapi.OpEncrypt), at(kmsapi.OpEncrypt), at(kmsapi.OpDecrypt)}, r.audit()[since:])
}

func TestTheDedicatedGatewayNeedsNoDescribeKey(t *testing.T) {
	r := newInstanceRig(t, nil)
	w := r.wrapper(r.allow("kms:Encrypt", "kms:Decrypt"))
	r.opens(w, r.seal(w, "root key"), "root key")
	_, err := r.try(r.allow("kms:Decrypt"))
	require.ErrorIs(t, err, kmsapi.ErrNoPermission)
	require.ErrorContains(t, err, "kms:Encrypt", "the server learns that at start")
}

func TestEachGatewayOpensWhatTheOtherSealed(t *testing.T) {
	internet := true
	r := newInstanceRig(t, func(c *server.Config) { c.Instances[0].InternetAccess = &internet })
	dedicated := r.wrapper(nil)
	shared := r.wrapper(map[string]string{
		"gateway": "", "kms_instance_id": "", "instance_endpoint": "", "domain": r.kms.Endpoint, "ca_cert": r.kms.CACert,
	})
	aad := wrapping.WithAad([]byte("a path"))
	r.opens(dedicated, r.seal(shared, "root key", aad), "root key", aad)
	r.opens(shared, r.seal(dedicated, "root key", aad), "root key", aad)
	require.Equal(t, r.current(shared), r.current(dedicated), "so that the server does not seal its keys again")
}

func TestTheSharedGatewayRefusesAnInstanceWithoutInternetAccess(t *testing.T) {
	r := newInstanceRig(t, nil)
	w := r.wrapper(map[string]string{
		"gateway": "shared", "kms_instance_id": "", "instance_endpoint": "", "domain": r.kms.Endpoint,
		"ca_cert": r.kms.CACert,
	})
	_, err := w.Encrypt(t.Context(), []byte("root key"))
	require.ErrorIs(t, err, kmsapi.ErrUnsupportedOperation)
	require.ErrorContains(t, err, `write gateway = "dedicated"`)
}

// Even if KMS knows a key, the gateway of another instance does not serve it.
func TestTheGatewayOfAnotherInstanceIsOfNoUse(t *testing.T) {
	r := newInstanceRig(t, func(c *server.Config) {
		require.NoError(t, kmstest.AddInstance(c, server.Instance{ID: "kst-other"}))
		require.NoError(t, kmstest.AddInstance(c, server.Instance{ID: "kst-old", Image: "2.5.0"}))
	})
	other := r.kms.InstanceCalled("kst-other")
	for name, tc := range map[string]struct{ id, endpoint, says string }{
		"its certificate":          {r.instance.ID, other.Endpoint, kmsapi.InstanceHost(r.instance.ID)},
		"its keys":                 {other.ID, other.Endpoint, "the KMS key must be in that instance"},
		"an image that is too old": {"kst-old", r.kms.InstanceCalled("kst-old").Endpoint, "older than 3.0.0"},
		"the shared gateway":       {r.instance.ID, r.kms.Endpoint, "check that and instance_endpoint"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.try(map[string]string{"kms_instance_id": tc.id, "instance_endpoint": tc.endpoint})
			require.ErrorContains(t, err, tc.says)
		})
	}
}

// Users that configured the dedicated gateway as domain learn what to write instead.
func TestTheDedicatedGatewayAsDomainIsExplained(t *testing.T) {
	r := newInstanceRig(t, nil)
	_, err := r.try(map[string]string{
		"gateway": "", "kms_instance_id": "", "instance_endpoint": "", "domain": r.instance.Endpoint,
		"tls_server_name": kmsapi.InstanceHost(r.instance.ID),
	})
	require.ErrorIs(t, err, kmsapi.ErrInvalidAPIName)
	require.ErrorContains(t, err, `write gateway = "dedicated"`)
}

func TestTheGatewaysCertificateIsRenewed(t *testing.T) {
	r := newInstanceRig(t, kmstest.LeafAlone)
	blob := r.seal(r.wrapper(nil), "root key")
	require.NoError(t, r.kms.RenewCertificate(r.instance.ID))
	r.opens(r.wrapper(nil), blob, "root key")

	require.NoError(t, r.kms.ReplaceInstanceCA())
	_, err := r.try(nil)
	require.ErrorContains(t, err, "ca_cert must be the CA certificate of the instance")
	r.opens(r.wrapper(map[string]string{"ca_cert": r.kms.InstanceCalled(r.instance.ID).CAFile}), blob, "root key")
}

func TestADeletedKeyOfAnInstanceIsExplained(t *testing.T) {
	r := newInstanceRig(t, nil)
	w := r.wrapper(nil)
	blob := r.seal(w, "root key")
	_, err := r.admin.ScheduleKeyDeletion(t.Context(), &kmsapi.ScheduleKeyDeletionRequest{
		KeyId: r.key, PendingWindowInDays: 7,
	})
	require.NoError(t, err)
	w = r.wrapper(nil)
	_, err = w.KeyId(t.Context())
	require.ErrorContains(t, err, "cancel that")
	r.kms.Advance(8 * 24 * time.Hour)
	require.NoError(t, r.kms.Sweep())
	_, err = w.Decrypt(t.Context(), blob)
	require.ErrorContains(t, err, "if it was deleted, what it sealed is lost")
}

func TestThePluginSealsOverADedicatedGateway(t *testing.T) {
	r := newInstanceRig(t, nil)
	r.alias("alias/unseal", r.key)
	h := newHost(r, map[string]string{"kms_key_id": "alias/unseal", "ca_cert": r.instance.CAFile})
	require.Equal(t, r.key, r.current(h.wrapper))
	local, aad := r.wrapper(nil), wrapping.WithAad([]byte("a path"))
	r.opens(local, r.seal(h.wrapper, "root key", aad), "root key", aad)
	r.opens(h.wrapper, r.seal(local, "root key", aad), "root key", aad)

	_, err := h.dispense(r.settings(map[string]string{"kms_instance_id": "kst-other"}))
	require.ErrorContains(t, err, kmsapi.InstanceHost("kst-other"))
	_, err = h.dispense(r.settings(map[string]string{"gateway": ""}))
	require.ErrorContains(t, err, `instance_endpoint is for gateway = "dedicated": write that too`)
	require.NoError(t, h.wrapper.Finalize(t.Context()))
}
