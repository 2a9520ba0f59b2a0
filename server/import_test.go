package server_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmstest"
)

func TestTheWholeStoryOfImportedMaterial(t *testing.T) {
	kms := kmstest.New(t)
	for _, algorithm := range algorithms {
		t.Run(algorithm, func(t *testing.T) { importStory(t, kms, algorithm) })
	}
}

func importStory(t *testing.T, kms *kmstest.KMS, algorithm string) {
	ctx, c := context.Background(), newClient(t, kms)
	created, err := c.CreateKey(ctx, &kmsapi.CreateKeyRequest{Origin: kmsapi.OriginExternal})
	require.NoError(t, err)
	id := created.KeyMetadata.KeyId
	state := func() kmsapi.KeyMetadata {
		t.Helper()
		got, err := c.DescribeKey(ctx, &kmsapi.DescribeKeyRequest{KeyId: id})
		require.NoError(t, err)
		return got.KeyMetadata
	}
	require.Equal(t, kmsapi.PendingImport, state().KeyState)

	parameters, err := c.GetParametersForImport(ctx, &kmsapi.GetParametersForImportRequest{
		KeyId: id, WrappingAlgorithm: algorithm, WrappingKeySpec: kmsapi.WrappingKeySpecRSA2048,
	})
	require.NoError(t, err)
	put := func(material []byte, expires int) error {
		_, err := c.ImportKeyMaterial(ctx, &kmsapi.ImportKeyMaterialRequest{
			KeyId: id, ImportToken: parameters.ImportToken, KeyMaterialExpireUnix: expires,
			EncryptedKeyMaterial: wrapBy(t, algorithm, parameters.PublicKey, material),
		})
		return err
	}
	expires := kms.Now().Add(time.Hour).UTC().Truncate(time.Second)
	require.NoError(t, put(material, int(expires.Unix())))
	require.Equal(t, kmsapi.Enabled, state().KeyState)
	require.Equal(t, expires.Format(kmsapi.TimeFormat), state().MaterialExpireTime)

	sealed, err := c.Encrypt(ctx, &kmsapi.EncryptRequest{KeyId: id, Plaintext: kmsapi.NewSecret("c2VjcmV0")})
	require.NoError(t, err)
	open := func() error {
		opened, err := c.Decrypt(ctx, &kmsapi.DecryptRequest{CiphertextBlob: sealed.CiphertextBlob})
		if err == nil {
			require.Equal(t, "c2VjcmV0", opened.Plaintext.Reveal())
			require.Equal(t, sealed.KeyVersionId, opened.KeyVersionId)
		}
		return err
	}
	require.NoError(t, open())

	_, err = c.DeleteKeyMaterial(ctx, &kmsapi.DeleteKeyMaterialRequest{KeyId: id})
	require.NoError(t, err)
	require.Equal(t, kmsapi.PendingImport, state().KeyState)
	require.Empty(t, state().MaterialExpireTime)
	require.ErrorIs(t, open(), kmsapi.ErrRejectedPendingImport)

	kms.Restart()
	require.ErrorIs(t, put(otherMaterial, 0), kmsapi.ErrInvalidKeyMaterial)
	require.Equal(t, kmsapi.PendingImport, state().KeyState)
	require.NoError(t, put(material, 0), "a token is good for more than one use, also after a restart")
	require.Empty(t, state().MaterialExpireTime, "the expiry is as the last import says")
	require.NoError(t, open(), "what was encrypted before opens again")
}

func TestParametersForImportAreAsTheReferenceSays(t *testing.T) {
	l := newImportLab(t)
	first := l.newImporter()
	require.Equal(t, l.now.Add(24*time.Hour).Truncate(time.Second), first.tokenExpires)
	second := l.importer(first.id, first.algorithm)
	require.NotEqual(t, first.token, second.token)
	require.NotEqual(t, first.publicKey, second.publicKey, "each request returns a different pair")
}

func TestWrongParametersOfAnImportAreRefused(t *testing.T) {
	l := newImportLab(t)
	external, own := l.newImporter(), l.createKey()
	wrapped := wrapBy(t, external.algorithm, external.publicKey, material)
	nobody := "00000000-0000-4000-8000-000000000000"
	ask := func(pairs ...string) []string {
		return append(pairs, "WrappingAlgorithm", kmsapi.WrapOAEPSHA1, "WrappingKeySpec", "RSA_2048")
	}
	put := func(pairs ...string) []string {
		return append(pairs, "ImportToken", external.token, "EncryptedKeyMaterial", wrapped)
	}
	l.must("CreateAlias", "AliasName", "alias/mine", "KeyId", external.id)
	for _, tc := range []struct {
		name, action string
		pairs        []string
		want         *kmsapi.Error
	}{
		{
			"no algorithm", "GetParametersForImport",
			[]string{"KeyId", external.id, "WrappingKeySpec", "RSA_2048"},
			kmsapi.ErrMissingParameter,
		},
		{
			"an unknown algorithm", "GetParametersForImport",
			[]string{"KeyId", external.id, "WrappingKeySpec", "RSA_2048", "WrappingAlgorithm", "RSAES_OAEP_SHA_512"},
			kmsapi.ErrInvalidParameter,
		},
		{
			"no kind of key", "GetParametersForImport",
			[]string{"KeyId", external.id, "WrappingAlgorithm", kmsapi.WrapOAEPSHA1},
			kmsapi.ErrMissingParameter,
		},
		{
			"an unknown kind of key", "GetParametersForImport",
			[]string{"KeyId", external.id, "WrappingKeySpec", "RSA_4096", "WrappingAlgorithm", kmsapi.WrapOAEPSHA1},
			kmsapi.ErrInvalidParameter,
		},
		{"parameters for no key", "GetParametersForImport", ask(), kmsapi.ErrMissingParameter},
		{"parameters for an alias", "GetParametersForImport", ask("KeyId", "alias/mine"), kmsapi.ErrUnsupportedAlias},
		{"parameters for a key that does not exist", "GetParametersForImport", ask("KeyId", nobody), kmsapi.ErrKeyNotFound},
		{
			"parameters for a key of KMS's own material", "GetParametersForImport", ask("KeyId", own),
			kmsapi.ErrUnsupportedOrigin,
		},
		{"an import into an alias", "ImportKeyMaterial", put("KeyId", "alias/mine"), kmsapi.ErrUnsupportedAlias},
		{"an import into a key that does not exist", "ImportKeyMaterial", put("KeyId", nobody), kmsapi.ErrKeyNotFound},
		{"an import into a key of KMS's own material", "ImportKeyMaterial", put("KeyId", own), kmsapi.ErrUnsupportedOrigin},
		{
			"an import without a token", "ImportKeyMaterial",
			[]string{"KeyId", external.id, "EncryptedKeyMaterial", wrapped},
			kmsapi.ErrMissingParameter,
		},
		{
			"an import without material", "ImportKeyMaterial",
			[]string{"KeyId", external.id, "ImportToken", external.token},
			kmsapi.ErrMissingParameter,
		},
		{
			"deleting the material of an alias", "DeleteKeyMaterial",
			[]string{"KeyId", "alias/mine"},
			kmsapi.ErrUnsupportedAlias,
		},
		{
			"deleting the material of a key that does not exist", "DeleteKeyMaterial",
			[]string{"KeyId", nobody},
			kmsapi.ErrKeyNotFound,
		},
		{"deleting KMS's own material", "DeleteKeyMaterial", []string{"KeyId", own}, kmsapi.ErrUnsupportedOrigin},
	} {
		t.Run(tc.name, func(t *testing.T) { l.do(tc.action, tc.pairs...).refused(t, tc.want) })
	}
	require.Equal(t, kmsapi.PendingImport, l.metadata(external.id).KeyState)
	require.Equal(t, kmsapi.Enabled, l.metadata(own).KeyState)
}

func TestTheTokenNamesTheKeyIfTheRequestDoesNot(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	l.must("ImportKeyMaterial", "ImportToken", i.token, "EncryptedKeyMaterial",
		wrapBy(t, i.algorithm, i.publicKey, material))
	require.Equal(t, kmsapi.Enabled, l.metadata(i.id).KeyState)
	lines := l.auditLines()
	require.Equal(t, "ImportKeyMaterial", lines[len(lines)-2]["operation"])
	require.Equal(t, i.id, lines[len(lines)-2]["key_id"])
}

func TestBase64OfMaterialMayHaveLineBreaks(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	wrapped := wrapBy(t, i.algorithm, i.publicKey, material)
	i.mustTryWrapped(wrapped[:64] + "\n" + wrapped[64:] + "\n")
}

func TestOneMaterialInTwoKeysKeepsThemApart(t *testing.T) {
	l := newImportLab(t)
	a, b := l.newImporter(), l.newImporter()
	a.mustTry(material)
	b.mustTry(material)
	blobOfA := l.must("Encrypt", "KeyId", a.id, "Plaintext", "eA==").CiphertextBlob
	blobOfB := l.must("Encrypt", "KeyId", b.id, "Plaintext", "eA==").CiphertextBlob

	rawA, err := base64.StdEncoding.DecodeString(blobOfA)
	require.NoError(t, err)
	rawB, err := base64.StdEncoding.DecodeString(blobOfB)
	require.NoError(t, err)
	renamed := base64.StdEncoding.EncodeToString(append(bytes.Clone(rawB[:36]), rawA[36:]...))
	l.do("Decrypt", "CiphertextBlob", renamed).refused(t, kmsapi.ErrInvalidParameter)

	l.must("DeleteKeyMaterial", "KeyId", a.id)
	l.do("Decrypt", "CiphertextBlob", blobOfA).refused(t, kmsapi.ErrRejectedPendingImport)
	require.Equal(t, "eA==", l.must("Decrypt", "CiphertextBlob", blobOfB).Plaintext)
}

func TestOnlyTheSameMaterialComesBack(t *testing.T) {
	const inAnHour = time.Hour
	for name, lose := range map[string]func(l *lab, id string){
		"after a deletion of the material": func(l *lab, id string) { l.must("DeleteKeyMaterial", "KeyId", id) },
		"after two deletions": func(l *lab, id string) {
			l.must("DeleteKeyMaterial", "KeyId", id)
			l.must("DeleteKeyMaterial", "KeyId", id)
		},
		"after its expiry":             func(l *lab, _ string) { l.now = l.now.Add(inAnHour) },
		"after its expiry and a sweep": func(l *lab, _ string) { l.now = l.now.Add(inAnHour); l.sweep() },
		"after a deletion and a restart": func(l *lab, id string) {
			l.must("DeleteKeyMaterial", "KeyId", id)
			l.restart()
		},
		"after its expiry, a sweep and a restart": func(l *lab, _ string) {
			l.now = l.now.Add(inAnHour)
			l.sweep()
			l.restart()
		},
		"after a deletion that was called off": func(l *lab, id string) {
			l.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
			l.must("DeleteKeyMaterial", "KeyId", id)
			l.must("CancelKeyDeletion", "KeyId", id)
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newImportLab(t)
			i := l.newImporter()
			i.mustTry(material, "KeyMaterialExpireUnix", unix(l.now.Add(inAnHour)))
			blob := l.must("Encrypt", "KeyId", i.id, "Plaintext", "eA==").CiphertextBlob
			version := l.metadata(i.id).PrimaryKeyVersion
			i.try(otherMaterial).refused(t, kmsapi.ErrInvalidKeyMaterial)
			require.Equal(t, "eA==", l.must("Decrypt", "CiphertextBlob", blob).Plaintext, "a refused import changes nothing")
			require.NotEmpty(t, l.metadata(i.id).MaterialExpireTime)

			lose(l, i.id)
			require.Equal(t, kmsapi.PendingImport, l.metadata(i.id).KeyState)
			l.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrRejectedPendingImport)
			i.try(otherMaterial).refused(t, kmsapi.ErrInvalidKeyMaterial)
			require.Equal(t, kmsapi.PendingImport, l.metadata(i.id).KeyState)

			i.mustTry(material)
			require.Equal(t, version, l.metadata(i.id).PrimaryKeyVersion)
			require.Equal(t, "eA==", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
		})
	}
}

func TestAnImportIntoADisabledKeyLeavesItDisabled(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	i.mustTry(material)
	l.must("DisableKey", "KeyId", i.id)
	i.mustTry(material, "KeyMaterialExpireUnix", unix(l.now.Add(time.Hour)))
	got := l.metadata(i.id)
	require.Equal(t, kmsapi.Disabled, got.KeyState)
	require.NotEmpty(t, got.MaterialExpireTime)
	l.must("EnableKey", "KeyId", i.id)
	l.must("Encrypt", "KeyId", i.id, "Plaintext", "eA==")
}

func TestImportedMaterialOfAKeyThatIsToBeDeleted(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	i.mustTry(material)
	l.must("ScheduleKeyDeletion", "KeyId", i.id, "PendingWindowInDays", "7")
	before := l.metadata(i.id)
	again := l.importer(i.id, i.algorithm) // GetParametersForImport works in every state.
	again.try(material).refused(t, kmsapi.ErrStateModifiedFailed)
	l.do("ImportKeyMaterial", "ImportToken", again.token, "EncryptedKeyMaterial",
		wrapBy(t, again.algorithm, again.publicKey, material)).
		refused(t, kmsapi.ErrStateModifiedFailed)
	l.must("DeleteKeyMaterial", "KeyId", i.id)
	require.Equal(t, before, l.metadata(i.id), "neither state nor date change")
	l.requireNoMaterialStored()
	l.must("CancelKeyDeletion", "KeyId", i.id)
	require.Equal(t, kmsapi.PendingImport, l.metadata(i.id).KeyState)
}

func TestATokenOfADeletedKeyIsGoodForNothing(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	l.must("ScheduleKeyDeletion", "KeyId", i.id, "PendingWindowInDays", "7")
	l.now = l.now.Add(7*24*time.Hour - time.Minute)
	last := l.importer(i.id, i.algorithm)
	l.now = l.now.Add(2 * time.Minute)
	last.try(material).refused(t, kmsapi.ErrKeyNotFound)
	l.do("ImportKeyMaterial", "ImportToken", last.token, "EncryptedKeyMaterial",
		wrapBy(t, last.algorithm, last.publicKey, material)).
		refused(t, kmsapi.ErrKeyNotFound)
}

func TestNothingOfAnImportIsToldToLogOrAudit(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	wrapped := wrapBy(t, i.algorithm, i.publicKey, material)
	i.mustTryWrapped(wrapped)
	refusal := i.try(otherMaterial)
	badToken := l.do("ImportKeyMaterial", "ImportToken", i.token[1:], "EncryptedKeyMaterial", wrapped)
	l.must("DeleteKeyMaterial", "KeyId", i.id)
	audit, err := os.ReadFile(l.config.Audit.File)
	require.NoError(t, err)
	for place, text := range map[string]string{
		"log": l.log.String(), "audit": string(audit), "refusal": string(refusal.body),
		"refusal of a token": string(badToken.body),
	} {
		for name, secret := range map[string]string{
			"token": i.token[20:60], "wrapped material": wrapped[:40], "material": string(material),
			"material in base64": base64.StdEncoding.EncodeToString(material)[:30],
		} {
			require.NotContains(t, text, secret, "%s in the %s", name, place)
		}
	}
}
