package server_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// writing is an operation that writes, for the storage fault table.
type writing struct {
	operation kmsapi.Operation
	// prepare makes what the operation needs and returns the operation's parameters.
	prepare func(l *lab) []string
	// done reports whether the operation took effect, given the same parameters. It fails the test if only part of it
	// did.
	done func(l *lab, pairs []string) bool
}

// writings are all operations that write. Those on secrets are in secretWritings.
var writings = append(secretWritings, []writing{
	{
		kmsapi.OpCreateKey,
		func(*lab) []string { return []string{"Description", "made"} },
		func(l *lab, _ []string) bool {
			for _, k := range l.must("ListKeys", "PageSize", "100").Keys.Key {
				if l.must("DescribeKey", "KeyId", k.KeyId).KeyMetadata.Description == "made" {
					l.must("Encrypt", "KeyId", k.KeyId, "Plaintext", "eA==")
					return true
				}
			}
			return false
		},
	},
	{
		kmsapi.OpCreateKeyVersion, aKeyAfter(""),
		func(l *lab, pairs []string) bool { return l.must("ListKeyVersions", pairs...).TotalCount == 2 },
	},
	{
		kmsapi.OpUpdateRotationPolicy,
		func(l *lab) []string {
			return append(aKeyAfter("")(l), "EnableAutomaticRotation", "true", "RotationInterval", "7d")
		},
		func(l *lab, pairs []string) bool {
			return l.must("DescribeKey", pairs[:2]...).KeyMetadata.AutomaticRotation == kmsapi.RotationEnabled
		},
	},
	{kmsapi.OpEnableKey, aKeyAfter("DisableKey"), stateIs(kmsapi.Enabled)},
	{kmsapi.OpDisableKey, aKeyAfter(""), stateIs(kmsapi.Disabled)},
	{
		kmsapi.OpScheduleKeyDeletion,
		func(l *lab) []string { return append(aKeyAfter("")(l), "PendingWindowInDays", "7") },
		func(l *lab, pairs []string) bool {
			m := l.must("DescribeKey", pairs...).KeyMetadata
			require.Equal(l.t, m.KeyState == kmsapi.PendingDeletion, m.DeleteDate != "")
			return m.KeyState == kmsapi.PendingDeletion
		},
	},
	{
		kmsapi.OpCancelKeyDeletion,
		func(l *lab) []string {
			key := aKeyAfter("")(l)
			l.must("ScheduleKeyDeletion", append(key, "PendingWindowInDays", "7")...)
			return key
		},
		stateIs(kmsapi.Enabled),
	},
	{
		kmsapi.OpCreateAlias,
		func(l *lab) []string { return append(aKeyAfter("")(l), "AliasName", "alias/a") },
		aliasNames,
	},
	{
		kmsapi.OpUpdateAlias,
		func(l *lab) []string {
			l.must("CreateAlias", "AliasName", "alias/a", "KeyId", l.createKey())
			return append(aKeyAfter("")(l), "AliasName", "alias/a")
		},
		aliasNames,
	},
	{
		kmsapi.OpDeleteAlias,
		func(l *lab) []string {
			l.must("CreateAlias", "AliasName", "alias/a", "KeyId", l.createKey())
			return []string{"AliasName", "alias/a"}
		},
		func(l *lab, _ []string) bool {
			return l.do("DescribeKey", "KeyId", "alias/a").Code == kmsapi.ErrAliasNotFound.Code
		},
	},
	{
		kmsapi.OpTagResource,
		func(l *lab) []string {
			return append(aKeyAfter("")(l), "Tags", `[{"TagKey":"a","TagValue":"1"},{"TagKey":"b","TagValue":"2"}]`)
		},
		hasBothTags,
	},
	{
		kmsapi.OpUntagResource,
		func(l *lab) []string {
			key := aKeyAfter("")(l)
			l.must("TagResource", append(key, "Tags", bothTags)...)
			return append(key, "TagKeys", `["a","b"]`)
		},
		func(l *lab, pairs []string) bool { return !hasBothTags(l, pairs) },
	},
	{
		kmsapi.OpTagResources,
		func(l *lab) []string {
			key := aKeyAfter("")(l)
			return append(key, "ResourceType", "key", "ResourceId.1", key[1], "Tag.1.Key", "a", "Tag.2.Key", "b")
		},
		hasBothTags,
	},
	{
		kmsapi.OpUntagResources,
		func(l *lab) []string {
			key := aKeyAfter("")(l)
			l.must("TagResource", append(key, "Tags", bothTags)...)
			return append(key, "ResourceType", "key", "ResourceId.1", key[1], "All", "true")
		},
		func(l *lab, pairs []string) bool { return !hasBothTags(l, pairs) },
	},
	{
		kmsapi.OpUpdateKeyDescription,
		func(l *lab) []string { return append(aKeyAfter("")(l), "Description", "new") },
		func(l *lab, pairs []string) bool {
			return l.must("DescribeKey", pairs[:2]...).KeyMetadata.Description == "new"
		},
	},
	{
		kmsapi.OpSetDeletionProtection,
		func(l *lab) []string { return append(aKeyAfter("")(l), "EnableDeletionProtection", "true") },
		func(l *lab, pairs []string) bool {
			return l.must("DescribeKey", pairs[:2]...).KeyMetadata.DeletionProtection == kmsapi.ProtectionEnabled
		},
	},
	{
		kmsapi.OpSetKeyPolicy,
		func(l *lab) []string {
			id := l.createKey("DKMSInstanceId", l.config.Instances[0].ID)
			return []string{"KeyId", id, "Policy", strings.Replace(defaultPolicy("123456"), "kms default", "new", 1)}
		},
		func(l *lab, pairs []string) bool {
			return strings.Contains(l.must("GetKeyPolicy", pairs[:2]...).Policy, "new")
		},
	},
	{kmsapi.OpImportKeyMaterial, (*lab).readyToImport, stateIs(kmsapi.Enabled)},
	{
		kmsapi.OpDeleteKeyMaterial,
		func(l *lab) []string {
			imported := l.readyToImport()
			l.must("ImportKeyMaterial", imported...)
			return imported[:2]
		},
		stateIs(kmsapi.PendingImport),
	},
}...)

// readings are the operations that still work when the store takes no more writes.
var readings = []kmsapi.Operation{
	kmsapi.OpDescribeKey, kmsapi.OpListKeys, kmsapi.OpEncrypt, kmsapi.OpGenerateDataKey, kmsapi.OpDecrypt,
	kmsapi.OpDescribeRegions,
	kmsapi.OpListAliases, kmsapi.OpListAliasesByKeyId, kmsapi.OpListResourceTags, kmsapi.OpGetParametersForImport,
	kmsapi.OpGenerateDataKeyWithoutPlaintext, kmsapi.OpExportDataKey, kmsapi.OpGenerateAndExportDataKey,
	kmsapi.OpReEncrypt,
	kmsapi.OpGetKmsInstance, kmsapi.OpListKmsInstances, kmsapi.OpGetDefaultKmsInstance, kmsapi.OpGetKeyPolicy,
	kmsapi.OpGetPublicKey, kmsapi.OpAsymmetricSign, kmsapi.OpAsymmetricVerify, kmsapi.OpAsymmetricEncrypt,
	kmsapi.OpAsymmetricDecrypt,
	kmsapi.OpDescribeKeyVersion, kmsapi.OpListKeyVersions,
	kmsapi.OpListTagResources, kmsapi.OpDescribeAccountKmsStatus, kmsapi.OpOpenKmsService,
	kmsapi.OpGetSecretValue, kmsapi.OpDescribeSecret, kmsapi.OpListSecrets, kmsapi.OpListSecretVersionIds,
	kmsapi.OpRotateSecret, kmsapi.OpUpdateSecretRotationPolicy, // They change no secret.
	kmsapi.OpGetSecretPolicy, kmsapi.OpGetRandomPassword,
}

// aKeyAfter returns a function that makes a new CMK and applies the operation change to it, unless that is "".
func aKeyAfter(change string) func(l *lab) []string {
	return func(l *lab) []string {
		key := []string{"KeyId", l.createKey()}
		if change != "" {
			l.must(change, key...)
		}
		return key[:2:2]
	}
}

func stateIs(want kmsapi.KeyState) func(*lab, []string) bool {
	return func(l *lab, pairs []string) bool {
		return l.must("DescribeKey", pairs[:2]...).KeyMetadata.KeyState == want
	}
}

// aliasNames reports whether alias/a names the CMK, and checks that both operations that list aliases agree.
func aliasNames(l *lab, pairs []string) bool {
	got := l.do("DescribeKey", "KeyId", "alias/a")
	is := got.KeyMetadata.KeyId == pairs[1]
	require.Equal(l.t, is, strings.Contains(string(l.must("ListAliasesByKeyId", pairs[:2]...).body), `"alias/a"`))
	require.Equal(l.t, got.status == http.StatusOK, strings.Contains(string(l.must("ListAliases").body), `"alias/a"`))
	return is
}

const bothTags = `[{"TagKey":"a","TagValue":"1"},{"TagKey":"b","TagValue":"2"}]`

func hasBothTags(l *lab, pairs []string) bool {
	tags := string(l.must("ListResourceTags", pairs[:2]...).body)
	hasA, hasB := strings.Contains(tags, `"TagKey":"a"`), strings.Contains(tags, `"TagKey":"b"`)
	require.Equal(l.t, hasA, hasB, "half of the tags: %s", tags)
	return hasA
}

// readyToImport makes a CMK of origin EXTERNAL and returns the parameters of ImportKeyMaterial for it.
func (l *lab) readyToImport() []string {
	l.t.Helper()
	id := l.createKey("Origin", "EXTERNAL")
	var got kmsapi.GetParametersForImportResponse
	l.must("GetParametersForImport", keyParameters(id, "", "")...).into(l.t, &got)
	der, err := base64.StdEncoding.DecodeString(got.PublicKey)
	require.NoError(l.t, err)
	public, err := x509.ParsePKIXPublicKey(der)
	require.NoError(l.t, err)
	wrapped, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, public.(*rsa.PublicKey),
		[]byte(strings.Repeat("k", kmsapi.KeyMaterialSize)), nil)
	require.NoError(l.t, err)
	return []string{
		"KeyId", id, "ImportToken", got.ImportToken, "EncryptedKeyMaterial", base64.StdEncoding.EncodeToString(wrapped),
		"KeyMaterialExpireUnix", "0",
	}
}

// faults are the ways in which a commit fails.
var faults = []struct {
	name      string
	commit    func(commit func() error) error
	persisted bool
}{
	{"and is lost", func(func() error) error { return errDisk }, false},
	{"and yet is on the disk", func(commit func() error) error { return errors.Join(commit(), errDisk) }, true},
}

var errDisk = errors.New("input/output error")

func TestEveryOperationIsInTheStorageFaultTable(t *testing.T) {
	inTable := slices.Clone(readings)
	for _, w := range writings {
		inTable = append(inTable, w.operation)
	}
	require.ElementsMatch(t, inTable, server.Operations(), "say whether it writes")
}

func TestWhenACommitFails(t *testing.T) {
	for _, w := range writings {
		for _, fault := range faults {
			t.Run("of "+string(w.operation)+" "+fault.name, func(t *testing.T) {
				l := newLab(t, nil)
				kept := l.createKey()
				blob := l.must("Encrypt", "KeyId", kept, "Plaintext", "c2VjcmV0").CiphertextBlob
				pairs := w.prepare(l)
				require.False(t, w.done(l, pairs))

				l.commit = fault.commit
				l.do(string(w.operation), pairs...).refused(t, kmsapi.ErrServiceUnavailable)
				require.Contains(t, l.log.String(), errDisk.Error())

				l.commit = func(func() error) error { panic("after a failed commit another was tried") }
				l.do("CreateKey").refused(t, kmsapi.ErrServiceUnavailable)
				l.do(string(w.operation), pairs...).refused(t, kmsapi.ErrServiceUnavailable)
				require.NotContains(t, l.log.String(), "after a failed commit")
				require.Equal(t, "c2VjcmV0", l.must("Decrypt", "CiphertextBlob", blob).Plaintext, "reads go on")
				l.must("ListKeys")
				l.must("GenerateDataKey", "KeyId", kept)

				l.commit = nil
				l.restart()
				require.Equal(t, fault.persisted, w.done(l, pairs))
				require.Equal(t, "c2VjcmV0", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
				l.must("CreateKey")
			})
		}
	}
}

// TestWhenTheCommitOfANonceFails is about the one write that a reading request can need: if its timestamp is ahead of
// the clock, its nonce is stored first.
func TestWhenTheCommitOfANonceFails(t *testing.T) {
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			l := newLab(t, nil)
			params := kmsapi.Params{{Name: "Action", Value: "ListKeys"}}
			ahead := signature.SignV1(http.MethodPost, params, l.caller, "ahead", l.now.Add(time.Minute)).Form()
			l.commit = fault.commit
			l.post(ahead).refused(t, kmsapi.ErrServiceUnavailable)
			l.post(ahead).refused(t, kmsapi.ErrSignatureNonceUsed)
			l.must("ListKeys")
			l.commit = nil
			l.restart()
			if fault.persisted {
				l.post(ahead).refused(t, kmsapi.ErrSignatureNonceUsed)
			} else {
				require.Equal(t, http.StatusOK, l.post(ahead).status, "it was not answered before")
				l.post(ahead).refused(t, kmsapi.ErrSignatureNonceUsed)
			}
		})
	}
}

func TestWhenTheCommitOfASweepFails(t *testing.T) {
	for _, fault := range faults {
		t.Run(fault.name, func(t *testing.T) {
			l := newLab(t, nil)
			kept, doomed := l.createKey(), l.createKey()
			blob := l.must("Encrypt", "KeyId", doomed, "Plaintext", "eA==").CiphertextBlob
			l.must("ScheduleKeyDeletion", "KeyId", doomed, "PendingWindowInDays", "7")
			l.now = l.now.Add(7*24*time.Hour + time.Second)
			l.commit = fault.commit
			require.ErrorIs(t, l.service.Sweep(t.Context()), errDisk)
			l.commit = nil
			for range 2 {
				l.do("DescribeKey", "KeyId", doomed).refused(t, kmsapi.ErrKeyNotFound)
				l.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrKeyNotFound)
				l.must("DescribeKey", "KeyId", kept)
				l.restart()
			}
			require.NoError(t, l.service.Sweep(t.Context()))
			l.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrKeyNotFound)
		})
	}
}
