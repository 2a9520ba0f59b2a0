package clients

import (
	"context"
	"crypto"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sigstore/sigstore/pkg/signature/kms"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

const sigstorePlugin = "sigstore-kms-alicloudkms"

// sigstorePlugins is the folder for the plugin that is under test. TestMain sets it.
var sigstorePlugins string

// buildSigstorePlugin builds the plugin, once.
var buildSigstorePlugin = sync.OnceValue(func() error {
	file := filepath.Join(sigstorePlugins, sigstorePlugin)
	return servers.Build(context.Background(), "../..", sigstorePlugin, file, version)
})

// knownRSA returns the key pair of every new RSA key of a KeySpec, since making one takes seconds, and nil for others.
func knownRSA(keySpec string) []byte {
	if !strings.HasPrefix(keySpec, "RSA_") {
		return nil
	}
	der, _ := os.ReadFile(filepath.Join("..", "..", "server", "internal", "asymmetric", "testdata",
		strings.ToLower(keySpec)+".pkcs8.der"))
	return der
}

// A desk is a place to sign with keys of a KMS service, whose access key is in the environment.
type desk struct {
	t     *testing.T
	kms   *kmstest.KMS
	admin *client.Client
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	return deskAt(t, kmstest.WithKeyPairs(t, knownRSA))
}

// deskAt puts the plugin on the PATH, and into the environment what it needs to call a service.
func deskAt(t *testing.T, service *kmstest.KMS) *desk {
	t.Helper()
	require.NoError(t, buildSigstorePlugin())
	admin, err := client.New(service.ClientConfig())
	require.NoError(t, err)
	t.Cleanup(admin.Close)
	for name, value := range map[string]string{
		"PATH":            sigstorePlugins + string(os.PathListSeparator) + os.Getenv("PATH"),
		"HOME":            t.TempDir(),
		"ALICLOUD_DOMAIN": service.Endpoint, "ALICLOUD_KMS_CA": service.CAFile,
		"ALICLOUD_ACCESS_KEY": service.AccessKeyID, "ALICLOUD_SECRET_KEY": service.AccessKeySecret.Reveal(),
	} {
		t.Setenv(name, value)
	}
	return &desk{t, service, admin}
}

// reference is how sigstore names a key of the service, with more after it.
func (d *desk) reference(key string, more ...string) string {
	named, query := "alicloudkms://"+d.kms.Region+"/"+key, url.Values{}
	for n := 0; n < len(more); n += 2 {
		query.Set(more[n], more[n+1])
	}
	if len(query) > 0 {
		named += "?" + query.Encode()
	}
	return named
}

// open is what cosign gets for `--key REFERENCE`.
func (d *desk) open(reference string) kms.SignerVerifier {
	d.t.Helper()
	sv, err := kms.Get(d.t.Context(), reference, crypto.SHA256)
	require.NoError(d.t, err)
	return sv
}

// newKey makes a key and returns its id.
func (d *desk) newKey(r kmsapi.CreateKeyRequest) string {
	d.t.Helper()
	made, err := d.admin.CreateKey(d.t.Context(), &r)
	require.NoError(d.t, err)
	return made.KeyMetadata.KeyId
}

// newPair makes a key pair on P-256 and returns its id.
func (d *desk) newPair() string {
	d.t.Helper()
	return d.newKey(kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecP256})
}

// versions are the versions of a key, the newest first.
func (d *desk) versions(key string) (ids []string) {
	d.t.Helper()
	answer, err := d.admin.ListKeyVersions(d.t.Context(), &kmsapi.ListKeyVersionsRequest{KeyId: key})
	require.NoError(d.t, err)
	for _, v := range answer.KeyVersions.KeyVersion {
		ids = append(ids, v.KeyVersionId)
	}
	return ids
}
