package alicloudkms

import (
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// descriptionInKMS returns the description of a key's CMK in KMS.
func (r *rig) descriptionInKMS(name string) string {
	r.t.Helper()
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(r.t, err)
	found, err := direct.DescribeKey(r.t.Context(), &kmsapi.DescribeKeyRequest{KeyId: r.keyID(name)})
	require.NoError(r.t, err)
	return found.KeyMetadata.Description
}

func TestDescriptionIsChangedAndTheMarkerStays(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a", body{"description": "first"})
	marker := strings.TrimPrefix(r.descriptionInKMS("a"), "first")
	require.Regexp(t, markerPattern, marker)
	r.write("keys/b/register", body{"key_id": r.keyID("a")})
	for _, step := range []struct {
		op          logical.Operation
		description any
		want, inKMS string
	}{
		{logical.UpdateOperation, "second", "second", "second" + marker},
		{logical.UpdateOperation, "two\nlines ", "two\nlines ", "two\nlines " + marker},
		{logical.UpdateOperation, "", "", strings.TrimSpace(marker)},
		{logical.PatchOperation, "third", "third", "third" + marker},
		{logical.PatchOperation, nil, "", strings.TrimSpace(marker)},
	} {
		for _, name := range []string{"a", "b"} {
			resp := r.do(step.op, "keys/"+name+"/config", body{"description": step.description})
			require.Equal(t, step.want, resp.Data["description"])
			require.Equal(t, step.want, r.read("keys/a").Data["description"])
			require.Equal(t, step.inKMS, r.descriptionInKMS("a"))
		}
	}
	long := strings.Repeat("é", maxDescription)
	require.Equal(t, long, r.write("keys/a/config", body{"description": long}).Data["description"])
	calls := r.kms.total()
	_, err := r.tryWrite("keys/a/config", body{"description": long + "x", "deletion_allowed": true})
	refused(t, err, 400, "description is too long")
	require.Equal(t, calls, r.kms.total())
	require.Equal(t, false, r.read("keys/a").Data["deletion_allowed"])
}

func TestDescriptionOfAKMSKeyWithoutAMarkerGetsNone(t *testing.T) {
	r := newKeyRig(t, "a")
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(t, err)
	made, err := direct.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{Description: "by hand"})
	require.NoError(t, err)
	r.write("keys/b/register", body{"key_id": made.KeyMetadata.KeyId})
	r.write("keys/b/config", body{"description": "by Vault"})
	require.Equal(t, "by Vault", r.descriptionInKMS("b"))
}

func TestDeletionProtectionIsThatOfKMS(t *testing.T) {
	r := newKeyRig(t, "a")
	require.Equal(t, false, r.read("keys/a").Data["deletion_protection"])
	resp := r.write("keys/a/config", body{"deletion_protection": "true", "deletion_allowed": true})
	require.Equal(t, true, resp.Data["deletion_protection"])
	require.Equal(t, true, r.read("keys/a/config").Data["deletion_protection"])
	_, err := r.try(logical.DeleteOperation, "keys/a", nil)
	refused(t, err, 409, "vault write kms/keys/a/config deletion_protection=false")
	resp = r.do(logical.PatchOperation, "keys/a/config", body{"deletion_protection": nil})
	require.Equal(t, false, resp.Data["deletion_protection"])
	r.remove("keys/a", nil)
	_, err = r.tryWrite("keys/a/config", body{"deletion_protection": true})
	refused(t, err, 409, "cancel_deletion")
}

func TestWhatKMSHasAlreadyIsNotWrittenAgain(t *testing.T) {
	r := newKeyRig(t, "a")
	settings := body{"description": "salaries", "deletion_protection": true}
	r.write("keys/a/config", settings)
	r.write("keys/a/config", settings)
	r.write("keys/a/config", body{"deletion_allowed": true})
	require.Equal(t, 1, r.kms.count(kmsapi.OpUpdateKeyDescription))
	require.Equal(t, 1, r.kms.count(kmsapi.OpSetDeletionProtection))
}

func TestSettingThatKMSRefusesStoresNothingAndSaysWhatIsDone(t *testing.T) {
	r := newKeyRig(t, "a")
	settings := body{"description": "new", "deletion_protection": true, "deletion_allowed": true}
	r.denies(kmsapi.OpSetDeletionProtection)
	_, err := r.tryWrite("keys/a/config", settings)
	refused(t, err, 403, "kms:SetDeletionProtection", "The description is changed.")
	require.Equal(t, "new", r.read("keys/a").Data["description"])
	require.Equal(t, false, r.read("keys/a").Data["deletion_allowed"])
	r.fails(kmsapi.OpUpdateKeyDescription, lost(kmsapi.OpUpdateKeyDescription))
	_, err = r.tryWrite("keys/a/config", body{"description": "newer"})
	refused(t, err, 502, "it does no harm to write it again")
	r.kms.before = nil
	require.Equal(t, true, r.write("keys/a/config", settings).Data["deletion_allowed"])
}
