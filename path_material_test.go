package alicloudkms

import (
	"context"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestDeletedMaterialIsRestoredByImport(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/mine/import", r.wrapped(ourMaterial))
	ciphertext := r.encrypt("mine", hello)
	require.Nil(t, r.do(logical.DeleteOperation, "keys/mine/material", nil))
	require.Equal(t, "PendingImport", r.keyState("mine"))
	require.Contains(t, r.log.String(), "key material was deleted")
	_, err := r.tryWrite("decrypt/mine", body{"ciphertext": ciphertext})
	refused(t, err, 409, "vault transit import kms/keys/mine @FILE")
	_, err = r.tryWrite("keys/mine/import", r.wrapped(otherMaterial))
	refused(t, err, 400, "only one material")
	r.write("keys/mine/import", r.wrapped(ourMaterial))
	require.Equal(t, hello, r.write("decrypt/mine", body{"ciphertext": ciphertext}).Data["plaintext"])
}

func TestMaterialThatKMSMadeCannotBeDeleted(t *testing.T) {
	r := newKeyRig(t, "theirs")
	_, err := r.try(logical.DeleteOperation, "keys/theirs/material", nil)
	refused(t, err, 400, "Unsupported.Origin", "vault delete kms/keys/theirs")
	_, err = r.try(logical.DeleteOperation, "keys/none/material", nil)
	refused(t, err, 404)
	require.NotContains(t, r.log.String(), "key material was deleted")
}

func TestDeletionWhoseAnswerIsLostIsUncertain(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/mine/import", r.wrapped(ourMaterial))
	r.kms.after = func(context.Context, kmsapi.Request) error { return errLost }
	_, err := r.try(logical.DeleteOperation, "keys/mine/material", nil)
	refused(t, err, 502, "may have deleted", "vault read kms/keys/mine")
}
