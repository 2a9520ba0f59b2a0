package seal

import (
	"cmp"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"testing"

	"github.com/openbao/go-kms-wrapping/v2/kms"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

var (
	pssOfHash = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
	pssOf32   = &rsa.PSSOptions{SaltLength: 32, Hash: crypto.SHA256}
	pssAuto   = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto, Hash: crypto.SHA256}
)

// isRight checks a signature using only the standard library.
func isRight(public crypto.PublicKey, digest, signature []byte, options crypto.SignerOpts) bool {
	switch public := public.(type) {
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(public, digest, signature)
	case *rsa.PublicKey:
		if pss, ok := options.(*rsa.PSSOptions); ok {
			return rsa.VerifyPSS(public, crypto.SHA256, digest, signature, pss) == nil
		}
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest, signature) == nil
	default:
		return false
	}
}

func TestAnExternalKeySigns(t *testing.T) {
	r := newPairRig(t)
	opened := r.open(nil)
	data := []byte("to be signed")
	digest := sha256.Sum256(data)
	for _, tc := range []struct {
		keySpec string
		options []crypto.SignerOpts
	}{
		{kmsapi.KeySpecP256, []crypto.SignerOpts{crypto.SHA256}},
		{kmsapi.KeySpecRSA2048, []crypto.SignerOpts{crypto.SHA256, pssOfHash, pssOf32, pssAuto}},
		{kmsapi.KeySpecRSA3072, []crypto.SignerOpts{crypto.SHA256, pssOfHash}},
		{kmsapi.KeySpecRSA4096, []crypto.SignerOpts{crypto.SHA256}},
	} {
		t.Run(tc.keySpec, func(t *testing.T) {
			of := r.pair(tc.keySpec)
			k := r.getKey(opened, of)
			public, err := k.ExportPublic(t.Context())
			require.NoError(t, err)
			calls := len(r.audit())
			for n, options := range tc.options {
				for _, signed := range []kms.SignOptions{
					{Data: data, SignerOpts: options}, {Data: digest[:], Prehashed: true, SignerOpts: options},
				} {
					// OpenBao makes a new key for each request.
					signature, err := r.getKey(opened, of).Sign(t.Context(), &signed)
					require.NoError(t, err)
					require.True(t, isRight(public, digest[:], signature, options), n)
					verified := kms.VerifyOptions{
						Data: signed.Data, Prehashed: signed.Prehashed, Signature: signature, SignerOpts: options,
					}
					require.NoError(t, k.Verify(t.Context(), &verified))
					refusesOthers(t, k, verified)
				}
			}
			for _, operation := range r.audited(calls) {
				require.Equal(t, "AsymmetricSign", operation, "nothing but signatures asks KMS")
			}
			require.Len(t, r.audited(calls), 2*len(tc.options))
		})
	}
}

func TestSigningNeedsTwoPermissionsAndOneGateway(t *testing.T) {
	overBothGateways(t, func(t *testing.T, r *rig) {
		of := r.pair(kmsapi.KeySpecP256)
		r.key = of["key_id"].(string)
		allowed := fields{}
		for name, value := range r.allow("kms:GetPublicKey", "kms:AsymmetricSign") {
			allowed[name] = value
		}
		k := r.getKey(r.open(allowed), of)
		calls := len(r.audit())
		_, err := k.Sign(t.Context(), &kms.SignOptions{Data: []byte("x"), SignerOpts: crypto.SHA256})
		require.NoError(t, err)
		at := cmp.Or(r.instance.ID, "shared")
		require.Equal(t, []auditEntry{
			{string(kmsapi.OpGetPublicKey), at}, {string(kmsapi.OpAsymmetricSign), at},
		}, r.audit()[calls:])
		r.allow("kms:GetPublicKey")
		_, err = k.Sign(t.Context(), &kms.SignOptions{Data: []byte("x"), SignerOpts: crypto.SHA256})
		require.ErrorIs(t, err, kmsapi.ErrNoPermission)
		require.ErrorContains(t, err, "kms:AsymmetricSign")
	})
}

// refusesOthers requires that k refuses altered forms of what it has just verified.
func refusesOthers(t *testing.T, k kms.Key, good kms.VerifyOptions) {
	t.Helper()
	altered := slices.Clone(good.Signature)
	altered[len(altered)-1] ^= 1
	other := good
	other.Data = slices.Clone(good.Data)
	other.Data[0] ^= 1
	all := []kms.VerifyOptions{other}
	longer := append(slices.Clone(good.Signature), 0)
	for _, signature := range [][]byte{altered, nil, {}, {0x30}, good.Signature[1:], longer} {
		bad := good
		bad.Signature = signature
		all = append(all, bad)
	}
	for n, bad := range all {
		require.ErrorIs(t, k.Verify(t.Context(), &bad), kms.ErrInvalidSignature, n)
	}
}

func TestSignaturesThatKMSCannotMakeAreRefused(t *testing.T) {
	r := newPairRig(t)
	opened := r.open(nil)
	curve, rsaKey := r.pair(kmsapi.KeySpecP256), r.pair(kmsapi.KeySpecRSA2048)
	only := func(of fields, algorithm string) kms.Key {
		return r.getKey(opened, fields{
			"key_id": of["key_id"], "key_version_id": of["key_version_id"], "algorithm": algorithm,
		})
	}
	digest := make([]byte, 32)
	pss := func(salt int, hash crypto.Hash) crypto.SignerOpts {
		return &rsa.PSSOptions{SaltLength: salt, Hash: hash}
	}
	calls := len(r.audit())
	for name, tc := range map[string]struct {
		key     kms.Key
		options crypto.SignerOpts
		data    []byte
		says    string
	}{
		"another hash":            {r.getKey(opened, curve), crypto.SHA384, make([]byte, 48), "SHA-256"},
		"no hash":                 {r.getKey(opened, curve), crypto.Hash(0), digest, "SHA-256"},
		"another hash with PSS":   {r.getKey(opened, rsaKey), pss(-1, crypto.SHA512), make([]byte, 64), "SHA-256"},
		"another salt":            {r.getKey(opened, rsaKey), pss(20, crypto.SHA256), digest, "32 bytes"},
		"a negative salt":         {r.getKey(opened, rsaKey), pss(-2, crypto.SHA256), digest, "32 bytes"},
		"PSS on a curve":          {r.getKey(opened, curve), pssOfHash, digest, "RSA"},
		"options of Ed25519":      {r.getKey(opened, rsaKey), &ed25519.Options{Hash: crypto.SHA256}, digest, "ed25519"},
		"no options":              {r.getKey(opened, rsaKey), nil, digest, "options"},
		"a digest that is short":  {r.getKey(opened, curve), crypto.SHA256, digest[1:], "31 bytes"},
		"a digest that is long":   {r.getKey(opened, curve), crypto.SHA256, make([]byte, 33), "33 bytes"},
		"PKCS #1 with a PSS key":  {only(rsaKey, kmsapi.SignPSS), crypto.SHA256, digest, "only algorithm is RSA_PSS"},
		"PSS with a PKCS #1 key":  {only(rsaKey, kmsapi.SignPKCS1v15), pssOfHash, digest, "only algorithm is RSA_PKCS1"},
		"ECDSA with an RSA key":   {only(rsaKey, kmsapi.SignECDSA), crypto.SHA256, digest, "only algorithm is ECDSA"},
		"a key without a version": {r.getKey(opened, fields{"key_id": r.key}), crypto.SHA256, digest, "key_version_id"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := tc.key.Sign(t.Context(), &kms.SignOptions{Data: tc.data, Prehashed: true, SignerOpts: tc.options})
			require.ErrorContains(t, err, tc.says)
			err = tc.key.Verify(t.Context(), &kms.VerifyOptions{
				Data: tc.data, Prehashed: true, Signature: []byte("x"), SignerOpts: tc.options,
			})
			require.ErrorContains(t, err, tc.says)
			require.NotErrorIs(t, err, kms.ErrInvalidSignature)
		})
	}
	require.NotContains(t, r.audited(calls), "AsymmetricSign")
	_, err := only(rsaKey, kmsapi.SignPSS).Sign(t.Context(), &kms.SignOptions{
		Data: digest, Prehashed: true, SignerOpts: pssOfHash,
	})
	require.NoError(t, err)
}

func TestKeysThatTheStandardLibraryLacksAreNotImplemented(t *testing.T) {
	r := newPairRig(t)
	opened := r.open(nil)
	onOther, pair := r.getKey(opened, r.pair(kmsapi.KeySpecP256K)), r.getKey(opened, r.pair(kmsapi.KeySpecP256))
	sign := &kms.SignOptions{Data: []byte("x"), SignerOpts: crypto.SHA256}
	verify := &kms.VerifyOptions{Data: []byte("x"), Signature: []byte("x"), SignerOpts: crypto.SHA256}
	_, signed := onOther.Sign(t.Context(), sign)
	_, exported := onOther.ExportPublic(t.Context())
	_, encrypted := pair.Encrypt(t.Context(), &kms.CipherOptions{Data: []byte("x")})
	_, decrypted := pair.Decrypt(t.Context(), &kms.CipherOptions{Data: []byte("x")})
	for name, err := range map[string]error{
		"sign": signed, "verify": onOther.Verify(t.Context(), verify), "export": exported, "encrypt": encrypted,
		"decrypt": decrypted,
	} {
		require.ErrorIs(t, err, kms.ErrNotImplemented, name)
	}
}

// Alibaba Cloud has SM2, but the standard library does not.
func TestAPublicKeyOfAnotherKindIsNotImplemented(t *testing.T) {
	const sm2 = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoEcz1UBgi0DQgAEznqjHcIeDR+2Jb411XRVe6V+6pfK
SoIbuJqv7GP58q9jiPBJABY0sflfyeqFx9OVsy9k72mdUg8pbPacEzDopQ==
-----END PUBLIC KEY-----`
	key, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	p384 := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	for _, other := range []string{sm2, string(p384)} {
		_, err := parsePublic(other)
		require.ErrorIs(t, err, errUnsupported)
	}
	_, err = parsePublic("no PEM")
	require.Error(t, err)
	require.NotErrorIs(t, err, errUnsupported)
}
