package clients

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

func (d *desk) countKeys() int {
	d.t.Helper()
	answer, err := d.admin.ListKeys(d.t.Context(), &kmsapi.ListKeysRequest{})
	require.NoError(d.t, err)
	return answer.TotalCount
}

func TestThePluginMakesAKeyOnce(t *testing.T) {
	d := newDesk(t)
	sv := d.open(d.reference("alias/release"))
	first, err := sv.CreateKey(t.Context(), sv.DefaultAlgorithm())
	require.NoError(t, err)
	again, err := sv.CreateKey(t.Context(), sv.DefaultAlgorithm())
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, 1, d.countKeys())
	described, err := d.admin.DescribeKey(t.Context(), &kmsapi.DescribeKeyRequest{KeyId: "alias/release"})
	require.NoError(t, err)
	require.Equal(t, kmsapi.KeyUsageSignVerify, described.KeyMetadata.KeyUsage)
	require.Contains(t, described.KeyMetadata.Description, "alias/release")
}

func TestThePluginMakesNoKeyThatIsNotTheOneMeant(t *testing.T) {
	d := newDesk(t)
	for alias, r := range map[string]kmsapi.CreateKeyRequest{
		"alias/symmetric": {}, "alias/rsa": {KeySpec: kmsapi.KeySpecRSA2048},
		"alias/decrypts": {KeySpec: kmsapi.KeySpecRSA2048, KeyUsage: kmsapi.KeyUsageEncryptDecrypt},
		"alias/disabled": {KeySpec: kmsapi.KeySpecP256},
	} {
		id := d.newKey(r)
		_, err := d.admin.CreateAlias(t.Context(), &kmsapi.CreateAliasRequest{AliasName: alias, KeyId: id})
		require.NoError(t, err)
		if alias == "alias/disabled" {
			_, err = d.admin.DisableKey(t.Context(), &kmsapi.DisableKeyRequest{KeyId: id})
			require.NoError(t, err)
		}
	}
	before := d.countKeys()
	const p256, pkcs1, pss = "ecdsa-sha2-256-nistp256", "rsa-sign-pkcs1-2048-sha256", "rsa-sign-pss-2048-sha256"
	for name, c := range map[string]struct{ reference, algorithm, says string }{
		"no alias":                      {d.reference("release"), p256, "a new key needs an alias"},
		"a version":                     {d.reference("alias/new", "version", "v"), p256, "leave ?version out"},
		"an algorithm that KMS lacks":   {d.reference("alias/new"), "ed25519", "KMS has no keys of the algorithm"},
		"two algorithms":                {d.reference("alias/new", "algorithm", pkcs1), p256, "was requested"},
		"PSS that would be forgotten":   {d.reference("alias/new"), pss, "without ?algorithm=" + pss},
		"a symmetric key of that name":  {d.reference("alias/symmetric"), p256, "of the key_spec Aliyun_AES_256"},
		"an RSA key of that name":       {d.reference("alias/rsa"), p256, "needs EC_P256"},
		"a decrypting key of that name": {d.reference("alias/decrypts"), pkcs1, "which is for ENCRYPT/DECRYPT"},
		"a disabled key of that name":   {d.reference("alias/disabled"), p256, "whose state is Disabled"},
		"a key in another KMS instance": {d.reference("alias/rsa", "instance", "kst-dev"), pkcs1, "not in the KMS"},
		"an instance that is unknown":   {d.reference("alias/new", "instance", "kst-none"), p256, "check ?instance"},
		"an alias of Alibaba Cloud's":   {d.reference("alias/acs/new"), p256, "can't be made"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := d.open(c.reference).CreateKey(t.Context(), c.algorithm)
			require.ErrorContains(t, err, c.says)
		})
	}
	require.Equal(t, before, d.countKeys())
	public, err := d.open(d.reference("alias/rsa")).CreateKey(t.Context(), pkcs1)
	require.NoError(t, err)
	require.IsType(t, &rsa.PublicKey{}, public)
}

func TestThePluginMakesAndUsesKeysOfAKMSInstance(t *testing.T) {
	d := deskAt(t, kmstest.Configured(t, kmstest.NoInternetAccess))
	shared := d.open(d.reference("alias/release", "instance", d.kms.Instance.ID))
	_, err := shared.CreateKey(t.Context(), shared.DefaultAlgorithm())
	require.ErrorContains(t, err, "ALICLOUD_KMS_GATEWAY=dedicated")

	t.Setenv("ALICLOUD_KMS_GATEWAY", "dedicated")
	_, err = shared.PublicKey()
	require.ErrorContains(t, err, "needs ALICLOUD_KMS_INSTANCE_CA")
	t.Setenv("ALICLOUD_KMS_INSTANCE_ID", d.kms.Instance.ID)
	t.Setenv("ALICLOUD_KMS_INSTANCE_ENDPOINT", d.kms.Instance.Endpoint)
	t.Setenv("ALICLOUD_KMS_INSTANCE_CA", d.kms.Instance.CAFile)
	sv := d.open(d.reference("alias/release"))
	public, err := sv.CreateKey(t.Context(), sv.DefaultAlgorithm())
	require.NoError(t, err)
	require.IsType(t, &ecdsa.PublicKey{}, public)
	valid(t, public, sign(t, sv))
	described, err := d.admin.DescribeKey(t.Context(), &kmsapi.DescribeKeyRequest{KeyId: "alias/release"})
	require.NoError(t, err)
	require.Equal(t, d.kms.Instance.ID, described.KeyMetadata.DKMSInstanceId)

	t.Setenv("ALICLOUD_DOMAIN", "127.0.0.1:1")
	pinned := d.open(d.reference(described.KeyMetadata.KeyId, "version", d.versions("alias/release")[0]))
	valid(t, public, sign(t, pinned))
	_, err = sv.PublicKey()
	require.ErrorContains(t, err, "127.0.0.1:1", "only the shared gateway lists versions")
}
