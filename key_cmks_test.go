package alicloudkms

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// cmksOf returns the cmks of a key as in answers, each with its state and versions.
func cmksOf(cmks []string, states ...kmsapi.KeyState) (shown []map[string]any) {
	versions := [][]int{{1, 2}, {3}, {4, 5}}
	for i, cmk := range cmks {
		shown = append(shown, body{"key_id": cmk, "key_state": string(states[i]), "versions": versions[i]})
	}
	return shown
}

func TestReadShowsAllKMSKeysOfAKey(t *testing.T) {
	r, cmks := newStatesRig(t)
	clock := r.withClock()
	r.write("keys/a/enable", nil) // This drops what was read by the other clock.
	want := cmksOf(cmks, all(kmsapi.Enabled, 3)...)
	require.Equal(t, want, r.read("keys/a").Data["cmks"])
	require.Equal(t, want, r.read("keys/a/config").Data["cmks"])
	require.Equal(t, want, r.write("keys/a/config", nil).Data["cmks"])

	disabled(r.direct(), cmks[0])
	before := r.kms.total()
	require.Equal(t, want, r.read("keys/a").Data["cmks"])
	require.Equal(t, before, r.kms.total(), "what is less than 10 s old costs no call")
	clock.time = clock.time.Add(factsAge)
	require.Equal(t, cmksOf(cmks, kmsapi.Disabled, kmsapi.Enabled, kmsapi.Enabled), r.read("keys/a").Data["cmks"])
	r.write("keys/a/disable", nil)
	require.Equal(t, cmksOf(cmks, all(kmsapi.Disabled, 3)...), r.read("keys/a").Data["cmks"],
		"what the engine has changed shows at once")
	require.Equal(t, cmks[1], r.read("keys/b").Data["key_id"])
	require.NotEmpty(t, r.read("keys/b").Data["creation_date"], "the newest KMS key of another name is shown whole")
}

func TestUnknownStateOfAnEarlierKMSKeyIsAWarning(t *testing.T) {
	r, cmks := newStatesRig(t)
	for code, err := range map[string]error{
		"Forbidden.NoPermission": answered(kmsapi.ErrNoPermission), "Forbidden.KeyNotFound": answered(kmsapi.ErrKeyNotFound),
	} {
		r.kms.before = nil
		r.write("keys/a/enable", nil) // This drops what was read before.
		r.kms.before = failsFor(kmsapi.OpDescribeKey, cmks[0], err)
		resp := r.read("keys/a")
		require.Contains(t, strings.Join(resp.Warnings, "\n"), code)
		require.Equal(t, cmksOf(cmks, "", kmsapi.Enabled, kmsapi.Enabled), resp.Data["cmks"])
	}
}

func TestNewKeyShowsItsKMSKey(t *testing.T) {
	r := newKeyRig(t)
	made := r.write("keys/a", nil)
	require.Equal(t, []map[string]any{{"key_id": r.keyID("a"), "key_state": "Enabled", "versions": []int{1}}},
		made.Data["cmks"])
	old := r.keyID("a")
	rotated := r.write("keys/a/rotate", body{"new_cmk": true})
	require.Equal(t, []map[string]any{
		{"key_id": old, "key_state": "Enabled", "versions": []int{1}},
		{"key_id": r.keyID("a"), "key_state": "Enabled", "versions": []int{2}},
	}, rotated.Data["cmks"])
}

func TestDeregisterNamesWhatRegisterNeeds(t *testing.T) {
	r, ciphertexts := newVersionsRig(t)
	cmks := ids(r.entry("a").cmks())
	resp := r.write("keys/a/deregister", nil)
	require.Equal(t, body{"key_id": cmks[2], "key_ids": cmks, "region": "cn-hangzhou", "envelope_id": ""}, resp.Data)
	again := r.write("keys/a/register", body{"key_id": cmks[2], "previous_key_ids": cmks[:2]})
	require.Equal(t, cmksOf(cmks, all(kmsapi.Enabled, 3)...), again.Data["cmks"])
	r.opens("a", ciphertexts...)
}

func TestDeregisterWarnsOfKMSKeysWithoutAVersion(t *testing.T) {
	r, _ := newVersionsRig(t)
	cmks := ids(r.entry("a").cmks())
	r.write("keys/a/config", body{"min_decryption_version": 5, "min_encryption_version": 5})
	r.write("keys/a/trim", body{"min_available_version": 4})
	resp := r.write("keys/a/deregister", nil)
	require.Equal(t, cmks[2:], resp.Data["key_ids"])
	require.Contains(t, resp.Warnings[0], strings.Join(cmks[:2], ", "))
}

func TestNamesThatShareAnEarlierKMSKeyShareIt(t *testing.T) {
	r, cmks := newStatesRig(t)
	require.Equal(t, []string{"a", "b"}, info(r.list("cmks", nil), cmks[1])["names"])
	require.Equal(t, []string{"a"}, info(r.list("cmks", nil), cmks[0])["names"])
	r.write("aliases/old", body{"key": "b"})
	require.Equal(t, []string{"a", "b"}, r.read("aliases/old").Data["names"])

	warned := func(resp *logical.Response) string { return strings.Join(resp.Warnings, "\n") }
	require.Contains(t, warned(r.write("keys/c/register", body{"key_id": cmks[0]})), "the others encrypt")
	require.Contains(t, warned(r.write("keys/a/config", body{"bound_context": "team=hr"})), ": b, c")
	bound := body{"key_id": cmks[0], "bound_context": "team=it"}
	require.NotContains(t, warned(r.write("keys/d/register", bound)), ": a, ")
	unrelated := body{"key_id": r.keyID("unrelated"), "previous_key_ids": cmks[0], "bound_context": "team=hr"}
	require.Contains(t, warned(r.write("keys/e/register", unrelated)), ": a, c, unrelated")
}

func TestRewrapBringsTheTextsOfEarlierKMSKeysToTheNewest(t *testing.T) {
	r, ciphertexts := newVersionsRig(t)
	for _, ciphertext := range ciphertexts {
		rewrapped := r.write("rewrap/a", body{"ciphertext": ciphertext}).Data["ciphertext"].(string)
		require.Equal(t, 5, version(t, rewrapped))
		r.opens("a", rewrapped, ciphertext)
	}
	r.write("keys/a/disable", nil)
	for _, ciphertext := range ciphertexts {
		_, err := r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
		refused(t, err, 409, "kms/keys/a/enable")
	}
	r.write("keys/a/enable", nil)
	r.opens("a", ciphertexts...)
}

// A key that has moved into a KMS instance still opens its earlier ciphertexts.
func TestCiphertextOfAnEarlierKMSKeyOpensOverItsOwnGateway(t *testing.T) {
	r, _ := newInstanceRig(t)
	r.write("keys/a", body{"instance_id": otherInstance})
	old := r.encrypt("a", hello)
	r.write("keys/b", nil)
	r.write("keys/a/rotate", body{"key_id": r.keyID("b")})
	bare := old[strings.LastIndex(old, ":")+1:]
	for host, ciphertexts := range map[string][]string{
		sharedHost: {old, bare, "vault:v2:" + bare}, dedicatedHost: {r.encrypt("a", hello)},
	} {
		for _, ciphertext := range ciphertexts {
			r.opens("a", ciphertext)
			require.Equal(t, host, r.kms.at[kmsapi.OpDecrypt])
			r.write("rewrap/a", body{"ciphertext": ciphertext})
			require.Equal(t, host, r.kms.at[kmsapi.OpDecrypt])
			require.Equal(t, dedicatedHost, r.kms.at[kmsapi.OpEncrypt])
		}
	}
	for _, nothing := range []string{"QUJD", strings.Repeat("QUJD", 16), "////" + bare[4:]} {
		_, err := r.tryWrite("decrypt/a", body{"ciphertext": nothing})
		require.Error(t, err)
	}
	r.write("keys/a/disable", nil)
	require.Equal(t, sharedHost, r.kms.at[kmsapi.OpDisableKey])
}

func TestRecreatedKeyNamesAllKMSKeysThatItHad(t *testing.T) {
	r, cmks := newStatesRig(t)
	scheduled(r.direct(), cmks[2])
	resp := r.write("keys/a", body{"recreate": true})
	warnings := strings.Join(resp.Warnings, "\n")
	require.Contains(t, warnings, cmks[2])
	require.Contains(t, warnings, strings.Join(cmks[:2], ", "))
	require.Len(t, resp.Data["cmks"], 1)
}
