package server_test

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// isOnSecret reports whether an operation is about one secret that exists.
func isOnSecret(op kmsapi.Operation) bool { return op.Resource() == kmsapi.NamedSecret }

// secretOf makes the secret called of- and id, under the CMK id, with two versions, ready for op.
func (w *wire) secretOf(op kmsapi.Operation, id string) {
	w.t.Helper()
	name := "of-" + id
	w.must("CreateSecret", "SecretName", name, "VersionId", "1", "SecretData", "eA==", "EncryptionKeyId", id)
	if op == kmsapi.OpRestoreSecret {
		w.must("DeleteSecret", "SecretName", name)
	}
}

// secretParameters returns parameters that suit every operation on the secret called name.
func secretParameters(name string) []string {
	return []string{
		"SecretName", name, "VersionId", "1", "SecretData", "eA==", "MoveToVersion", "1", "VersionStage", "ACSCurrent",
		"EnableAutomaticRotation", "false", "Description", "d", "Policy", defaultPolicy("123456"),
	}
}

// isOnPolicy reports whether op is about the policy of a key or a secret. Only keys and secrets in an instance have
// policies.
func isOnPolicy(op kmsapi.Operation) bool {
	return slices.Contains([]kmsapi.Operation{
		kmsapi.OpGetKeyPolicy, kmsapi.OpSetKeyPolicy, kmsapi.OpGetSecretPolicy, kmsapi.OpSetSecretPolicy,
	}, op)
}

// createSecret creates a secret as most tests need it.
func (w *wire) createSecret(name string, more ...string) answer {
	w.t.Helper()
	return w.do("CreateSecret", append([]string{
		"SecretName", name, "VersionId", "v1", "SecretData", "value of v1",
	}, more...)...)
}

func (w *wire) putValue(name, version string, more ...string) answer {
	w.t.Helper()
	return w.do("PutSecretValue", append([]string{
		"SecretName", name, "VersionId", version, "SecretData", "value of " + version,
	}, more...)...)
}

// value returns the version and the value that GetSecretValue returns.
func (w *wire) value(name string, more ...string) (version, data string) {
	w.t.Helper()
	answer := w.must("GetSecretValue", append([]string{"SecretName", name}, more...)...)
	got := into[kmsapi.GetSecretValueResponse](w.t, answer)
	return got.VersionId, got.SecretData.Reveal()
}

// stagesOf returns the stages of each version, including versions without stages.
func (w *wire) stagesOf(name string) map[string][]string {
	w.t.Helper()
	got := into[kmsapi.ListSecretVersionIdsResponse](w.t,
		w.must("ListSecretVersionIds", "SecretName", name, "IncludeDeprecated", "true"))
	require.Len(w.t, got.VersionIds.VersionId, got.TotalCount)
	all := map[string][]string{}
	for _, v := range got.VersionIds.VersionId {
		all[v.VersionId] = v.VersionStages.VersionStage
	}
	return all
}

// into decodes the body of an answer.
func into[T any](t interface {
	require.TestingT
	Helper()
}, got answer,
) (decoded T) {
	t.Helper()
	require.NoError(t, json.Unmarshal(got.body, &decoded), "%s", got.body)
	return decoded
}

func aSecretAfter(changes ...[]string) func(l *lab) []string {
	return func(l *lab) []string {
		l.must("CreateSecret", "SecretName", "s", "VersionId", "1", "SecretData", "one")
		for _, change := range changes {
			l.must(change[0], append([]string{"SecretName", "s"}, change[1:]...)...)
		}
		return []string{"SecretName", "s"}
	}
}

func secretSays(word string) func(l *lab, _ []string) bool {
	return func(l *lab, _ []string) bool {
		return strings.Contains(string(l.must("DescribeSecret", "SecretName", "s").body), word)
	}
}

// secretWritings are the operations on secrets that write.
var secretWritings = []writing{
	{
		kmsapi.OpCreateSecret,
		func(*lab) []string { return []string{"SecretName", "s", "VersionId", "1", "SecretData", "one"} },
		func(l *lab, _ []string) bool {
			listed := strings.Contains(string(l.must("ListSecrets").body), `"SecretName":"s"`)
			got := l.do("GetSecretValue", "SecretName", "s")
			require.Equal(l.t, listed, got.status == 200)
			return listed
		},
	},
	{
		kmsapi.OpPutSecretValue,
		func(l *lab) []string {
			return append(aSecretAfter()(l), "VersionId", "2", "SecretData", "two")
		},
		func(l *lab, _ []string) bool {
			is := strings.Contains(string(l.must("GetSecretValue", "SecretName", "s").body), `"SecretData":"two"`)
			versions := string(l.must("ListSecretVersionIds", "SecretName", "s").body)
			require.Equal(l.t, is, strings.Contains(versions, "ACSPrevious"))
			return is
		},
	},
	{
		kmsapi.OpUpdateSecret,
		func(l *lab) []string { return append(aSecretAfter()(l), "Description", "new words") },
		secretSays("new words"),
	},
	{
		kmsapi.OpUpdateSecretVersionStage,
		func(l *lab) []string { return append(aSecretAfter()(l), "VersionStage", "beta", "MoveToVersion", "1") },
		func(l *lab, _ []string) bool {
			return l.do("GetSecretValue", "SecretName", "s", "VersionStage", "beta").status == 200
		},
	},
	{
		kmsapi.OpSetSecretPolicy,
		func(l *lab) []string {
			l.must("CreateSecret", "SecretName", "s", "VersionId", "1", "SecretData", "one",
				"DKMSInstanceId", l.config.Instances[0].ID)
			return []string{"SecretName", "s", "Policy", strings.Replace(defaultPolicy("123456"), "kms default", "new", 1)}
		},
		func(l *lab, pairs []string) bool {
			return strings.Contains(l.must("GetSecretPolicy", pairs[:2]...).Policy, "new")
		},
	},
	{kmsapi.OpDeleteSecret, aSecretAfter(), secretSays("PlannedDeleteTime")},
	{
		kmsapi.OpRestoreSecret, aSecretAfter([]string{"DeleteSecret"}),
		func(l *lab, pairs []string) bool { return !secretSays("PlannedDeleteTime")(l, pairs) },
	},
}

// versionNames returns v01 to vN, except those in without.
func versionNames(n int, without ...string) (names []string) {
	for i := 1; i <= n; i++ {
		names = append(names, "v"+string(rune('0'+i/10))+string(rune('0'+i%10)))
	}
	return slices.DeleteFunc(names, func(name string) bool { return slices.Contains(without, name) })
}
