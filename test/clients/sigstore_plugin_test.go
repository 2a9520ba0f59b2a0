package clients

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms"
	"github.com/sigstore/sigstore/pkg/signature/options"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/openssl"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func sign(t *testing.T, sv kms.SignerVerifier, opts ...signature.SignOption) []byte {
	t.Helper()
	sig, err := sv.SignMessage(strings.NewReader(message), opts...)
	require.NoError(t, err)
	return sig
}

func verify(sv kms.SignerVerifier, sig []byte, text string, opts ...signature.VerifyOption) error {
	return sv.VerifySignature(bytes.NewReader(sig), strings.NewReader(text), opts...)
}

// verifyWithOpenSSL requires that a signature of message is valid by the PEM of the public key alone.
func verifyWithOpenSSL(t *testing.T, public crypto.PublicKey, sig []byte, more string) {
	t.Helper()
	pem, err := cryptoutils.MarshalPublicKeyToPEM(public)
	require.NoError(t, err)
	said := openssl.Run(t, map[string][]byte{"cosign.pub": pem, "sig": sig, "message": []byte(message)},
		"dgst -sha256 -verify cosign.pub -signature sig "+more+" message")
	require.Equal(t, "Verified OK\n", string(said))
}

func TestThePluginSignsByEveryAlgorithmThatSigstoreAndKMSHave(t *testing.T) {
	d := newDesk(t)
	supported := d.open(d.reference("alias/any")).SupportedAlgorithms()
	require.Len(t, supported, 7)
	for _, name := range supported {
		t.Run(name, func(t *testing.T) {
			_, err := signature.ParseSignatureAlgorithmFlag(name)
			require.NoError(t, err, "it is in sigstore's registry")
			sv := d.open(d.reference("alias/"+name, "algorithm", name))
			require.Equal(t, name, sv.DefaultAlgorithm(), "so that `cosign generate-key-pair` makes such a key")
			made, err := sv.CreateKey(t.Context(), sv.DefaultAlgorithm())
			require.NoError(t, err)
			public, err := sv.PublicKey()
			require.NoError(t, err)
			require.Equal(t, made, public)

			sig := sign(t, sv)
			require.NoError(t, verify(sv, sig, message))
			require.NoError(t, verify(sv, sig, message, options.WithRemoteVerification(true)))
			pss := ""
			var load []signature.LoadOption
			if strings.Contains(name, "-pss-") {
				pss = "-sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:32"
				load = []signature.LoadOption{options.WithRSAPSS(&rsa.PSSOptions{Hash: crypto.SHA256})}
			}
			details, err := signature.GetDefaultAlgorithmDetails(public, load...)
			require.NoError(t, err)
			flag, err := signature.FormatSignatureAlgorithmFlag(details.GetSignatureAlgorithm())
			require.NoError(t, err)
			require.Equal(t, name, flag, "sigstore takes the key for one of that algorithm")
			local, err := signature.LoadVerifierWithOpts(public, load...)
			require.NoError(t, err)
			require.NoError(t, local.VerifySignature(bytes.NewReader(sig), strings.NewReader(message)))
			verifyWithOpenSSL(t, public, sig, pss)
		})
	}
}

func TestThePluginSignsWithAKeyByAnyOfItsNames(t *testing.T) {
	d := newDesk(t)
	sv := d.open(d.reference("alias/release"))
	require.Equal(t, "ecdsa-sha2-256-nistp256", sv.DefaultAlgorithm())
	public, err := sv.CreateKey(t.Context(), sv.DefaultAlgorithm())
	require.NoError(t, err)
	described, err := d.admin.DescribeKey(t.Context(), &kmsapi.DescribeKeyRequest{KeyId: "alias/release"})
	require.NoError(t, err)
	sig := sign(t, sv)
	for _, key := range []string{"alias/release", described.KeyMetadata.KeyId, described.KeyMetadata.Arn} {
		sv := d.open(d.reference(key))
		got, err := sv.PublicKey()
		require.NoError(t, err, key)
		require.Equal(t, public, got, key)
		require.NoError(t, verify(sv, sig, message), key)
		require.NoError(t, verify(sv, sign(t, sv), message, options.WithRemoteVerification(true)), key)
	}
}

func TestThePluginSignsADigestAndAsACryptoSigner(t *testing.T) {
	d := newDesk(t)
	sv := d.open(d.reference(d.newPair()))
	digest := sha256.Sum256([]byte(message))
	sig, err := sv.SignMessage(strings.NewReader("not looked at"), options.WithDigest(digest[:]))
	require.NoError(t, err)
	require.NoError(t, verify(sv, sig, message))
	require.NoError(t, verify(sv, sig, "not looked at", options.WithDigest(digest[:])))

	signer, opts, err := sv.CryptoSigner(t.Context(), func(err error) { require.NoError(t, err) })
	require.NoError(t, err)
	sig, err = signer.Sign(nil, digest[:], opts)
	require.NoError(t, err)
	require.NoError(t, verify(sv, sig, message))
	valid(t, signer.Public(), sig)
}

func TestThePluginSignsAMessageOfAnySize(t *testing.T) {
	d := newDesk(t)
	sv := d.open(d.reference(d.newPair()))
	for _, size := range []int{0, 1, 40 << 20} {
		text := strings.Repeat("x", size)
		sig, err := sv.SignMessage(strings.NewReader(text))
		require.NoError(t, err)
		require.NoError(t, verify(sv, sig, text))
		require.Error(t, verify(sv, sig, text+"x"))
	}
}

func TestThePluginRefusesWhatIsNotSigned(t *testing.T) {
	d := newDesk(t)
	key := d.newPair()
	sv, another := d.open(d.reference(key)), d.open(d.reference(d.newPair()))
	sig := sign(t, sv)
	altered := bytes.Clone(sig)
	altered[len(altered)-1] ^= 1
	for _, remote := range []bool{false, true} {
		ask := options.WithRemoteVerification(remote)
		require.ErrorContains(t, verify(sv, sig, "another digest", ask), "the signature does not match this message")
		require.ErrorContains(t, verify(another, sig, message, ask), "does not match this message")
		require.ErrorContains(t, verify(sv, altered, message, ask), "does not match this message")
		require.ErrorContains(t, verify(sv, []byte("no signature"), message, ask), "does not match this message")
		require.ErrorContains(t, verify(sv, nil, message, ask), "does not match this message")
	}
	_, err := sv.SignMessage(strings.NewReader(message), options.WithDigest([]byte("short")))
	require.ErrorContains(t, err, "the digest has 5 bytes, and a SHA-256 digest has 32")
	_, err = sv.SignMessage(strings.NewReader(message), options.WithCryptoSignerOpts(crypto.SHA384))
	require.ErrorContains(t, err, "KMS signs only SHA-256 digests")
	sha512, err := kms.Get(t.Context(), d.reference(key), crypto.SHA512)
	require.NoError(t, err)
	require.ErrorContains(t, verify(sha512, sig, message), "KMS signs only SHA-256 digests")
}

func TestThePluginUsesTheNewestVersionOrTheOneThatIsNamed(t *testing.T) {
	d := newDesk(t)
	sv := d.open(d.reference("alias/release"))
	first, err := sv.CreateKey(t.Context(), sv.DefaultAlgorithm())
	require.NoError(t, err)
	before := sign(t, sv)
	d.kms.Advance(time.Minute)
	t.Setenv("ALICLOUD_DOMAIN", d.kms.Endpoint)
	_, err = d.admin.CreateKeyVersion(t.Context(), &kmsapi.CreateKeyVersionRequest{KeyId: "alias/release"})
	require.NoError(t, err)
	ids := d.versions("alias/release")
	require.Len(t, ids, 2)

	newest, err := sv.PublicKey()
	require.NoError(t, err)
	require.NotEqual(t, first, newest)
	valid(t, newest, sign(t, sv))
	err = verify(sv, before, message)
	require.ErrorContains(t, err, "version "+ids[0])
	require.ErrorContains(t, err, "?version=ID")

	old := d.open(d.reference("alias/release", "version", ids[1]))
	require.NoError(t, verify(old, before, message))
	require.NoError(t, verify(old, before, message, options.WithRemoteVerification(true)))
	valid(t, first, sign(t, old))
	valid(t, first, sign(t, sv, options.WithKeyVersion(ids[1])))
	require.NoError(t, verify(sv, before, message, options.WithKeyVersion(ids[1])))
	valid(t, newest, sign(t, old, options.WithKeyVersion(ids[0])))
	pinned, err := kms.Get(t.Context(), d.reference("alias/release"), crypto.SHA256, options.WithKeyVersion(ids[1]))
	require.NoError(t, err)
	valid(t, first, sign(t, pinned))
	_, err = sv.SignMessage(strings.NewReader(message), options.WithKeyVersion(d.versions(d.newPair())[0]))
	require.ErrorContains(t, err, "the key has no such version")
}
