package server_test

import (
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestReEncryptMovesTheTextToAnotherKeyAndContext(t *testing.T) {
	w := newWire(t)
	from, to := w.createKey(), w.createKey()
	w.must("CreateAlias", "KeyId", to, "AliasName", "alias/to")
	arn := "acs:kms:cn-hangzhou:123456:"
	for name, tc := range map[string]struct{ destination, key, before, after string }{
		"to another key":              {to, to, "", ""},
		"to an alias":                 {"alias/to", to, "", ""},
		"to a resource name":          {arn + "key/" + to, to, "", ""},
		"to the name of an alias":     {arn + "alias/to", to, "", ""},
		"to the same key":             {from, from, "", ""},
		"to another context":          {from, from, `{"a":"b"}`, `{"c":"d"}`},
		"to a context":                {to, to, "", `{"c":"d"}`},
		"to another key, context off": {to, to, `{"a":"b"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.in(t)
			for _, text := range []string{"c2VjcmV0", "not base64, 密码\n"} {
				sealed := w.must("Encrypt", "KeyId", from, "Plaintext", text, "EncryptionContext", tc.before)
				got := w.must("ReEncrypt", "CiphertextBlob", sealed.CiphertextBlob, "SourceEncryptionContext", tc.before,
					"DestinationKeyId", tc.destination, "DestinationEncryptionContext", tc.after)
				require.Equal(t, []string{from, sealed.KeyVersionId}, []string{got.KeyId, got.KeyVersionId},
					"the answer names what has decrypted")
				require.NotContains(t, string(got.body), text)
				require.NotEqual(t, sealed.CiphertextBlob, got.CiphertextBlob)
				opened := w.must("Decrypt", "CiphertextBlob", got.CiphertextBlob, "EncryptionContext", tc.after)
				require.Equal(t, text, opened.Plaintext)
				require.Equal(t, tc.key, opened.KeyId)
				require.Equal(t, text, w.must("Decrypt", "CiphertextBlob", sealed.CiphertextBlob, "EncryptionContext",
					tc.before).Plaintext, "the old one stays good")
			}
		})
	}
}

func TestContextsOfReEncryptMayComeInParametersOfTheirOwn(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	blob := w.must("Encrypt", "KeyId", id, "Plaintext", "eA==", "EncryptionContext", `{"a":"b"}`).CiphertextBlob
	spread := []string{"SourceEncryptionContext.a", "b", "DestinationEncryptionContext.c.d", "e"}
	blob = w.must("ReEncrypt", append(spread, "CiphertextBlob", blob, "DestinationKeyId", id)...).CiphertextBlob
	w.must("Decrypt", "CiphertextBlob", blob, "EncryptionContext", `{"c.d":"e"}`)
	got := w.do("ReEncrypt", append(spread, "CiphertextBlob", blob, "DestinationKeyId", id,
		"DestinationEncryptionContext", `{"a":"b"}`)...)
	got.refused(t, kmsapi.ErrInvalidParameter)
	require.Contains(t, got.Message, "DestinationEncryptionContext.<name>")
}

// Whatever is wrong with a ciphertext, ReEncrypt and ExportDataKey give the same answer as Decrypt.
func TestEveryCiphertextThatDoesNotOpenIsRefusedAlike(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	text := w.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0", "EncryptionContext", `{"a":"b"}`).CiphertextBlob
	blob, err := base64.StdEncoding.DecodeString(text)
	require.NoError(t, err)
	said := map[string]bool{}
	try := func(ciphertext, context string) {
		for _, got := range []answer{
			w.do("Decrypt", "CiphertextBlob", ciphertext, "EncryptionContext", context),
			w.do("ExportDataKey", append(toRecipient(), "CiphertextBlob", ciphertext, "EncryptionContext", context)...),
			w.do("ReEncrypt", "CiphertextBlob", ciphertext, "SourceEncryptionContext", context, "DestinationKeyId", id),
		} {
			got.refused(t, kmsapi.ErrInvalidParameter)
			said[got.Message] = true
		}
	}
	for _, context := range []string{"", `{"a":"c"}`, `{"a":"b","c":"d"}`} {
		try(text, context)
	}
	for i := 36; i < len(blob); i++ {
		changed := append([]byte(nil), blob...)
		changed[i] ^= 1 << (i % 8)
		try(base64.StdEncoding.EncodeToString(changed), `{"a":"b"}`)
	}
	for _, n := range []int{1, 36, 37, 60, len(blob) - 1} {
		try(base64.StdEncoding.EncodeToString(blob[:n]), `{"a":"b"}`)
	}
	try("!", `{"a":"b"}`)
	try(text+"\n", `{"a":"b"}`)
	require.Len(t, said, 1)
}

func TestBothKeysOfReEncryptMustBeUsable(t *testing.T) {
	w := newWire(t)
	elsewhere := w.createKey()
	for state, want := range map[kmsapi.KeyState]*kmsapi.Error{
		kmsapi.Disabled:        kmsapi.ErrRejectedDisabled,
		kmsapi.PendingDeletion: kmsapi.ErrRejectedPendingDeletion,
		kmsapi.PendingImport:   kmsapi.ErrRejectedPendingImport,
	} {
		t.Run(string(state), func(t *testing.T) {
			w := w.in(t)
			s := w.subject(kmsapi.OpReEncrypt, state, elsewhere)
			good := w.must("Encrypt", "KeyId", elsewhere, "Plaintext", "eA==").CiphertextBlob
			w.do("ReEncrypt", "CiphertextBlob", s.blob, "DestinationKeyId", elsewhere).refused(t, want)
			w.do("ReEncrypt", "CiphertextBlob", good, "DestinationKeyId", s.id).refused(t, want)
			w.do("ReEncrypt", "CiphertextBlob", good, "DestinationKeyId", s.alias).refused(t, want)
			// The state is checked first, since it reveals nothing about the ciphertext.
			raw, err := base64.StdEncoding.DecodeString(good)
			require.NoError(t, err)
			raw[len(raw)-1] ^= 1
			w.do("ReEncrypt", "CiphertextBlob", base64.StdEncoding.EncodeToString(raw), "DestinationKeyId", s.id).
				refused(t, want)
		})
	}
	blob := w.must("Encrypt", "KeyId", elsewhere, "Plaintext", "eA==").CiphertextBlob
	for destination, want := range map[string]*kmsapi.Error{
		"00000000-0000-4000-8000-000000000000": kmsapi.ErrKeyNotFound,
		"alias/none":                           kmsapi.ErrAliasNotFound,
		"nothing":                              kmsapi.ErrKeyNotFound,
		"acs:kms:cn-hangzhou:654321:key/" + elsewhere: kmsapi.ErrKeyNotFound,
		"": kmsapi.ErrMissingParameter,
	} {
		w.do("ReEncrypt", "CiphertextBlob", blob, "DestinationKeyId", destination).refused(t, want)
	}
	w.do("ReEncrypt", "CiphertextBlob", otherVersion(t, blob, "00000000-0000-4000-8000-000000000000"),
		"DestinationKeyId", elsewhere).refused(t, kmsapi.ErrKeyNotFound)
	w.do("ReEncrypt", "DestinationKeyId", elsewhere).refused(t, kmsapi.ErrMissingParameter)
}

func TestReEncryptNeedsOnePermissionOnEachKey(t *testing.T) {
	root := restricted(t)
	from, to := root.must("CreateKey").KeyMetadata.KeyId, root.must("CreateKey").KeyMetadata.KeyId
	root.must("CreateAlias", "KeyId", to, "AliasName", "alias/to")
	blob := root.must("Encrypt", "KeyId", from, "Plaintext", "eA==").CiphertextBlob
	on := func(action, key string) server.Allow {
		return server.Allow{Actions: []string{action}, Resources: []string{keyARN(key)}}
	}
	for name, tc := range map[string]struct {
		allowed []server.Allow
		missing string
	}{
		"both":              {[]server.Allow{on("kms:ReEncryptFrom", from), on("kms:ReEncryptTo", to)}, ""},
		"both in one":       {[]server.Allow{on("kms:ReEncrypt*", "*")}, ""},
		"both of KMS":       {[]server.Allow{on("kms:*", "*")}, ""},
		"source alone":      {[]server.Allow{on("kms:ReEncryptFrom", from)}, "kms:ReEncryptTo"},
		"destination alone": {[]server.Allow{on("kms:ReEncryptTo", to)}, "kms:ReEncryptFrom"},
		"the wrong way": {
			[]server.Allow{on("kms:ReEncryptFrom", to), on("kms:ReEncryptTo", from)}, "kms:ReEncrypt",
		},
		"another destination": {
			[]server.Allow{on("kms:ReEncryptFrom", from), on("kms:ReEncryptTo", from)}, "kms:ReEncryptTo",
		},
		"to decrypt and encrypt": {[]server.Allow{on("kms:Decrypt", "*"), on("kms:Encrypt", "*")}, "kms:ReEncryptFrom"},
	} {
		t.Run(name, func(t *testing.T) {
			c := root.allow("LTAIsome", tc.allowed...)
			for _, destination := range []string{to, "alias/to", keyARN(to)} {
				got := c.do("ReEncrypt", "CiphertextBlob", blob, "DestinationKeyId", destination)
				if tc.missing == "" {
					require.Equal(t, http.StatusOK, got.status, "%s", got.body)
					continue
				}
				got.refused(t, kmsapi.ErrNoPermission)
				require.Contains(t, got.Message, tc.missing, "it names the one that is missing")
				require.NotContains(t, got.Message, from, "the request does not name it")
			}
		})
	}
	t.Run("there is no action of its own name", func(t *testing.T) {
		key := accessKey("LTAIsome", on("kms:ReEncrypt", "*"))
		config := server.Config{Accounts: []server.Account{{ID: "1", AccessKeys: []server.AccessKey{key}}}}
		require.ErrorContains(t, config.Validate(), `the operation ReEncrypt needs kms:ReEncryptFrom, kms:ReEncryptTo`)
	})
}

func TestReEncryptStaysWithinAccountAndRegion(t *testing.T) {
	w := configured(t, func(c *server.Config) {
		c.Accounts = []server.Account{
			{ID: "1", AccessKeys: []server.AccessKey{accessKey("LTAIone")}},
			{ID: "2", AccessKeys: []server.AccessKey{accessKey("LTAItwo")}},
		}
	})
	one, two, elsewhere := w.as("LTAIone"), w.as("LTAItwo"), w.as("LTAIone")
	elsewhere.region = "cn-beijing"
	key := func(c caller) string { return c.must("CreateKey").KeyMetadata.KeyId }
	mine := key(one)
	blob := one.must("Encrypt", "KeyId", mine, "Plaintext", "eA==").CiphertextBlob
	for _, other := range []caller{two, elsewhere} {
		theirs := key(other)
		one.do("ReEncrypt", "CiphertextBlob", blob, "DestinationKeyId", theirs).refused(t, kmsapi.ErrKeyNotFound)
		other.do("ReEncrypt", "CiphertextBlob", blob, "DestinationKeyId", theirs).refused(t, kmsapi.ErrKeyNotFound)
	}
	one.must("ReEncrypt", "CiphertextBlob", blob, "DestinationKeyId", mine)
}

func TestReEncryptBetweenInstances(t *testing.T) {
	w := withInstances(t, server.Instance{ID: "kst-other"})
	inside, other, outside := w.createIn(), w.createKey("DKMSInstanceId", "kst-other"), w.createKey()
	blobs := map[string]string{}
	for _, id := range []string{inside, other, outside} {
		blobs[id] = w.must("Encrypt", "KeyId", id, "Plaintext", "eA==").CiphertextBlob
	}
	for _, blob := range blobs {
		for to := range blobs {
			w.must("ReEncrypt", "CiphertextBlob", blob, "DestinationKeyId", to)
			w.dedicated().do("ReEncrypt", "CiphertextBlob", blob, "DestinationKeyId", to).
				refused(t, kmsapi.ErrInvalidAPIName)
		}
	}
	w.setInstance(off)
	w.do("ReEncrypt", "CiphertextBlob", blobs[inside], "DestinationKeyId", outside).
		refused(t, kmsapi.ErrUnsupportedOperation)
	w.do("ReEncrypt", "CiphertextBlob", blobs[outside], "DestinationKeyId", inside).
		refused(t, kmsapi.ErrUnsupportedOperation)
	w.must("ReEncrypt", "CiphertextBlob", blobs[other], "DestinationKeyId", outside)
}

// asymmetricSource returns the parameters that name the asymmetric key that decrypts.
func (p pair) asymmetricSource(algorithm string) []string {
	return []string{
		"SourceKeyId", p.id, "SourceKeyVersionId", p.version, "SourceEncryptionAlgorithm", algorithm,
	}
}

func TestCiphertextsOfAsymmetricKeysMoveToSymmetricOnes(t *testing.T) {
	l := newPairLab(t, nil)
	to := l.createKey()
	for _, spec := range rsaSpecs {
		for _, algorithm := range kmsapi.Algorithms(spec, kmsapi.KeyUsageEncryptDecrypt) {
			t.Run(spec+" "+algorithm, func(t *testing.T) {
				l.t = t
				p := l.createPair(spec, kmsapi.KeyUsageEncryptDecrypt)
				sealed := l.must("AsymmetricEncrypt", p.with("Algorithm", algorithm, "Plaintext", "c2VjcmV0")...)
				moved := l.must("ReEncrypt", append(p.asymmetricSource(algorithm), "CiphertextBlob", sealed.CiphertextBlob,
					"DestinationKeyId", to, "DestinationEncryptionContext", `{"a":"b"}`)...)
				require.Equal(t, p, pair{moved.KeyId, moved.KeyVersionId}, "the answer names what has decrypted")
				require.NotContains(t, string(moved.body), "c2VjcmV0")
				opened := l.must("Decrypt", "CiphertextBlob", moved.CiphertextBlob, "EncryptionContext", `{"a":"b"}`)
				require.Equal(t, "c2VjcmV0", opened.Plaintext, "the base64 of the bytes")
			})
		}
	}
}

func TestAnExportedDataKeyComesBackByReEncrypt(t *testing.T) {
	l := newPairLab(t, nil)
	p, to := l.createPair("RSA_2048", kmsapi.KeyUsageEncryptDecrypt), l.createKey()
	block, _ := pem.Decode([]byte(l.must("GetPublicKey", p.with()...).PublicKey))
	made := l.must("GenerateAndExportDataKey", append(setPair(toRecipient(), "PublicKeyBlob", encode64(block.Bytes)),
		"KeyId", to)...)
	back := l.must("ReEncrypt", append(p.asymmetricSource(kmsapi.EncryptOAEPSHA256),
		"CiphertextBlob", made.ExportedDataKey, "DestinationKeyId", to)...)
	require.Equal(t, l.must("Decrypt", "CiphertextBlob", made.CiphertextBlob).Plaintext,
		l.must("Decrypt", "CiphertextBlob", back.CiphertextBlob).Plaintext)
}

func TestAnAsymmetricSourceThatDoesNotFit(t *testing.T) {
	l := newPairLab(t, nil)
	p, signs := l.createPair("RSA_2048", kmsapi.KeyUsageEncryptDecrypt), l.createPair("RSA_2048", "")
	other, to := l.createPair("RSA_3072", kmsapi.KeyUsageEncryptDecrypt), l.createKey()
	symmetric := pair{to, l.metadata(to).PrimaryKeyVersion}
	const algorithm = kmsapi.EncryptOAEPSHA256
	good := l.must("AsymmetricEncrypt", p.with("Algorithm", algorithm, "Plaintext", "eA==")...).CiphertextBlob
	blob := l.must("Encrypt", "KeyId", to, "Plaintext", "eA==").CiphertextBlob
	try := func(source []string, ciphertext, destination string) answer {
		return l.do("ReEncrypt", append(source, "CiphertextBlob", ciphertext, "DestinationKeyId", destination)...)
	}
	for _, name := range []string{"SourceKeyId", "SourceKeyVersionId", "SourceEncryptionAlgorithm"} {
		got := try(setPair(p.asymmetricSource(algorithm), name, ""), good, to)
		got.refused(t, kmsapi.ErrMissingParameter)
		require.Contains(t, got.Message, `"`+name+`"`)
	}
	for name, tc := range map[string]struct {
		source []string
		want   *kmsapi.Error
		says   string
	}{
		"a key that signs": {signs.asymmetricSource(algorithm), kmsapi.ErrUnsupportedOperation, "KeyUsage"},
		"a symmetric key":  {symmetric.asymmetricSource(algorithm), kmsapi.ErrUnsupportedOperation, "KeySpec"},
		"another key's version": {
			pair{p.id, other.version}.asymmetricSource(algorithm), kmsapi.ErrKeyVersionNotFound, "",
		},
		"no version":           {pair{p.id, "none"}.asymmetricSource(algorithm), kmsapi.ErrKeyVersionNotFound, ""},
		"no key":               {pair{"none", p.version}.asymmetricSource(algorithm), kmsapi.ErrKeyNotFound, ""},
		"an algorithm of none": {p.asymmetricSource("ROT13"), kmsapi.ErrInvalidParameter, "SourceEncryptionAlgorithm"},
		"an algorithm that signs": {
			p.asymmetricSource(kmsapi.SignPSS), kmsapi.ErrInvalidParameter, "SourceEncryptionAlgorithm",
		},
		"an encryption context too": {
			append(p.asymmetricSource(algorithm), "SourceEncryptionContext", `{"a":"b"}`),
			kmsapi.ErrInvalidParameter, "SourceEncryptionContext",
		},
	} {
		t.Run(name, func(t *testing.T) {
			l.t = t
			got := try(tc.source, good, to)
			got.refused(t, tc.want)
			require.Contains(t, got.Message, tc.says)
		})
	}
	l.t = t // The last subtest has ended.
	for _, destination := range []string{p.id, signs.id} {
		try(p.asymmetricSource(algorithm), good, destination).refused(t, kmsapi.ErrUnsupportedOperation)
		try(nil, blob, destination).refused(t, kmsapi.ErrUnsupportedOperation)
	}
	said := map[string]bool{}
	for _, wrong := range []string{"!", "eA==", blob, encode64(make([]byte, 256)), good[:len(good)-4], "AAAA" + good[4:]} {
		got := try(p.asymmetricSource(algorithm), wrong, to)
		got.refused(t, kmsapi.ErrInvalidParameter)
		said[got.Message] = true
	}
	for _, source := range [][]string{other.asymmetricSource(algorithm), p.asymmetricSource(kmsapi.EncryptOAEPSHA1)} {
		said[try(source, good, to).Message] = true
	}
	decrypted := l.do("AsymmetricDecrypt", p.with("Algorithm", algorithm, "CiphertextBlob", "eA==")...)
	require.Equal(t, map[string]bool{decrypted.Message: true}, said, "AsymmetricDecrypt says the same")
	l.must("DisableKey", "KeyId", p.id)
	try(p.asymmetricSource(algorithm), good, to).refused(t, kmsapi.ErrRejectedDisabled)
	require.Equal(t, p.id, l.lastLine()["key_id"])
	require.Equal(t, to, l.lastLine()["destination_key_id"])
}

func TestTheAuditLineOfReEncryptNamesBothKeys(t *testing.T) {
	l := newLab(t, nil)
	from, to, disabled := l.createKey("DKMSInstanceId", "kst-dev"), l.createKey(), l.createKey()
	instances := map[any]string{from: "kst-dev"}
	l.must("CreateAlias", "KeyId", to, "AliasName", "alias/to")
	l.must("DisableKey", "KeyId", disabled)
	blob := l.must("Encrypt", "KeyId", from, "Plaintext", "eA==").CiphertextBlob
	outside := l.must("Encrypt", "KeyId", to, "Plaintext", "eA==").CiphertextBlob
	require.NotContains(t, l.lastLine(), "destination_key_id", "other lines don't have it")
	require.NotContains(t, l.lastLine(), "destination_instance_id")
	const lost = "00000000-0000-4000-8000-000000000000"
	for name, tc := range map[string]struct {
		blob, destination string
		key, encrypts     any
		asked             any
	}{
		"by id":             {blob, to, from, to, nil},
		"by alias":          {blob, "alias/to", from, to, names{"DestinationKeyId": "alias/to"}},
		"into an instance":  {outside, from, to, from, nil},
		"to the same key":   {blob, from, from, from, nil},
		"to a disabled key": {blob, disabled, from, disabled, nil},
		"to no key":         {blob, lost, from, nil, names{"DestinationKeyId": lost}},
		"of a lost key":     {otherVersion(t, blob, lost), to, "", nil, names{"DestinationKeyId": to, "KeyVersionId": lost}},
		"of no ciphertext":  {"bm9uZQ==", to, "", nil, names{"DestinationKeyId": to}},
		"of a spoilt one":   {blob[:len(blob)-8] + "AAAAAAA=", to, from, to, nil},
	} {
		t.Run(name, func(t *testing.T) {
			l.t = t
			l.do("ReEncrypt", "CiphertextBlob", tc.blob, "DestinationKeyId", tc.destination)
			line := l.lastLine()
			require.Equal(t, tc.key, line["key_id"])
			require.Equal(t, tc.encrypts, line["destination_key_id"])
			require.Equal(t, tc.asked, line["asked"])
			require.NotContains(t, fmt.Sprint(line), blob[60:90])
			require.Equal(t, instances[tc.key], line["instance_id"], "that of the key that decrypts")
			encryptsIn, inOne := line["destination_instance_id"]
			require.Equal(t, instances[tc.encrypts] != "", inOne, "that of the key that encrypts")
			require.True(t, !inOne || encryptsIn == instances[tc.encrypts])
		})
	}
}
