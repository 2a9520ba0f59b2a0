package server_test

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestATokenWithAnyByteChangedIsRefused(t *testing.T) {
	l := newLab(t, withoutAudit)
	i := l.newImporter()
	wrapped := wrapBy(t, i.algorithm, i.publicKey, material)
	refused := func(what, token string) {
		t.Helper()
		got := l.do("ImportKeyMaterial", "ImportToken", token, "EncryptedKeyMaterial", wrapped)
		require.Equal(t, kmsapi.ErrInvalidImportToken.Code, got.Code, what)
	}
	// The tests of sealing flip every bit of the token; this one changes every character of its base64.
	for at := range len(i.token) {
		with := "A"
		if i.token[at] == 'A' {
			with = "B"
		}
		refused(fmt.Sprintf("%s at %d", with, at), i.token[:at]+with+i.token[at+1:])
	}
	refused("cut", i.token[:len(i.token)-4])
	refused("cut in the middle of a group", i.token[:len(i.token)-1])
	refused("extended", i.token+"AAAA")
	refused("with a line break", i.token+"\n")
	refused("with a line break inside", i.token[:64]+"\n"+i.token[64:])
	refused("with a space", " "+i.token)
	refused("twice", i.token+i.token)
	refused("garbage", "ImportToken")
	refused("without padding", strings.TrimRight(i.token, "=")+"-_")
	refused("sealed by nobody", base64.StdEncoding.EncodeToString(append([]byte{1}, make([]byte, 1500)...)))
	require.Equal(t, kmsapi.PendingImport, l.metadata(i.id).KeyState)
	i.mustTryWrapped(wrapped) // The token itself is good.
}

func TestATokenIsGoodForItsOwnKeyRegionAccountAndServiceAlone(t *testing.T) {
	l := newLab(t, neighbours)
	i, other := l.newImporter(), l.newImporter()
	wrapped := wrapBy(t, i.algorithm, i.publicKey, material)
	put := []string{"ImportToken", i.token, "EncryptedKeyMaterial", wrapped}

	l.do("ImportKeyMaterial", append(put, "KeyId", other.id)...).refused(t, kmsapi.ErrInvalidImportToken)
	l.do("ImportKeyMaterial", append(put, "RegionId", "cn-beijing")...).refused(t, kmsapi.ErrInvalidImportToken)
	abroad := l.createKey("Origin", "EXTERNAL", "RegionId", "cn-beijing")
	l.do("ImportKeyMaterial", append(put, "RegionId", "cn-beijing", "KeyId", abroad)...).
		refused(t, kmsapi.ErrInvalidImportToken)

	stranger := newImportLab(t)
	stranger.do("ImportKeyMaterial", put...).refused(t, kmsapi.ErrInvalidImportToken)

	back := l.as("LTAIstranger", "the stranger's secret")
	l.do("ImportKeyMaterial", put...).refused(t, kmsapi.ErrInvalidImportToken)
	theirs := l.createKey("Origin", "EXTERNAL")
	l.do("ImportKeyMaterial", append(put, "KeyId", theirs)...).refused(t, kmsapi.ErrInvalidImportToken)
	back()

	for _, id := range []string{i.id, other.id} {
		require.Equal(t, kmsapi.PendingImport, l.metadata(id).KeyState)
	}
}

func TestAWrappingKeyGoesWithItsOwnTokenAndAlgorithmAlone(t *testing.T) {
	l := newImportLab(t)
	id := l.createKey("Origin", "EXTERNAL")
	var all []importer
	for _, algorithm := range append(algorithms, kmsapi.WrapOAEPSHA256) {
		all = append(all, l.importer(id, algorithm))
	}
	for x, keyOf := range all {
		for y, tokenOf := range all {
			for z, algorithm := range algorithms {
				if x != y || algorithm != tokenOf.algorithm {
					wrapped := wrapBy(t, algorithm, keyOf.publicKey, material)
					got := tokenOf.tryWrapped(wrapped)
					require.Equal(t, kmsapi.ErrInvalidKeyMaterial.Code, got.Code, "key %d, token %d, algorithm %d", x, y, z)
				}
			}
		}
	}
	require.Equal(t, kmsapi.PendingImport, l.metadata(id).KeyState)
	for _, i := range all {
		i.mustTry(material)
	}
}

func TestATokenDiesAfterADay(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	l.now = i.tokenExpires.Add(-time.Millisecond)
	i.mustTry(material)
	l.now = i.tokenExpires
	i.try(material).refused(t, kmsapi.ErrExpiredImportToken)
	l.restart()
	i.try(material).refused(t, kmsapi.ErrExpiredImportToken)
	i.token = "B" + i.token[1:] // The original always begins with A.
	i.try(material).refused(t, kmsapi.ErrInvalidImportToken)
}

// TestEveryWrongMaterialGetsTheSameAnswer checks what an attacker that probes PKCS#1 v1.5 padding can see.
func TestEveryWrongMaterialGetsTheSameAnswer(t *testing.T) {
	l := newImportLab(t)
	empty := l.importer(l.createKey("Origin", "EXTERNAL"), kmsapi.WrapPKCS1v15)
	full := l.importer(l.createKey("Origin", "EXTERNAL"), kmsapi.WrapPKCS1v15)
	full.mustTry(material)
	for name, i := range map[string]importer{"a key that waits": empty, "a key with material": full} {
		before := l.metadata(i.id)
		answers := map[string]string{}
		for probe, wrapped := range probes(t, i) {
			got := i.tryWrapped(wrapped)
			got.refused(t, kmsapi.ErrInvalidKeyMaterial)
			answers[strings.ReplaceAll(string(got.body), got.RequestId, "id")] = probe
			require.Equal(t, before, l.metadata(i.id), probe)
		}
		require.Len(t, answers, 1, name)
	}
	full.try(otherMaterial).refused(t, kmsapi.ErrInvalidKeyMaterial)
	require.Equal(t, string(full.try(otherMaterial).Message), empty.tryWrapped("eA==").Message, "other material too")
}

// probes returns wrapped materials, each wrong in one way.
func probes(t *testing.T, i importer) map[string]string {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(i.publicKey)
	require.NoError(t, err)
	parsed, err := x509.ParsePKIXPublicKey(der)
	require.NoError(t, err)
	public := parsed.(*rsa.PublicKey)
	block := func(change func(b []byte)) string {
		b := bytes.Repeat([]byte{0xaa}, 256)
		b[0], b[1], b[256-kmsapi.KeyMaterialSize-1] = 0, 2, 0
		change(b)
		c := new(big.Int).Exp(new(big.Int).SetBytes(b), big.NewInt(int64(public.E)), public.N)
		return base64.StdEncoding.EncodeToString(c.FillBytes(make([]byte, 256)))
	}
	found := map[string]string{
		"padding of another type":       block(func(b []byte) { b[1] = 1 }),
		"a first byte that is not zero": block(func(b []byte) { b[0] = 1 }),
		"padding that is too short":     block(func(b []byte) { b[5] = 0 }),
		"padding without an end":        block(func(b []byte) { b[256-kmsapi.KeyMaterialSize-1] = 0xaa }),
		"padding that ends too soon":    block(func(b []byte) { b[256-kmsapi.KeyMaterialSize-2] = 0 }),
		"padding that ends too late": block(func(b []byte) {
			b[256-kmsapi.KeyMaterialSize-1], b[256-kmsapi.KeyMaterialSize] = 0xaa, 0
		}),
		"no block at all":             base64.StdEncoding.EncodeToString(make([]byte, 256)),
		"more than the modulus":       base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xff}, 256)),
		"too few bytes":               base64.StdEncoding.EncodeToString(make([]byte, 255)),
		"too many bytes":              base64.StdEncoding.EncodeToString(make([]byte, 257)),
		"no base64":                   "{}",
		"base64 with something after": wrapBy(t, i.algorithm, i.publicKey, material) + "!",
		"material by OAEP":            wrapBy(t, kmsapi.WrapOAEPSHA256, i.publicKey, material),
	}
	for _, size := range []int{0, 1, 16, 24, 31, 33, 48, 64, 245} {
		found[fmt.Sprintf("material of %d bytes", size)] = wrapBy(t, i.algorithm, i.publicKey, bytes.Repeat([]byte{7}, size))
	}
	return found
}

func TestABurstOfRequestsForParametersIsServed(t *testing.T) {
	l := newImportLab(t)
	id := l.createKey("Origin", "EXTERNAL")
	const callers = 12 // The pool has no keys ready.
	forms := make([]string, callers)
	for n := range forms {
		forms[n] = l.signed("GetParametersForImport", "KeyId", id,
			"WrappingAlgorithm", kmsapi.WrapOAEPSHA1, "WrappingKeySpec", "RSA_2048").Form()
	}
	answers := make([]answer, callers)
	var all sync.WaitGroup
	for n := range callers {
		all.Go(func() {
			r := request(http.MethodPost, "/", "", nil).WithContext(t.Context())
			r.Body = readCloser{strings.NewReader(forms[n])}
			recorder := httptest.NewRecorder()
			l.service.ServeHTTP(recorder, r)
			answers[n] = answer{status: recorder.Code, body: recorder.Body.Bytes()}
		})
	}
	all.Wait()
	pairs := map[string]bool{}
	for _, a := range answers {
		require.Equal(t, http.StatusOK, a.status, "%s", a.body)
		a.into(t, &a)
		pairs[a.PublicKey] = true
		pairs[a.ImportToken] = true
	}
	require.Len(t, pairs, 2*callers)
}
