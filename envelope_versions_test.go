package alicloudkms

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// wrapper returns the CMK that wrapped the data key of a ciphertext, according to KMS.
func (r *rig) wrapper(key, ciphertext string) string {
	r.t.Helper()
	m := messageOfText(r.t, ciphertext)
	encCtx, err := dataKeyContext(r.entry(key), int(m.Version))
	require.NoError(r.t, err)
	opened := r.direct().do(&kmsapi.DecryptRequest{CiphertextBlob: b64(m.Wrapped), EncryptionContext: encCtx})
	return opened.(*kmsapi.DecryptResponse).KeyId
}

// newRotationsRig makes a key a in envelope mode whose versions 1 and 2 were wrapped by one CMK, 3 by a new CMK, 4 by
// an existing one, and 5 by one with imported material. It returns a ciphertext of each, and the CMKs.
func newRotationsRig(t *testing.T) (r *rig, ciphertexts, cmks []string) {
	t.Helper()
	r = newEnvelopeRig(t, "a")
	given := r.direct().makeCMK(&kmsapi.CreateKeyRequest{})
	for _, rotation := range []struct {
		path string
		data body
	}{
		{"rotate", nil},
		{"rotate", body{"new_cmk": true}},
		{"rotate", body{"key_id": given}},
		{"import_version", r.wrapped(ourMaterial)},
	} {
		ciphertexts = append(ciphertexts, r.encrypt("a", hello))
		r.write("keys/a/"+rotation.path, rotation.data)
	}
	return r, append(ciphertexts, r.encrypt("a", hello)), ids(r.entry("a").cmks())
}

func TestEachRotationOfAKeyInEnvelopeModeMakesADataKey(t *testing.T) {
	r, ciphertexts, cmks := newRotationsRig(t)
	require.Len(t, cmks, 4)
	require.Equal(t, r.keyID("a"), cmks[3])
	require.Zero(t, r.kms.count(kmsapi.OpCreateKeyVersion))
	for i, ciphertext := range ciphertexts {
		require.Equal(t, i+1, version(t, ciphertext))
		require.Equal(t, cmks[max(i-1, 0)], r.wrapper("a", ciphertext))
		require.True(t, r.entry("a").versions.Row(i+1).IsDataKey())
	}
	r.opens("a", ciphertexts...)
	read := r.read("keys/a").Data
	require.Equal(t, 5, read["latest_version"])
	require.Len(t, read["keys"], 5)
	require.Equal(t, "EXTERNAL", read["origin"])
	require.Len(t, read["cmks"], 4)
	r.logIsEmpty()
	again := r.write("rewrap/a", body{"ciphertext": ciphertexts[0]}).Data["ciphertext"].(string)
	require.Equal(t, 5, version(t, again))
	r.restart()
	r.opens("a", append(ciphertexts, again)...)
}

func TestDataKeyOfAKMSKeyThatIsDisabledDoesNotOpen(t *testing.T) {
	r, ciphertexts, cmks := newRotationsRig(t)
	disabled(r.direct(), cmks[1])
	r.restart()
	for i, ciphertext := range ciphertexts {
		_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
		if i == 2 {
			refused(t, err, 409, "Rejected.Disabled")
		} else {
			require.NoError(t, err)
		}
	}
}

func TestTrimRefusesTheTextsOfDataKeysThatItDrops(t *testing.T) {
	r, ciphertexts, cmks := newRotationsRig(t)
	r.write("keys/a/config", body{"min_decryption_version": 4, "min_encryption_version": 4, "deletion_allowed": true})
	resp := r.write("keys/a/trim", body{"min_available_version": 4, "delete_cmks": true})
	require.Equal(t, cmks[:2], resp.Data["deleted_key_ids"])
	require.Equal(t, 4, resp.Data["min_available_version"])
	calls := r.kms.total()
	for i, ciphertext := range ciphertexts {
		for _, path := range []string{"decrypt/a", "rewrap/a"} {
			_, err := r.tryWrite(path, body{"ciphertext": ciphertext})
			if i < 3 {
				refused(t, err, 400, "opens version 4 and later", "min_available_version")
			} else {
				require.NoError(t, err)
			}
		}
	}
	require.Equal(t, calls+2, r.kms.total(), "only those that open ask KMS")
	_, err := r.tryWrite("keys/a/config", body{"min_decryption_version": 3})
	refused(t, err, 400, "at least 4")
	_, err = r.tryWrite("encrypt/a", body{"plaintext": hello, "key_version": 3})
	refused(t, err, 400, "key_version must be 0, or 4 to 5")
	require.Equal(t, 6, r.write("keys/a/rotate", nil).Data["latest_version"])
}

func TestKeyVersionChoosesTheDataKey(t *testing.T) {
	r, ciphertexts, cmks := newRotationsRig(t)
	for n := 1; n <= 5; n++ {
		for path, data := range map[string]body{
			"encrypt/a": {"plaintext": hello, "key_version": n},
			"rewrap/a":  {"ciphertext": ciphertexts[0], "key_version": n},
		} {
			made := r.write(path, data).Data
			require.Equal(t, n, made["key_version"])
			ciphertext := made["ciphertext"].(string)
			require.Equal(t, n, version(t, ciphertext))
			require.Equal(t, cmks[max(n-2, 0)], r.wrapper("a", ciphertext))
			r.opens("a", ciphertext)
		}
	}
	r.write("keys/a/config", body{"min_encryption_version": 3})
	for asked, says := range map[int]string{-1: "0, or 3 to 5", 2: "0, or 3 to 5", 6: "no version 6"} {
		_, err := r.tryWrite("encrypt/a", body{"plaintext": hello, "key_version": asked})
		refused(t, err, 400, says)
	}
	require.Equal(t, 5, version(t, r.encrypt("a", hello)), "it is the oldest that may be asked for, not the default")
	r.opens("a", ciphertexts...)
}

func TestOldestVersionsOfAKeyInEnvelopeModeMayBeAny(t *testing.T) {
	r, ciphertexts, _ := newRotationsRig(t)
	for n := 1; n <= 5; n++ {
		set := r.write("keys/a/config", body{"min_decryption_version": n, "min_encryption_version": n}).Data
		require.Equal(t, n, set["min_encryption_version"])
		for i, ciphertext := range ciphertexts {
			_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
			require.Equal(t, i+1 >= n, err == nil)
		}
	}
	for _, bad := range []body{
		{"min_decryption_version": 6},
		{"min_encryption_version": 6},
		{"min_encryption_version": 4},
		{"min_encryption_version": -1},
	} {
		_, err := r.tryWrite("keys/a/config", bad)
		refused(t, err, 400, "min_encryption_version must")
	}
	require.Zero(t, r.kms.count(kmsapi.OpListKeyVersions), "the engine knows its own versions")
}

func TestDatakeyIsTheSameInBothModes(t *testing.T) {
	r := newKeyRig(t, "a")
	direct := r.encrypt("a", hello)
	r.write("keys/a/config", body{"encryption": "envelope"})
	datakey := func() string {
		t.Helper()
		made := r.write("datakey/plaintext/a", nil).Data
		require.Equal(t, made["plaintext"], r.decrypt("a", made["ciphertext"].(string)))
		return r.write("datakey/wrapped/a", nil).Data["ciphertext"].(string)
	}
	made := []string{datakey()}
	r.write("keys/a/rotate", nil)
	made = append(made, datakey())
	r.direct().rotate(r.keyID("a"))
	made = append(made, datakey())
	r.write("keys/a/config", body{"min_decryption_version": 3, "min_encryption_version": 3})
	made = append(made, datakey())
	r.write("keys/a/trim", body{"min_available_version": 3})
	made = append(made, datakey(), direct) // KMS made that with the same version.
	for _, ciphertext := range made {
		r.decrypt("a", ciphertext)
	}
	r.restart()
	r.decrypt("a", made[0])

	r.write("keys/a/rotate", body{"new_cmk": true})
	r.decrypt("a", datakey())
	r.write("keys/a/config", body{"min_decryption_version": 4, "min_encryption_version": 4})
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": made[0]})
	refused(t, err, 400, "min_decryption_version")
	r.write("keys/a/trim", body{"min_available_version": 4})
	_, err = r.tryWrite("decrypt/a", body{"ciphertext": made[0]})
	refused(t, err, 403, "not made by this key")
	datakey()
}

func TestKeyWithTooManyDataKeysIsNotRotated(t *testing.T) {
	r := newEnvelopeRig(t, "a")
	fill := func(n int) {
		r.changeEntry("a", func(e *keyEntry) {
			for len(e.versions.Rows) < n {
				e.versions = e.versions.AddDataKey(*e.versions.NewestRow())
			}
		})
	}
	fill(maxRows * 9 / 10)
	require.Contains(t, strings.Join(r.write("keys/a/rotate", nil).Warnings, "\n"), "trim")
	fill(maxRows)
	made := r.kms.count(kmsapi.OpGenerateDataKey)
	for _, data := range []body{nil, {"new_cmk": true}} {
		_, err := r.tryWrite("keys/a/rotate", data)
		refused(t, err, 400, "trim")
	}
	_, err := r.tryWrite("keys/a/import_version", r.wrapped(ourMaterial))
	refused(t, err, 400, "trim")
	_, err = r.tryWrite("keys/a/config", body{"encryption": "direct"})
	refused(t, err, 400, "trim")
	require.Equal(t, made, r.kms.count(kmsapi.OpGenerateDataKey))
	require.Len(t, r.cmks(), 1)
}

func TestTrimWarnsOfTheVersionThatKMSStillUses(t *testing.T) {
	r := newKeyRig(t, "a")
	direct := r.encrypt("a", hello)
	r.write("keys/a/config", body{"encryption": "envelope"})
	r.write("keys/a/config", body{"min_decryption_version": 2, "min_encryption_version": 2})
	trimmed := r.write("keys/a/trim", body{"min_available_version": 2})
	require.Contains(t, strings.Join(trimmed.Warnings, " "), "still opens")
	require.Equal(t, hello, r.decrypt("a", direct))

	r.write("keys/a/rotate", body{"new_cmk": true})
	r.write("keys/a/config", body{"min_decryption_version": 3, "min_encryption_version": 3})
	trimmed = r.write("keys/a/trim", body{"min_available_version": 3})
	require.NotContains(t, strings.Join(trimmed.Warnings, " "), "still opens")
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": direct})
	refused(t, err, 403)
}
