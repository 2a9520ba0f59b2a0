package server_test

import (
	"crypto/fips140"
	"net/http"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func withFIPS(c *server.Config) { c.FIPS = true }

// inMode runs the calling test in a child process with a mode of Go's FIPS 140-3 module, and reports whether this is
// that process.
func inMode(t *testing.T, mode string) bool {
	t.Helper()
	if os.Getenv("KMS_TEST_FIPS") == mode {
		return true
	}
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	command.Env = append(os.Environ(), "GODEBUG=fips140="+mode, "KMS_TEST_FIPS="+mode)
	output, err := command.CombinedOutput()
	require.NoError(t, err, "%s", output)
	return false
}

func TestAServiceForFIPSNeedsTheModule(t *testing.T) {
	if fips140.Enabled() {
		t.Skip("the module is on")
	}
	dev, err := server.NewDevConfig(t.TempDir(), "127.0.0.1:0")
	require.NoError(t, err)
	dev.Config.FIPS = true
	_, err = server.Open(dev.Config, server.Options{})
	require.ErrorContains(t, err, "fips: ")
	require.ErrorContains(t, err, "GODEBUG=fips140=on")
}

func TestAServiceForFIPSRefusesWhatIsNotApproved(t *testing.T) {
	if !inMode(t, "on") {
		return
	}
	l := newPairLab(t, withFIPS)
	for _, spec := range []string{"Aliyun_AES_256", "RSA_2048", "EC_P256"} {
		l.createKey("KeySpec", spec)
	}
	got := l.do("CreateKey", "KeySpec", "EC_P256K")
	got.refused(t, kmsapi.ErrUnsupportedOperation)
	require.Contains(t, got.Message, "EC_P256K")
	external := l.createKey("Origin", "EXTERNAL")
	for algorithm, want := range map[string]int{
		kmsapi.WrapOAEPSHA256: http.StatusOK, kmsapi.WrapOAEPSHA1: http.StatusBadRequest,
		kmsapi.WrapPKCS1v15: http.StatusBadRequest,
	} {
		got := l.do("GetParametersForImport", "KeyId", external, "WrappingKeySpec", "RSA_2048",
			"WrappingAlgorithm", algorithm)
		require.Equal(t, want, got.status, algorithm)
	}
	p := l.createPair("RSA_2048", "ENCRYPT/DECRYPT")
	l.must("AsymmetricEncrypt", p.with("Algorithm", "RSAES_OAEP_SHA_256", "Plaintext", "eA==")...)
	l.do("AsymmetricEncrypt", p.with("Algorithm", "RSAES_OAEP_SHA_1", "Plaintext", "eA==")...).
		refused(t, kmsapi.ErrUnsupportedOperation)
	source := append(p.asymmetricSource("RSAES_OAEP_SHA_1"), "CiphertextBlob", "eA==", "DestinationKeyId", l.createKey())
	l.do("ReEncrypt", source...).refused(t, kmsapi.ErrUnsupportedOperation)
	export := append(toRecipient(), "KeyId", l.createKey())
	l.must("GenerateAndExportDataKey", export...)
	l.do("GenerateAndExportDataKey", setPair(export, "WrappingAlgorithm", "RSAES_OAEP_SHA_1")...).
		refused(t, kmsapi.ErrUnsupportedOperation)
	l.do("GenerateAndExportDataKey", setPair(export, "PublicKeyBlob", publicKeyWithExponent(t, 3))...).
		refused(t, kmsapi.ErrInvalidParameter)
	s := l.createPair("RSA_2048", "SIGN/VERIFY")
	l.must("AsymmetricSign", s.with("Algorithm", "RSA_PKCS1_SHA_256", "Digest", aDigest)...)
}

func TestAServiceForFIPSRefusesSMAlgorithmsAlsoIfTheyAreOn(t *testing.T) {
	if !inMode(t, "on") {
		return
	}
	l := newSMLab(t)
	p, sm4 := l.createPair("EC_SM2", ""), l.createSM4()
	l.config.FIPS = true
	l.restart()
	for _, got := range []answer{
		l.do("CreateKey", "KeySpec", "Aliyun_SM4"), l.do("Encrypt", "KeyId", sm4, "Plaintext", "eA=="),
	} {
		got.refused(t, kmsapi.ErrUnsupportedOperation)
		require.Contains(t, got.Message, "Aliyun_SM4 is not approved by FIPS 140-3")
	}
	for op, params := range map[string][]string{
		"CreateKey":      {"KeySpec", "EC_SM2"},
		"AsymmetricSign": p.with("Algorithm", "SM2DSA", "Digest", aDigest),
		"GetParametersForImport": {
			"KeyId", l.createKey("Origin", "EXTERNAL"), "WrappingKeySpec", "EC_SM2", "WrappingAlgorithm", "SM2PKE",
		},
		"GenerateAndExportDataKey": append(toSM2Recipient(), "KeyId", l.createKey()),
	} {
		got := l.do(op, params...)
		got.refused(t, kmsapi.ErrUnsupportedOperation)
		require.Contains(t, got.Message, "EC_SM2 is not approved by FIPS 140-3", op)
	}
	l.must("GetPublicKey", p.with()...)
}

func TestAKeyOfBeforeIsRefusedByAServiceForFIPS(t *testing.T) {
	if !inMode(t, "on") {
		return
	}
	l := newPairLab(t, nil)
	p := l.createPair("EC_P256K", "")
	l.config.FIPS = true
	l.restart()
	l.do("AsymmetricSign", p.with("Algorithm", "ECDSA_SHA_256", "Digest", aDigest)...).
		refused(t, kmsapi.ErrUnsupportedOperation)
	l.must("GetPublicKey", p.with()...)
}

func TestNoServiceStartsWhereNothingElseThanTheModuleIsAllowed(t *testing.T) {
	if !inMode(t, "only") {
		return
	}
	for _, fips := range []bool{false, true} {
		config := server.Config{FIPS: fips}
		_, err := server.Open(config, server.Options{})
		require.ErrorContains(t, err, "fips140=only can't be used")
	}
}
