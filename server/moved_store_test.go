package server_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// holding is what a service has made with keys of every kind of material, for comparison after its store has moved.
type holding struct {
	pairs []heldPair
	// imported is an asymmetric CMK whose key pair was imported from testdata.
	imported heldPair
	pkcs8    []byte
	rotated  []*heldVersions
}

// heldVersions is a CMK with its versions, the newest first, a ciphertext of each, and a secret that it encrypts.
type heldVersions struct {
	id              string
	versions, blobs []string
}

// heldPair is a version of an asymmetric CMK, with its public key and a signature or ciphertext of it.
type heldPair struct {
	pair
	modelSpec
	public, made string
}

func (l *lab) newHolding() (h holding) {
	l.t.Helper()
	for _, spec := range modelSpecs {
		if spec.isSymmetric() {
			continue
		}
		first := l.createPair(spec.spec, spec.usage)
		next := l.must("CreateKeyVersion", "KeyId", first.id).KeyVersion.KeyVersionId
		h.pairs = append(h.pairs, l.hold(first, spec), l.hold(pair{first.id, next}, spec))
	}
	spec := modelSpec{kmsapi.KeySpecP256K, kmsapi.KeyUsageSignVerify, kmsapi.SignECDSA, "secp256k1"}
	h.pkcs8 = opensslFile(spec.file + ".pkcs8.der")
	imported := l.createPair(spec.spec, spec.usage, "Origin", "EXTERNAL")
	require.Equal(l.t, http.StatusOK, l.importPair(imported.id, h.pkcs8).status)
	h.imported = l.hold(imported, spec)
	h.rotated = l.holdVersions(kmsapi.KeySpecAES256, kmsapi.KeySpecSM4)
	return h
}

// holdVersions makes a CMK of each KeySpec, and rotates all of them.
func (l *lab) holdVersions(specs ...string) (held []*heldVersions) {
	l.t.Helper()
	for _, spec := range specs {
		h := &heldVersions{id: l.createKey("KeySpec", spec, "EnableAutomaticRotation", "true", "RotationInterval", "7d")}
		l.must("CreateSecret", "SecretName", "of-"+h.id, "VersionId", "1", "SecretData", "text", "EncryptionKeyId", h.id)
		held = append(held, h)
	}
	for range 3 {
		l.now = l.now.Add(7 * day)
		l.sweep()
		for _, h := range held {
			h.blobs = append(h.blobs, l.must("Encrypt", "KeyId", h.id, "Plaintext", "text").CiphertextBlob)
		}
	}
	for _, h := range held {
		h.versions = l.listed(h.id)
		require.Len(l.t, h.versions, 4)
	}
	return held
}

func (l *lab) hold(p pair, spec modelSpec) heldPair {
	l.t.Helper()
	h := heldPair{pair: p, modelSpec: spec, public: l.must("GetPublicKey", p.with()...).PublicKey}
	if spec.signs() {
		h.made = l.must("AsymmetricSign", p.with("Algorithm", spec.algorithm, "Digest", aDigest)...).Value.(string)
	} else {
		h.made = l.must("AsymmetricEncrypt", p.with("Algorithm", spec.algorithm, "Plaintext", aDigest)...).CiphertextBlob
	}
	return h
}

// require requires that the pair works as before.
func (h heldPair) require(l *lab) {
	l.t.Helper()
	require.Equal(l.t, h.public, l.must("GetPublicKey", h.with()...).PublicKey)
	if !h.signs() {
		opened := l.must("AsymmetricDecrypt", h.with("Algorithm", h.algorithm, "CiphertextBlob", h.made)...)
		require.Equal(l.t, aDigest, opened.Plaintext)
		return
	}
	verify := func(signature string) any {
		return l.must("AsymmetricVerify", h.with("Algorithm", h.algorithm, "Digest", aDigest, "Value", signature)...).Value
	}
	require.Equal(l.t, true, verify(h.made))
	signed := l.must("AsymmetricSign", h.with("Algorithm", h.algorithm, "Digest", aDigest)...)
	require.Equal(l.t, true, verify(signed.Value.(string)), "the private key is that of the public one")
}

// require requires that everything works as before, and that scheduled events still happen.
func (h holding) require(l *lab) {
	l.t.Helper()
	for _, p := range append(h.pairs, h.imported) {
		p.require(l)
	}
	for _, of := range h.rotated {
		of.require(l)
	}
	l.must("DeleteKeyMaterial", "KeyId", h.imported.id)
	require.Equal(l.t, kmsapi.PendingImport, l.metadata(h.imported.id).KeyState)
	require.Equal(l.t, http.StatusOK, l.importPair(h.imported.id, h.pkcs8).status, "the fingerprint has moved too")
	h.imported.require(l)
	l.now = l.now.Add(7 * day)
	l.sweep()
	for _, of := range h.rotated {
		require.Equal(l.t, of.versions, l.listed(of.id)[1:], "it is rotated when it is due")
	}
	l.requireGood()
}

// require requires that all versions exist and decrypt.
func (h *heldVersions) require(l *lab) {
	l.t.Helper()
	require.Equal(l.t, h.versions, l.listed(h.id))
	for _, blob := range h.blobs {
		require.Equal(l.t, "text", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
	}
	value := into[kmsapi.GetSecretValueResponse](l.t, l.must("GetSecretValue", "SecretName", "of-"+h.id))
	require.Equal(l.t, "text", value.SecretData.Reveal())
}

func TestPairsAndVersionsMoveWithTheirStore(t *testing.T) {
	for name, move := range map[string]func(t *testing.T, c server.Config){
		"to a new root key": func(t *testing.T, c server.Config) {
			rekeyed, _ := rekey(t, c, 1)
			report, err := server.Check(t.Context(), c, "", nil)
			require.NoError(t, err)
			require.Empty(t, report.Problems)
			require.Equal(t, report.Versions, rekeyed.Versions)
		},
		"to a backup and back": func(t *testing.T, c server.Config) {
			backup := filepath.Join(t.TempDir(), "backup")
			report, err := server.Backup(t.Context(), c, backup, nil)
			require.NoError(t, err)
			require.NoError(t, os.Remove(c.Storage.Path))
			restored, err := server.Restore(t.Context(), c, backup, false, "", nil)
			require.NoError(t, err)
			require.Equal(t, report.Versions, restored.Versions)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSMLab(t)
			held := l.newHolding()
			l.close()
			move(t, l.config)
			l.open()
			l.now = l.now.Add(time.Second)
			held.require(l)
		})
	}
}
