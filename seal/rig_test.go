package seal

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"testing"

	"github.com/openbao/go-kms-wrapping/v2"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// A rig is a KMS service with a CMK for the seal, and a client that may do everything.
type rig struct {
	t     *testing.T
	kms   *kmstest.KMS
	admin *client.Client
	// instance is the KMS instance that the CMKs are in; the seal may use only its dedicated gateway. The zero value
	// means CMKs of no instance and the shared gateway.
	instance kmstest.Instance
	key      string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	kms := kmstest.New(t)
	return rigOf(t, kms, kmstest.Instance{})
}

// newInstanceRig is newRig with a KMS instance without Internet access. change, which may be nil, adapts its service.
func newInstanceRig(t *testing.T, change func(*server.Config)) *rig {
	t.Helper()
	kms := kmstest.Configured(t, func(c *server.Config) {
		c.Instances[0].InternetAccess = new(bool)
		if change != nil {
			change(c)
		}
	})
	return rigOf(t, kms, kms.Instance)
}

func rigOf(t *testing.T, kms *kmstest.KMS, instance kmstest.Instance) *rig {
	t.Helper()
	r := &rig{t: t, kms: kms, instance: instance}
	shared, err := client.New(r.kms.ClientConfig())
	require.NoError(t, err)
	t.Cleanup(shared.Close)
	r.admin = shared.Instance(instance.ID)
	r.key = r.newKey()
	return r
}

// overBothGateways runs test with CMKs of no instance, and with a dedicated gateway.
func overBothGateways(t *testing.T, test func(*testing.T, *rig)) {
	t.Helper()
	t.Run("shared", func(t *testing.T) { test(t, newRig(t)) })
	t.Run("dedicated", func(t *testing.T) { test(t, newInstanceRig(t, nil)) })
}

func (r *rig) newKey() string {
	r.t.Helper()
	made, err := r.admin.CreateKey(r.t.Context(), &kmsapi.CreateKeyRequest{DKMSInstanceId: r.instance.ID})
	require.NoError(r.t, err)
	return made.KeyMetadata.KeyId
}

// alias creates the alias, or changes it, to point to key.
func (r *rig) alias(name, key string) {
	r.t.Helper()
	_, err := r.admin.CreateAlias(r.t.Context(), &kmsapi.CreateAliasRequest{AliasName: name, KeyId: key})
	if err != nil {
		_, err = r.admin.UpdateAlias(r.t.Context(), &kmsapi.UpdateAliasRequest{AliasName: name, KeyId: key})
	}
	require.NoError(r.t, err)
}

func (r *rig) disable(key string) {
	r.t.Helper()
	_, err := r.admin.DisableKey(r.t.Context(), &kmsapi.DisableKeyRequest{KeyId: key})
	require.NoError(r.t, err)
}

func (r *rig) enable(key string) {
	r.t.Helper()
	_, err := r.admin.EnableKey(r.t.Context(), &kmsapi.EnableKeyRequest{KeyId: key})
	require.NoError(r.t, err)
}

// settings returns a whole configuration with changes. Settings that become empty are left out.
func (r *rig) settings(changes map[string]string) map[string]string {
	all := map[string]string{
		"kms_key_id": r.key, "region": r.kms.Region, "access_key": r.kms.AccessKeyID,
		"secret_key": r.kms.AccessKeySecret.Reveal(),
	}
	maps.Copy(all, r.gateway())
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// gateway returns the settings that name KMS. With an instance, they don't name the shared gateway, so nothing can
// reach it.
func (r *rig) gateway() map[string]string {
	if r.instance.ID == "" {
		return map[string]string{"domain": r.kms.Endpoint, "ca_cert": r.kms.CACert}
	}
	return map[string]string{
		"gateway": "dedicated", "kms_instance_id": r.instance.ID, "instance_endpoint": r.instance.Endpoint,
		"ca_cert": r.instance.CACert,
	}
}

// try returns a wrapper configured with the rig's settings and changes.
func (r *rig) try(changes map[string]string) (*Wrapper, error) {
	w := &Wrapper{Clock: r.kms.Now}
	_, err := w.SetConfig(r.t.Context(), wrapping.WithConfigMap(r.settings(changes)))
	return w, err
}

func (r *rig) wrapper(changes map[string]string) *Wrapper {
	r.t.Helper()
	w, err := r.try(changes)
	require.NoError(r.t, err)
	r.t.Cleanup(func() { require.NoError(r.t, w.Finalize(r.t.Context())) })
	return w
}

// seal has w seal plaintext.
func (r *rig) seal(w wrapping.Wrapper, plaintext string, options ...wrapping.Option) *wrapping.BlobInfo {
	r.t.Helper()
	blob, err := w.Encrypt(r.t.Context(), []byte(plaintext), options...)
	require.NoError(r.t, err)
	return blob
}

// opens expects w to find plaintext in blob.
func (r *rig) opens(w wrapping.Wrapper, blob *wrapping.BlobInfo, plaintext string, options ...wrapping.Option) {
	r.t.Helper()
	opened, err := w.Decrypt(r.t.Context(), blob, options...)
	require.NoError(r.t, err)
	require.Equal(r.t, plaintext, string(opened))
}

// current returns the key id that w reports.
func (r *rig) current(w wrapping.Wrapper) string {
	r.t.Helper()
	id, err := w.KeyId(r.t.Context())
	require.NoError(r.t, err)
	return id
}

// audited returns the operations that the service has received, without the first since.
func (r *rig) audited(since int) (operations []string) {
	for _, entry := range r.audit()[since:] {
		operations = append(operations, entry.Operation)
	}
	return operations
}

// An auditEntry is an operation and the gateway that received it.
type auditEntry struct{ Operation, Gateway string }

func (r *rig) audit() (entries []auditEntry) {
	r.t.Helper()
	audit, err := os.ReadFile(r.kms.Config().Audit.File)
	require.NoError(r.t, err)
	for line := range bytes.Lines(audit) {
		var entry auditEntry
		require.NoError(r.t, json.Unmarshal(line, &entry))
		entries = append(entries, entry)
	}
	return entries
}

// allow gives the service another access key, with permission for these actions only, and returns settings that use it.
func (r *rig) allow(actions ...string) map[string]string {
	r.t.Helper()
	const id, secret = "LTAIseal", "canary-secret-of-the-seal"
	require.NoError(r.t, r.kms.Reload(func(c *server.Config) {
		allowed := []server.Allow{{Actions: actions, Resources: []string{"acs:kms:*:*:key/" + r.key}}}
		limited := server.AccessKey{ID: id, Secret: secret, Allow: allowed}
		c.Accounts[0].AccessKeys = append(c.Accounts[0].AccessKeys[:1:1], limited)
	}))
	return map[string]string{"access_key": id, "secret_key": secret}
}
