package clients

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"strings"
	"testing"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/sigstore/sigstore/pkg/signature/kms"
	_ "github.com/sigstore/sigstore/pkg/signature/kms/hashivault" // As in cosign.
	"github.com/sigstore/sigstore/pkg/signature/options"
	"github.com/stretchr/testify/require"
)

const message = "an image's digest"

// signer is what cosign gets for `--key SCHEME://KEY`.
func (s *server) signer(t *testing.T, reference string) kms.SignerVerifier {
	t.Helper()
	s.setEnvironment(t)
	t.Setenv("TRANSIT_SECRET_ENGINE_PATH", mount)
	sv, err := kms.Get(t.Context(), reference, crypto.SHA256)
	require.NoError(t, err)
	return sv
}

// valid requires that a signature of message is valid by the public key alone, as `cosign verify --key FILE` does.
func valid(t *testing.T, public crypto.PublicKey, sig []byte) {
	t.Helper()
	verifier, err := signature.LoadVerifier(public, crypto.SHA256)
	require.NoError(t, err)
	require.NoError(t, verifier.VerifySignature(bytes.NewReader(sig), strings.NewReader(message)))
}

func TestCosignMakesAKeySignsAndVerifies(t *testing.T) {
	for _, scheme := range []string{"hashivault://", "openbao://"} {
		t.Run(scheme, func(t *testing.T) {
			onEach(t, func(t *testing.T, s *server) {
				sv := s.signer(t, scheme+newName())
				made, err := sv.CreateKey(t.Context(), sv.DefaultAlgorithm())
				require.NoError(t, err)
				require.IsType(t, &ecdsa.PublicKey{}, made)
				public, err := sv.PublicKey()
				require.NoError(t, err)
				require.Equal(t, made, public)

				sig, err := sv.SignMessage(strings.NewReader(message))
				require.NoError(t, err)
				valid(t, public, sig)
				require.NoError(t, sv.VerifySignature(bytes.NewReader(sig), strings.NewReader(message)))
				require.Error(t, sv.VerifySignature(bytes.NewReader(sig), strings.NewReader("another digest")))
			})
		})
	}
}

func TestSigstoreSignsWithRSA(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		sv := s.signer(t, "hashivault://"+newName())
		public, err := sv.CreateKey(t.Context(), "rsa-2048")
		require.NoError(t, err)
		require.IsType(t, &rsa.PublicKey{}, public)
		sig, err := sv.SignMessage(strings.NewReader(message))
		require.NoError(t, err)
		valid(t, public, sig) // With RSA, Sigstore signs by PKCS #1 v1.5.
	})
}

func TestCosignSignsAsACryptoSigner(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		sv := s.signer(t, "hashivault://"+s.newKey(t, map[string]any{"type": "ecdsa-p256"}))
		signer, opts, err := sv.CryptoSigner(t.Context(), func(err error) { require.NoError(t, err) })
		require.NoError(t, err)
		hash := opts.HashFunc().New()
		hash.Write([]byte(message))
		sig, err := signer.Sign(nil, hash.Sum(nil), opts)
		require.NoError(t, err)
		valid(t, signer.Public(), sig)
	})
}

func TestSigstoreSignsAndVerifiesWithAVersionOfTheKey(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		name := s.newKey(t, map[string]any{"type": "ecdsa-p256"})
		sv := s.signer(t, "hashivault://"+name)
		first, err := sv.PublicKey()
		require.NoError(t, err)
		_, err = s.client.Logical().Write(mount+"/keys/"+name+"/rotate", map[string]any{"new_cmk": true})
		require.NoError(t, err)

		var used string
		sig, err := sv.SignMessage(strings.NewReader(message),
			options.WithKeyVersion("1"), options.ReturnKeyVersionUsed(&used))
		require.NoError(t, err)
		require.Equal(t, "vault:v1:", used)
		valid(t, first, sig)
		require.NoError(t, sv.VerifySignature(bytes.NewReader(sig), strings.NewReader(message), options.WithKeyVersion("1")))
		require.Error(t, sv.VerifySignature(bytes.NewReader(sig), strings.NewReader(message), options.WithKeyVersion("2")))
		_, err = sv.SignMessage(strings.NewReader(message), options.ReturnKeyVersionUsed(&used))
		require.NoError(t, err)
		require.Equal(t, "vault:v2:", used)
	})
}

func TestCosignIsToldOfATypeThatKMSDoesNotHave(t *testing.T) {
	onEach(t, func(t *testing.T, s *server) {
		sv := s.signer(t, "hashivault://"+newName())
		for _, algorithm := range []string{"ed25519", "ecdsa-p384", "ecdsa-p521"} {
			_, err := sv.CreateKey(t.Context(), algorithm)
			require.ErrorContains(t, err, "Code: 400", algorithm)
			require.ErrorContains(t, err, "KMS has no keys of that type", algorithm)
		}
	})
}
