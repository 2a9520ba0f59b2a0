package alicloudkms

import (
	"testing"

	"github.com/stretchr/testify/require"

	// The engine of these tests signs data with SM2 keys, as the plugin does.
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm3"
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/sm"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/sm2key"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// newSMRig makes a configured engine on a service with SM algorithms.
func newSMRig(t *testing.T) *rig {
	t.Helper()
	r := newRigOn(t, watching(func() *kmstest.KMS {
		return kmstest.Configured(t, func(c *server.Config) { c.SM = true })
	}))
	r.write("config", goodConfig())
	return r
}

// withoutSM restarts the service with another configuration.
func (r *rig) withoutSM() {
	r.t.Helper()
	require.NoError(r.t, r.kms.service().Reload(func(c *server.Config) { c.SM = false })) // The change needs a restart.
	r.kms.service().Restart()
}

// pairOnSM2 imports a key pair made by OpenSSL into a new key.
func (r *rig) pairOnSM2(name string, fields body) {
	r.t.Helper()
	r.makeKey(name, with(body{"key_spec": kmsapi.KeySpecSM2, "origin": "EXTERNAL"}, fields))
	r.write("keys/"+name+"/import", r.unopened(name, kmsapi.WrapSM2KeyPair, ofOpenSSL(r.t, "sm2.pkcs8.der")))
}

// wrapWithSM2 encrypts material with an SM2 public key of KMS.
func wrapWithSM2(t *testing.T, algorithm string, der, material []byte) string {
	t.Helper()
	public, err := sm2key.ParsePublic(der)
	require.NoError(t, err)
	if algorithm == kmsapi.WrapSM2PKE {
		wrapped, err := public.Encrypt(material)
		require.NoError(t, err)
		return b64(wrapped)
	}
	private, err := sm2key.ParsePrivate(material)
	require.NoError(t, err)
	wrapped, err := public.WrapPrivateKey(private.Scalar())
	require.NoError(t, err)
	return b64(wrapped)
}

// publicOnSM2 returns the public key of a version.
func (r *rig) publicOnSM2(name, version string) *sm2key.PublicKey {
	r.t.Helper()
	shown := r.read("export/public-key/" + name + "/" + version).Data["keys"].(map[string]any)
	require.Len(r.t, shown, 1)
	public, err := sm2key.ParsePublic(derOfPEM(r.t, shown[version].(string)))
	require.NoError(r.t, err)
	return public
}
