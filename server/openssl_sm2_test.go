package server_test

import (
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/openssl"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// importPairOf imports a private key into a CMK of a KeySpec.
func (l *lab) importPairOf(spec, id string, pkcs8 []byte) answer {
	l.t.Helper()
	if spec == kmsapi.KeySpecSM2 {
		return l.importSM2Pair(id, pkcs8)
	}
	return l.importPair(id, pkcs8)
}

// sm2Ciphertext is an SM2 ciphertext in the form of OpenSSL.
type sm2Ciphertext struct {
	X, Y   *big.Int
	C3, C2 []byte
}

// toOpenSSL returns a ciphertext of the service in the form of OpenSSL.
func (p opensslPair) toOpenSSL(t *testing.T, raw []byte) []byte {
	t.Helper()
	if p.algorithm != kmsapi.EncryptSM2 {
		return raw
	}
	x, y := new(big.Int).SetBytes(raw[1:33]), new(big.Int).SetBytes(raw[33:65])
	der, err := asn1.Marshal(sm2Ciphertext{x, y, raw[65:97], raw[97:]})
	require.NoError(t, err)
	return der
}

// fromOpenSSL is the reverse of toOpenSSL.
func (p opensslPair) fromOpenSSL(t *testing.T, der []byte) []byte {
	t.Helper()
	if p.algorithm != kmsapi.EncryptSM2 {
		return der
	}
	var c sm2Ciphertext
	_, err := asn1.Unmarshal(der, &c)
	require.NoError(t, err)
	raw := make([]byte, 65)
	raw[0] = 4
	c.X.FillBytes(raw[1:33])
	c.Y.FillBytes(raw[33:])
	return append(append(raw, c.C3...), c.C2...)
}

// The signed digest is the SM3 of the identity, the public key and the message. OpenSSL computes it itself.
func TestOpenSSLVerifiesAMessageThatTheServiceHasSigned(t *testing.T) {
	l := newSMLab(t)
	p := l.createPair("EC_SM2", "", "Origin", "EXTERNAL")
	require.Empty(t, l.importSM2Pair(p.id, opensslFile("sm2.pkcs8.der")).Code)
	digest := encode64(opensslFile("sm2.digest-sm3-za-m.bin"))
	signed := l.must("AsymmetricSign", p.with("Algorithm", "SM2DSA", "Digest", digest)...).Value.(string)
	files := map[string][]byte{
		"message": opensslFile("message.bin"), "public.pem": opensslFile("sm2.pub.pem"), "signature": decode64(t, signed),
		"private.der": opensslFile("sm2.pkcs8.der"),
	}
	const options = " -rawin -in message -digest sm3 -pkeyopt distid:1234567812345678"
	said := openssl.Run(t, files, "pkeyutl -verify -pubin -inkey public.pem -sigfile signature"+options)
	require.Contains(t, string(said), "Signature Verified Successfully")
	theirs := openssl.Run(t, files, "pkeyutl -sign -keyform DER -inkey private.der"+options)
	got := l.must("AsymmetricVerify", p.with("Algorithm", "SM2DSA", "Digest", digest, "Value", encode64(theirs))...)
	require.Equal(t, true, got.Value)
}

func TestAKeyThatOpenSSLHasMadeIsImported(t *testing.T) {
	l := newSMLab(t)
	block, _ := pem.Decode(openssl.Run(t, nil, "genpkey -algorithm SM2"))
	made := block.Bytes
	p := l.createPair("EC_SM2", "", "Origin", "EXTERNAL")
	require.Empty(t, l.importSM2Pair(p.id, made).Code)
	public := openssl.Run(t, map[string][]byte{"private.der": made}, "pkey -inform DER -in private.der -pubout")
	require.Equal(t, string(public), l.must("GetPublicKey", p.with()...).PublicKey)
}
