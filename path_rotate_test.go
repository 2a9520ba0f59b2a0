package alicloudkms

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/versions"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// direct returns a client that is not watched, to act in KMS as others do.
func (r *rig) direct() *directKMS {
	r.t.Helper()
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(r.t, err)
	r.t.Cleanup(direct.Close)
	return &directKMS{r.t, kmsClient{direct}}
}

type directKMS struct {
	t *testing.T
	kms
}

// do sends a request that must succeed.
func (k *directKMS) do(q kmsapi.Request) kmsapi.Response {
	k.t.Helper()
	answer, err := k.Do(k.t.Context(), q)
	require.NoError(k.t, err)
	return answer
}

// rotate gives a CMK a new version behind the engine's back.
func (k *directKMS) rotate(cmk string) {
	k.t.Helper()
	k.do(&kmsapi.CreateKeyVersionRequest{KeyId: cmk})
}

func (k *directKMS) describe(cmk string) kmsapi.KeyMetadata {
	k.t.Helper()
	return k.do(&kmsapi.DescribeKeyRequest{KeyId: cmk}).(*kmsapi.DescribeKeyResponse).KeyMetadata
}

// version returns the number in a ciphertext.
func version(t *testing.T, ciphertext string) (n int) {
	t.Helper()
	_, err := fmt.Sscanf(ciphertext, "vault:v%d:", &n)
	require.NoError(t, err)
	return n
}

// opens requires that a key opens ciphertexts of hello.
func (r *rig) opens(key string, ciphertexts ...string) {
	r.t.Helper()
	for _, ciphertext := range ciphertexts {
		require.Equal(r.t, hello, r.write("decrypt/"+key, body{"ciphertext": ciphertext}).Data["plaintext"])
	}
}

func TestRotatedKeyEncryptsWithItsNewestVersionAndOpensAll(t *testing.T) {
	r := newKeyRig(t, "a")
	var ciphertexts []string
	for n := 1; n <= 3; n++ {
		for _, path := range []string{"datakey/plaintext/a", "datakey/wrapped/a"} {
			resp := r.write(path, nil)
			require.Equal(t, n, version(t, resp.Data["ciphertext"].(string)))
			require.Equal(t, n, resp.Data["key_version"])
		}
		ciphertexts = append(ciphertexts, r.encrypt("a", hello))
		require.Equal(t, n, version(t, ciphertexts[n-1]))
		require.Equal(t, n, r.read("keys/a").Data["latest_version"])
		resp := r.write("keys/a/rotate", nil)
		require.Equal(t, n+1, resp.Data["latest_version"])
		require.Len(t, resp.Data["keys"], n+1)
	}
	r.opens("a", ciphertexts...)
	again := r.write("rewrap/a", body{"ciphertext": ciphertexts[0]}).Data
	require.Equal(t, 4, version(t, again["ciphertext"].(string)))
	require.Equal(t, 4, again["key_version"])
	require.Equal(t, 4, r.read("keys/a").Data["latest_version"])
}

func TestNumberOfACiphertextIsNotBelieved(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	old := strings.TrimPrefix(r.encrypt("a", hello), "vault:v1:")
	r.write("keys/a/rotate", nil)
	for _, prefix := range []string{"", "vault:v1:", "vault:v2:", "vault:v7:", "vault:v99999999999999999999:"} {
		r.opens("a", prefix+old)
		_, err := r.tryWrite("decrypt/b", body{"ciphertext": prefix + old})
		refused(t, err, 403, "not made by this key")
	}
	r.write("keys/a/config", body{"min_decryption_version": 2})
	for _, prefix := range []string{"", "vault:v1:", "vault:v2:", "vault:v7:"} {
		for _, path := range []string{"decrypt/a", "rewrap/a"} {
			_, err := r.tryWrite(path, body{"ciphertext": prefix + old})
			refused(t, err, 400, "version 1", "version 2 and later")
		}
	}
}

func TestRotationWhoseAnswerIsLostIsFound(t *testing.T) {
	r := newKeyRig(t, "a")
	lose := true
	r.kms.after = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpCreateKeyVersion && lose {
			return lost(q.Operation())
		}
		return nil
	}
	require.Equal(t, 2, r.write("keys/a/rotate", nil).Data["latest_version"])
	require.Equal(t, 1, r.kms.count(kmsapi.OpCreateKeyVersion), "it is not repeated")
	require.Equal(t, 2, version(t, r.encrypt("a", hello)))

	r.fails(kmsapi.OpCreateKeyVersion, lost(kmsapi.OpCreateKeyVersion))
	stored := r.storedKey("a")
	_, err := r.tryWrite("keys/a/rotate", nil)
	refused(t, err, 502, "may have made a version")
	require.Equal(t, stored, r.storedKey("a"))
	require.Equal(t, 2, version(t, r.encrypt("a", hello)))
}

func TestVersionThatIsNotListedAfterItWasMadeHasARow(t *testing.T) {
	for name, fails := range map[string]error{
		"KMS does not list any":   answered(kmsapi.ErrNoPermission),
		"KMS fails meanwhile":     lost(kmsapi.OpListKeyVersions),
		"KMS throttles meanwhile": answered(kmsapi.ErrThrottling),
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			made := false
			r.kms.before = func(_ context.Context, q kmsapi.Request) error {
				made = made || q.Operation() == kmsapi.OpCreateKeyVersion
				if made && q.Operation() == kmsapi.OpListKeyVersions {
					return fails
				}
				return nil
			}
			r.write("keys/a/rotate", nil)
			require.Equal(t, 2, version(t, r.encrypt("a", hello)))
			r.kms.before = nil
			require.Equal(t, 3, r.write("keys/a/rotate", nil).Data["latest_version"])
		})
	}
}

func TestRefusedRotationTellsOfANewKMSKey(t *testing.T) {
	r := newKeyRig(t, "a")
	for refusal, status := range map[*kmsapi.Error]int{
		kmsapi.ErrUnsupportedOperation: 400, kmsapi.ErrRejectedUnsupportedOperation: 400, kmsapi.ErrLimitExceeded: 400,
		kmsapi.ErrActionNotFound: 400, kmsapi.ErrNoPermission: 403,
	} {
		r.fails(kmsapi.OpCreateKeyVersion, answered(refusal))
		_, err := r.tryWrite("keys/a/rotate", nil)
		refused(t, err, status, string(refusal.Code), refusal.Message, "kms/keys/a/rotate new_cmk=true")
	}
	require.Equal(t, 1, version(t, r.encrypt("a", hello)))
}

func TestKMSRotatesBehindTheEnginesBack(t *testing.T) {
	r := newKeyRig(t, "a")
	first := r.encrypt("a", hello)
	r.direct().rotate(r.keyID("a"))
	second := r.encrypt("a", hello)
	require.Equal(t, 1, version(t, second), "the newest row stands for a version that has none")
	r.write("encrypt/a", body{"plaintext": hello, "key_version": 1})
	r.opens("a", first, second)
	r.write("keys/a/config", body{"min_decryption_version": 2})
	r.opens("a", second)
	third := r.encrypt("a", hello)
	require.Equal(t, 2, version(t, third))
	_, err := r.tryWrite("decrypt/a", body{"ciphertext": first})
	refused(t, err, 400, "version 1")
	r.direct().rotate(r.keyID("a"))
	r.opens("a", r.encrypt("a", hello))
}

func TestVersionToEncryptWith(t *testing.T) {
	r := newKeyRig(t, "a")
	ciphertext := r.encrypt("a", hello)
	r.write("keys/a/rotate", nil)
	for path, data := range map[string]body{
		"encrypt/a": {"plaintext": hello}, "rewrap/a": {"ciphertext": ciphertext}, "datakey/wrapped/a": {},
		"datakey/plaintext/a": {},
	} {
		for _, good := range []any{nil, 0, "0", 2, "2", " 2 "} {
			require.Equal(t, 2, r.write(path, with(data, body{"key_version": good})).Data["key_version"])
		}
		for bad, message := range map[any]string{
			1: "0 or 2", "1": "0 or 2", 3: "no version 3", -1: "negative", "two": "integer", true: "integer", "": "integer",
		} {
			_, err := r.tryWrite(path, with(data, body{"key_version": bad}))
			refused(t, err, 400, message)
		}
	}
	resp := r.write("encrypt/a", body{"batch_input": []any{
		body{"plaintext": hello, "key_version": "2"}, body{"plaintext": hello}, body{"plaintext": hello, "key_version": 0},
	}})
	require.Len(t, resultsOf(t, resp), 3)
}

func TestKeyWithTooManyVersionsIsNotRotated(t *testing.T) {
	r := newKeyRig(t, "a")
	entry := r.entry("a")
	fill := func(n int) {
		for i := len(entry.versions.Rows); i < n; i++ {
			row := versions.Row{CMK: "another", KeyVersionID: fmt.Sprint(i)}
			entry.versions.Rows = slices.Insert(entry.versions.Rows, 0, row)
		}
		require.NoError(t, r.backend().storeKey(t.Context(), r.storage, "a", entry))
	}
	fill(maxRows * 8 / 10)
	require.Empty(t, r.write("keys/a/rotate", nil).Warnings)
	entry = r.entry("a")
	fill(maxRows * 9 / 10)
	require.Contains(t, r.write("keys/a/rotate", nil).Warnings[0], "trim")
	entry = r.entry("a")
	fill(maxRows)
	for _, data := range []body{nil, {"new_cmk": true}, {"key_id": r.direct().makeCMK(&kmsapi.CreateKeyRequest{})}} {
		calls := r.kms.count(kmsapi.OpCreateKeyVersion) + r.kms.count(kmsapi.OpCreateKey)
		_, err := r.tryWrite("keys/a/rotate", data)
		refused(t, err, 400, "trim")
		require.Equal(t, calls, r.kms.count(kmsapi.OpCreateKeyVersion)+r.kms.count(kmsapi.OpCreateKey))
	}
	r.direct().rotate(r.keyID("a"))
	r.opens("a", r.encrypt("a", hello))
	clock := r.withClock()
	r.minutes(clock, 80)
	require.Equal(t, maxRows, r.entry("a").versions.Newest())
	require.Equal(t, 2, strings.Count(r.log.String(), "need attention"), "once when nearly full, and once when full")
	r.write("keys/a/config", body{"min_decryption_version": maxRows, "min_encryption_version": maxRows})
	r.write("keys/a/trim", body{"min_available_version": maxRows})
	r.write("keys/a/config", body{"min_decryption_version": 0})
	require.Equal(t, maxRows+1, r.entry("a").versions.Newest(), "there is room for what KMS has made")
}
