package clients

import (
	"context"
	"crypto"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/signature/kms"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

func TestThePluginSaysWhyAKeyDoesNotSign(t *testing.T) {
	d := newDesk(t)
	disabled, deleted := d.newPair(), d.newPair()
	_, err := d.admin.DisableKey(t.Context(), &kmsapi.DisableKeyRequest{KeyId: disabled})
	require.NoError(t, err)
	_, err = d.admin.ScheduleKeyDeletion(t.Context(), &kmsapi.ScheduleKeyDeletionRequest{
		KeyId: deleted, PendingWindowInDays: 7,
	})
	require.NoError(t, err)
	rsa := kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecRSA2048, KeyUsage: kmsapi.KeyUsageEncryptDecrypt}
	bitcoin := kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecP256K}
	for name, c := range map[string]struct{ reference, says string }{
		"an unknown id":        {d.reference("key-none"), "Forbidden.KeyNotFound"},
		"an unknown alias":     {d.reference("alias/none"), "cosign generate-key-pair --kms makes"},
		"an unknown version":   {d.reference(d.newPair(), "version", "none"), "the key has no such version"},
		"a key elsewhere":      {"alicloudkms://cn-shanghai/" + d.newPair(), "Forbidden.KeyNotFound"},
		"a disabled key":       {d.reference(disabled), "enable the key in KMS to sign with it"},
		"a deleted key":        {d.reference(deleted), "cancel that in KMS"},
		"a symmetric key":      {d.reference(d.newKey(kmsapi.CreateKeyRequest{})), "must be a key pair for SIGN/VERIFY"},
		"a decrypting key":     {d.reference(d.newKey(rsa)), "must be a key pair for SIGN/VERIFY"},
		"another algorithm":    {d.reference(d.newPair(), "algorithm", "rsa-sign-pss-2048-sha256"), "is EC_P256"},
		"a curve of Bitcoin":   {d.reference(d.newKey(bitcoin)), "sigstore has no algorithm"},
		"an ARN elsewhere":     {d.reference("acs:kms:cn-shanghai:1:key/x"), "the ARN is of a key in cn-shanghai"},
		"a misspelt name":      {d.reference(d.newPair(), "versoin", "x"), `did you mean "version"?`},
		"a misspelt algorithm": {d.reference(d.newPair(), "algorithm", "rsa-sign-pss-2048"), "did you mean"},
		"no key":               {"alicloudkms://cn-hangzhou", "REGION/KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.open(c.reference).SignMessage(strings.NewReader(message))
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestTheSignaturesOfADisabledKeyAreVerifiedWithoutKMSSigningAny(t *testing.T) {
	d := newDesk(t)
	key := d.newPair()
	sv := d.open(d.reference(key))
	sig := sign(t, sv)
	_, err := d.admin.DisableKey(t.Context(), &kmsapi.DisableKeyRequest{KeyId: key})
	require.NoError(t, err)
	require.NoError(t, verify(sv, sig, message))
	require.ErrorContains(t, verify(sv, sig, message, options.WithRemoteVerification(true)), "Rejected.Disabled")
}

func TestThePluginNamesThePermissionThatIsMissing(t *testing.T) {
	for _, c := range []struct {
		allowed []kmsapi.Operation
		missing string
	}{
		{nil, "kms:ListKeyVersions"},
		{[]kmsapi.Operation{kmsapi.OpListKeyVersions}, "kms:GetPublicKey"},
		{[]kmsapi.Operation{kmsapi.OpListKeyVersions, kmsapi.OpGetPublicKey}, "kms:AsymmetricSign"},
		{[]kmsapi.Operation{kmsapi.OpListKeyVersions, kmsapi.OpGetPublicKey, kmsapi.OpAsymmetricSign}, ""},
	} {
		t.Run(c.missing, func(t *testing.T) {
			d := newDesk(t)
			key := d.newPair()
			require.NoError(t, d.kms.Reload(kmstest.Allowing(append(c.allowed, kmsapi.OpDescribeRegions)...)))
			_, err := d.open(d.reference(key)).SignMessage(strings.NewReader(message))
			if c.missing == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, "Forbidden.NoPermission")
			require.ErrorContains(t, err, "the RAM identity needs "+c.missing)
		})
	}
}

func TestThePluginNeedsWhatTheDocsSayToMakeAKey(t *testing.T) {
	d := newDesk(t)
	actions := []kmsapi.Operation{
		kmsapi.OpDescribeKey, kmsapi.OpCreateKey, kmsapi.OpCreateAlias, kmsapi.OpListKeyVersions, kmsapi.OpGetPublicKey,
	}
	for left := range actions {
		require.NoError(t, d.kms.Reload(kmstest.Allowing(slices.Delete(slices.Clone(actions), left, left+1)...)))
		_, err := d.open(d.reference("alias/new")).CreateKey(t.Context(), "ecdsa-sha2-256-nistp256")
		require.ErrorContains(t, err, "the RAM identity needs "+actions[left].Actions()[0])
	}
	require.NoError(t, d.kms.Reload(kmstest.Allowing(actions...)))
	_, err := d.open(d.reference("alias/new")).CreateKey(t.Context(), "ecdsa-sha2-256-nistp256")
	require.NoError(t, err)
}

func TestThePluginSaysWhatIsMissingInTheEnvironment(t *testing.T) {
	d := newDesk(t)
	reference := d.reference(d.newPair())
	for name, c := range map[string]struct{ variable, value, says string }{
		"an access key":    {"ALICLOUD_ACCESS_KEY", "", "ALICLOUD_ACCESS_KEY"},
		"the right one":    {"ALICLOUD_ACCESS_KEY", "LTAInone", "check where the credentials come from"},
		"its secret":       {"ALICLOUD_SECRET_KEY", "", "secret"},
		"the right secret": {"ALICLOUD_SECRET_KEY", "wrong", "the secret does not belong to the access key"},
		"the authority":    {"ALICLOUD_KMS_CA", d.kms.Instance.CAFile, "set ALICLOUD_KMS_CA to the file"},
		"a gateway's name": {"ALICLOUD_KMS_GATEWAY", "canary", "must be shared or dedicated"},
		"an endpoint":      {"ALICLOUD_DOMAIN", "https://", "ALICLOUD_DOMAIN is not a host"},
		"a file of a CA":   {"ALICLOUD_KMS_CA", "none.pem", "ALICLOUD_KMS_CA: open none.pem"},
		"a KMS":            {"ALICLOUD_DOMAIN", "127.0.0.1:1", "no connection was made"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
			t.Setenv(c.variable, c.value)
			_, err := d.open(reference).SignMessage(strings.NewReader(message))
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestThePluginTrustsTheFileOfTheStandardVariableToo(t *testing.T) {
	d := newDesk(t)
	t.Setenv("ALICLOUD_KMS_CA", "")
	t.Setenv("SSL_CERT_FILE", d.kms.CAFile)
	sign(t, d.open(d.reference(d.newPair())))
}

// silent is the address of a server that answers nothing, and calls called at the first connection.
func silent(t *testing.T, called func()) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		if conn, err := listener.Accept(); err == nil {
			called()
			<-t.Context().Done()
			_ = conn.Close()
		}
	}()
	return listener.Addr().String()
}

func TestThePluginEndsWhenItsCallerGivesUp(t *testing.T) {
	d := newDesk(t)
	sv := d.open(d.reference(d.newPair()))
	ctx, cancel := context.WithCancel(t.Context())
	t.Setenv("ALICLOUD_DOMAIN", silent(t, cancel))
	t.Run("because it is cancelled", func(t *testing.T) {
		_, err := sv.SignMessage(strings.NewReader(message), options.WithContext(ctx))
		require.ErrorContains(t, err, "killed")
	})
	t.Run("because its time is over", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := sv.PublicKey(options.WithContext(ctx))
		require.Error(t, err, "it is killed, unless it was quicker to say that there was no time")
	})
	t.Run("before it begins", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := sv.CreateKey(ctx, sv.DefaultAlgorithm())
		require.ErrorIs(t, err, context.Canceled)
		_, err = kms.Get(ctx, d.reference("alias/x"), crypto.SHA256)
		require.ErrorIs(t, err, context.Canceled)
	})
}

// What the plugin writes to standard error is shown to the user, and what it answers is in the error.
func TestNoSecretIsInWhatThePluginSays(t *testing.T) {
	d := newDesk(t)
	log := filepath.Join(t.TempDir(), "stderr")
	file, err := os.Create(log)
	require.NoError(t, err)
	stderr := os.Stderr
	os.Stderr = file
	t.Cleanup(func() { os.Stderr = stderr })
	secret, said := d.kms.AccessKeySecret.Reveal(), []string{}
	attempt := func(reference string) {
		_, err := d.open(reference).SignMessage(strings.NewReader(message))
		if err != nil {
			said = append(said, err.Error())
		}
	}
	pair := d.reference(d.newPair())
	attempt(pair)
	attempt(d.reference("alias/none"))
	attempt(pair + "?version=" + secret + "%0a")
	t.Setenv("ALICLOUD_ACCESS_KEY", "LTAInone")
	attempt(pair)
	t.Setenv("ALICLOUD_ACCESS_KEY", d.kms.AccessKeyID)
	t.Setenv("ALICLOUD_SECRET_KEY", secret+"\n"+secret)
	attempt(pair)
	t.Setenv("ALICLOUD_SECRET_KEY", "x"+secret)
	attempt(pair)
	t.Setenv("ALICLOUD_DOMAIN", "http://user:"+secret+"@127.0.0.1")
	attempt(pair)
	require.NoError(t, file.Close())
	printed, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Len(t, said, 6)
	require.NotContains(t, strings.Join(said, "\n")+string(printed), secret)
}
