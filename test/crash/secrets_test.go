package crash

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// secret is a secret in a ledger. Its versions are v1, v2 and so on, the last of which is the current one.
type secret struct {
	// keyID is the CMK that encrypts the values, and empty if the service's key does.
	keyID    string
	versions int
	deleted  bool
}

func (l ledger) secretNames() []string { return slices.Sorted(maps.Keys(l.secrets)) }

func setSecret(name string, s secret) func(ledger) { return func(l ledger) { l.secrets[name] = s } }

func dropSecret(name string) func(ledger) { return func(l ledger) { delete(l.secrets, name) } }

func versionID(n int) string { return "v" + strconv.Itoa(n) }

// valueOf is long, so that a value does not fit into one page of the store.
func valueOf(name string, n int) kmsapi.Secret {
	return kmsapi.NewSecret(strings.Repeat(fmt.Sprintf("%s-%d ", name, n), 200))
}

// changeSecret makes a secret, or changes one of the newest. id is an enabled symmetric CMK.
func (w *writer) changeSecret(ctx context.Context, id string) error {
	names := w.ledger.secretNames()
	if len(names) < 3 || w.random.IntN(8) == 0 && len(names) < 30 {
		return w.createSecret(ctx, id)
	}
	name := names[w.random.IntN(len(names))]
	w.touchedSecrets[name] = true
	s := w.ledger.secrets[name]
	switch {
	case s.deleted && w.random.IntN(4) > 0:
		s.deleted = false
		return w.change(setSecret(name, s),
			discard(w.client.RestoreSecret(ctx, &kmsapi.RestoreSecretRequest{SecretName: name})))
	case s.deleted:
		r := &kmsapi.DeleteSecretRequest{SecretName: name, ForceDeleteWithoutRecovery: true}
		return w.change(dropSecret(name), discard(w.client.DeleteSecret(ctx, r)))
	case w.random.IntN(6) == 0 || s.keyID != "" && w.ledger.keys[s.keyID].state != kmsapi.Enabled:
		s.deleted = true
		return w.change(setSecret(name, s),
			discard(w.client.DeleteSecret(ctx, &kmsapi.DeleteSecretRequest{SecretName: name})))
	default:
		s.versions++
		r := &kmsapi.PutSecretValueRequest{
			SecretName: name, VersionId: versionID(s.versions), SecretData: valueOf(name, s.versions),
		}
		return w.change(setSecret(name, s), discard(w.client.PutSecretValue(ctx, r)))
	}
}

func (w *writer) createSecret(ctx context.Context, id string) error {
	name, s := w.name+"/"+w.unique(), secret{versions: 1}
	if w.random.IntN(2) == 0 {
		s.keyID = id
	}
	w.touchedSecrets[name] = true
	r := &kmsapi.CreateSecretRequest{
		SecretName: name, VersionId: versionID(1), SecretData: valueOf(name, 1), EncryptionKeyId: s.keyID,
	}
	return w.change(setSecret(name, s), discard(w.client.CreateSecret(ctx, r)))
}

// listSecrets gathers the names of all secrets.
func (i *inspector) listSecrets() {
	i.t.Helper()
	for page := 1; ; page++ {
		got, err := i.client.ListSecrets(i.t.Context(), &kmsapi.ListSecretsRequest{PageNumber: page, PageSize: pageSize})
		require.NoError(i.t, err)
		for _, s := range got.SecretList.Secret {
			i.secrets = append(i.secrets, s.SecretName)
		}
		if len(got.SecretList.Secret) < pageSize {
			return
		}
	}
}

// secretsOf returns the current state of a writer's secrets.
func (i *inspector) secretsOf(w *writer) map[string]secret {
	i.t.Helper()
	found := map[string]secret{}
	for _, name := range i.secrets {
		if strings.HasPrefix(name, w.name+"/") {
			found[name] = i.secret(name)
		}
	}
	return found
}

// secret reads a secret, and checks that all its versions and stages fit together.
func (i *inspector) secret(name string) secret {
	i.t.Helper()
	described, err := i.client.DescribeSecret(i.t.Context(), &kmsapi.DescribeSecretRequest{SecretName: name})
	require.NoError(i.t, err)
	listed, err := i.client.ListSecretVersionIds(i.t.Context(), &kmsapi.ListSecretVersionIdsRequest{
		SecretName: name, IncludeDeprecated: true,
	})
	require.NoError(i.t, err)
	all := listed.VersionIds.VersionId
	newest, err := strconv.Atoi(strings.TrimPrefix(all[0].VersionId, "v"))
	require.NoError(i.t, err)
	require.Len(i.t, all, min(newest, kmsapi.MaxSecretVersions), name)
	for n, v := range all {
		require.Equal(i.t, versionID(newest-n), v.VersionId, name)
		want := map[int][]string{0: {kmsapi.StageCurrent}, 1: {kmsapi.StagePrevious}}[n]
		require.ElementsMatch(i.t, want, v.VersionStages.VersionStage, name)
	}
	return secret{described.EncryptionKeyId, newest, described.PlannedDeleteTime != ""}
}

// readSecrets reads the values of a writer's secrets, as far as the states of their CMKs allow it.
func (i *inspector) readSecrets(w *writer, all bool) {
	i.t.Helper()
	for name, s := range w.ledger.secrets {
		if !all && !w.touchedSecrets[name] && w.random.IntN(len(w.ledger.secrets)) >= sample {
			continue
		}
		for n := max(1, s.versions-kmsapi.MaxSecretVersions+1); n <= s.versions; n++ {
			got, err := i.client.GetSecretValue(i.t.Context(), &kmsapi.GetSecretValueRequest{
				SecretName: name, VersionId: versionID(n),
			})
			switch {
			case s.deleted:
				require.ErrorIs(i.t, err, kmsapi.ErrResourceInDeleteWindow)
			case s.keyID == "" || i.allows(w.ledger.keys[s.keyID], err):
				require.NoError(i.t, err)
				require.Equal(i.t, valueOf(name, n).Reveal(), got.SecretData.Reveal(), name)
				i.read++
			}
		}
	}
}
