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

// A rig is a KMS service with a CMK to seal with, and a client that may do everything.
type rig struct {
	t     *testing.T
	kms   *kmstest.KMS
	admin *client.Client
	key   string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	r := &rig{t: t, kms: kmstest.New(t)}
	var err error
	r.admin, err = client.New(client.Config{
		Endpoint: r.kms.Endpoint, CACert: r.kms.CACert, Region: r.kms.Region, Clock: r.kms.Now,
		Credentials: client.Static{AccessKeyID: r.kms.AccessKeyID, AccessKeySecret: r.kms.AccessKeySecret},
	})
	require.NoError(t, err)
	t.Cleanup(r.admin.Close)
	r.key = r.newKey()
	return r
}

func (r *rig) newKey() string {
	r.t.Helper()
	made, err := r.admin.CreateKey(r.t.Context(), &kmsapi.CreateKeyRequest{})
	require.NoError(r.t, err)
	return made.KeyMetadata.KeyId
}

// alias names key, from now on.
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

// settings are a whole configuration, changed. Those that become empty are left out.
func (r *rig) settings(changes map[string]string) map[string]string {
	all := map[string]string{
		"kms_key_id": r.key, "region": r.kms.Region, "domain": r.kms.Endpoint, "ca_cert": r.kms.CACert,
		"access_key": r.kms.AccessKeyID, "secret_key": r.kms.AccessKeySecret.Reveal(),
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_, value string) bool { return value == "" })
	return all
}

// try makes a wrapper that is configured with the rig's settings, changed.
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

// seal lets w seal a text.
func (r *rig) seal(w wrapping.Wrapper, text string, options ...wrapping.Option) *wrapping.BlobInfo {
	r.t.Helper()
	blob, err := w.Encrypt(r.t.Context(), []byte(text), options...)
	require.NoError(r.t, err)
	return blob
}

// opens wants w to find text in blob.
func (r *rig) opens(w wrapping.Wrapper, blob *wrapping.BlobInfo, text string, options ...wrapping.Option) {
	r.t.Helper()
	opened, err := w.Decrypt(r.t.Context(), blob, options...)
	require.NoError(r.t, err)
	require.Equal(r.t, text, string(opened))
}

// current is the key id that w tells.
func (r *rig) current(w wrapping.Wrapper) string {
	r.t.Helper()
	id, err := w.KeyId(r.t.Context())
	require.NoError(r.t, err)
	return id
}

// audited are the operations that the service has been asked for, from the one numbered since.
func (r *rig) audited(since int) []string {
	r.t.Helper()
	text, err := os.ReadFile(r.kms.Config().Audit.File)
	require.NoError(r.t, err)
	var operations []string
	for line := range bytes.Lines(text) {
		var entry struct {
			Operation string `json:"operation"`
		}
		require.NoError(r.t, json.Unmarshal(line, &entry))
		operations = append(operations, entry.Operation)
	}
	return operations[since:]
}

// allow gives the service another access key, which may do these operations only, and returns settings that use it.
func (r *rig) allow(actions ...string) map[string]string {
	r.t.Helper()
	const id, secret = "LTAIseal", "canary-secret-of-the-seal"
	require.NoError(r.t, r.kms.Reload(func(c *server.Config) {
		allowed := []server.Allow{{Actions: actions, Resources: []string{"acs:kms:*:*:key/" + r.key}}}
		c.Accounts[0].AccessKeys = append(c.Accounts[0].AccessKeys[:1:1], server.AccessKey{ID: id, Secret: secret, Allow: allowed})
	}))
	return map[string]string{"access_key": id, "secret_key": secret}
}
