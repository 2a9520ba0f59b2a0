package server_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

var (
	material      = bytes.Repeat([]byte("own!"), kmsapi.KeyMaterialSize/4)
	otherMaterial = bytes.Repeat([]byte("new!"), kmsapi.KeyMaterialSize/4)
	algorithms    = []string{kmsapi.WrapPKCS1v15, kmsapi.WrapOAEPSHA1, kmsapi.WrapOAEPSHA256}
)

// wrapBy encrypts material, or a private key in PKCS#8, with the public key from GetParametersForImport, as its owner
// would.
func wrapBy(t testing.TB, algorithm, publicKey string, material []byte) string {
	t.Helper()
	if algorithm == kmsapi.WrapKeyPair {
		return wrapPair(t, publicKey, material)
	}
	der, err := base64.StdEncoding.DecodeString(publicKey)
	require.NoError(t, err)
	if kmsapi.WrappingKeySpec(algorithm) == kmsapi.WrappingKeySpecSM2 {
		return wrapBySM2(t, algorithm, der, material)
	}
	parsed, err := x509.ParsePKIXPublicKey(der)
	require.NoError(t, err)
	public := parsed.(*rsa.PublicKey)
	var wrapped []byte
	switch algorithm {
	case kmsapi.WrapOAEPSHA1:
		wrapped, err = rsa.EncryptOAEP(sha1.New(), rand.Reader, public, material, nil)
	case kmsapi.WrapOAEPSHA256:
		wrapped, err = rsa.EncryptOAEP(sha256.New(), rand.Reader, public, material, nil)
	default:
		//lint:ignore SA1019 The API has this algorithm.
		wrapped, err = rsa.EncryptPKCS1v15(rand.Reader, public, material)
	}
	require.NoError(t, err)
	return base64.StdEncoding.EncodeToString(wrapped)
}

func newImportLab(t testing.TB) *lab { return newLab(t, nil) }

// importer is a CMK of origin EXTERNAL with the parameters of an import into it.
type importer struct {
	*lab
	id, algorithm    string
	token, publicKey string
	tokenExpires     time.Time
}

// importer gets the parameters of an import into a CMK.
func (l *lab) importer(id, algorithm string) importer {
	l.t.Helper()
	got := l.must("GetParametersForImport", "KeyId", id, "WrappingAlgorithm", algorithm, "WrappingKeySpec", "RSA_2048")
	require.Equal(l.t, id, got.KeyId)
	expires, err := time.Parse(kmsapi.TimeFormat, got.TokenExpireTime)
	require.NoError(l.t, err)
	return importer{l, id, algorithm, got.ImportToken, got.PublicKey, expires}
}

// newImporter is importer for a new CMK.
func (l *lab) newImporter() importer {
	l.t.Helper()
	return l.importer(l.createKey("Origin", "EXTERNAL"), kmsapi.WrapOAEPSHA256)
}

// try imports material.
func (i importer) try(material []byte, pairs ...string) answer {
	i.t.Helper()
	return i.tryWrapped(wrapBy(i.t, i.algorithm, i.publicKey, material), pairs...)
}

func (i importer) tryWrapped(wrapped string, pairs ...string) answer {
	i.t.Helper()
	return i.do("ImportKeyMaterial",
		append([]string{"KeyId", i.id, "ImportToken", i.token, "EncryptedKeyMaterial", wrapped}, pairs...)...)
}

// mustTry imports material, and fails the test if that is refused.
func (i importer) mustTry(material []byte, pairs ...string) {
	i.t.Helper()
	i.mustTryWrapped(wrapBy(i.t, i.algorithm, i.publicKey, material), pairs...)
}

func (i importer) mustTryWrapped(wrapped string, pairs ...string) {
	i.t.Helper()
	got := i.tryWrapped(wrapped, pairs...)
	require.Equal(i.t, http.StatusOK, got.status, "%s", got.body)
}

func (l *lab) metadata(id string) kmsapi.KeyMetadata {
	l.t.Helper()
	return l.must("DescribeKey", "KeyId", id).KeyMetadata
}

func newClient(t testing.TB, kms *kmstest.KMS) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{
		Endpoint: kms.Endpoint, CACert: kms.CACert, Region: kms.Region, Clock: kms.Now,
		Credentials: client.Static{AccessKeyID: kms.AccessKeyID, AccessKeySecret: kms.AccessKeySecret},
	})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}
