package sdk

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func (p player) newKeyIn(instance string) string {
	p.Helper()
	return p.newKey(kmsapi.CreateKeyRequest{DKMSInstanceId: instance}).KeyId
}

func TestSharedGatewayDoesNotEncryptForInstancesWithoutInternetAccess(t *testing.T) {
	everyGatewayOf(t, cloud, gateways[private], func(shared, dedicated player) {
		key, name := shared.newKeyIn(private), newAlias()
		shared.must(&kmsapi.CreateAliasRequest{AliasName: name, KeyId: key})
		sealed := dedicated.encrypt(key, "text", nil).CiphertextBlob
		for _, request := range []kmsapi.Request{
			encryptText(key),
			encryptText(name),
			&kmsapi.DecryptRequest{CiphertextBlob: sealed},
			&kmsapi.GenerateDataKeyRequest{KeyId: key},
		} {
			shared.refused(kmsapi.ErrUnsupportedOperation, request)
		}
		require.Equal(shared, "text", dedicated.decrypt(sealed, nil).Plaintext.Reveal())
		require.Equal(shared, key, dedicated.generate(name, nil).KeyId)
		shared.must(&kmsapi.DisableKeyRequest{KeyId: key})
		require.Equal(shared, kmsapi.Disabled, shared.describe(key).KeyState, "management needs no Internet access")
	})
}

func TestDedicatedGatewayDoesNotServeAnotherInstance(t *testing.T) {
	everyGatewayOf(t, cloud, gateways[software], func(shared, dedicated player) {
		key := shared.newKeyIn(hardware)
		require.Equal(shared, kmsapi.ProtectionHSM, shared.describe(key).ProtectionLevel)
		sealed := dedicated.at(shared.T, gateways[hardware]).encrypt(key, "text", nil).CiphertextBlob
		for _, request := range []kmsapi.Request{
			encryptText(key),
			&kmsapi.DecryptRequest{CiphertextBlob: sealed},
			&kmsapi.GenerateDataKeyRequest{KeyId: key},
		} {
			dedicated.refused(kmsapi.ErrKeyNotFound, request)
		}
		require.Equal(shared, "text", shared.decrypt(sealed, nil).Plaintext.Reveal())
	})
}

func TestInstancesOfAnotherAccountDoNotExist(t *testing.T) {
	everyGatewayOf(t, cloud, gateways[software], func(shared, dedicated player) {
		key := shared.newKeyIn(software)
		sealed := dedicated.encrypt(key, "text", nil).CiphertextBlob
		over, at := shared.dial(shared, gateways[software], migrated), shared.dial(shared, cloud, migrated)
		refusedTo(shared, over, kmsapi.ErrKeyNotFound, encryptText(key))
		refusedTo(shared, over, kmsapi.ErrKeyNotFound, &kmsapi.DecryptRequest{CiphertextBlob: sealed})
		refusedTo(shared, at, kmsapi.ErrInstanceNotFound, &kmsapi.GetKmsInstanceRequest{KmsInstanceId: software})
		refusedTo(shared, at, kmsapi.ErrInstanceNotFound, &kmsapi.CreateKeyRequest{DKMSInstanceId: software})
	})
}

func TestAccessKeysThatAreNotGoodAreRefusedByDedicatedGateways(t *testing.T) {
	everyGatewayOf(t, cloud, gateways[software], func(shared, dedicated player) {
		request := encryptText(shared.newKeyIn(software))
		unknown := shared.dial(shared, gateways[software], access{id: "LTAIunknown", secret: "a secret"})
		refusedTo(shared, unknown, kmsapi.ErrAccessKeyNotFound, request)
		wrong := shared.dial(shared, gateways[software], access{id: cloud.id, secret: "another secret"})
		refusedTo(shared, wrong, kmsapi.ErrIncompleteSignature.WithMessage(""), request)
	})
}

// The SDKs only report that they can't read the answer. Our own client says what is wrong with it.
func TestDedicatedGatewayOfAnOldImage(t *testing.T) {
	everyGatewayOf(t, cloud, gateways[oldImage], func(shared, dedicated player) {
		key := shared.newKeyIn(oldImage)
		err := dedicated.call(encryptText(key), new(kmsapi.EncryptResponse))
		require.Error(shared, err)
		if _, own := dedicated.caller.(ours); own {
			require.ErrorIs(shared, err, client.ErrOldImage)
		}
		require.Equal(shared, key, shared.encrypt(key, "text", nil).KeyId, "the shared gateway works")
	})
}

func TestNewAccountHasOneDefaultKeyWhichIsNotForPrograms(t *testing.T) {
	made := acs3.at(t, cloud).newKey(kmsapi.CreateKeyRequest{})
	require.Empty(t, made.DKMSInstanceId)
	everyGatewayOf(t, cloud, gateways[software], func(shared, dedicated player) {
		shared.refused(kmsapi.ErrLimitExceeded, &kmsapi.CreateKeyRequest{})
		for _, request := range []kmsapi.Request{
			encryptText(made.KeyId),
			&kmsapi.GenerateDataKeyRequest{KeyId: made.KeyId},
		} {
			shared.refused(kmsapi.ErrUnsupportedOperation, request)
			dedicated.refused(kmsapi.ErrKeyNotFound, request)
		}
		require.Equal(shared, kmsapi.Enabled, shared.describe(made.KeyId).KeyState)
		shared.newKeyIn(software)
	})
}

func TestMigratedAccountMakesKeysInItsDefaultInstance(t *testing.T) {
	everyGatewayOf(t, cloud, gateways[defaultInstance], func(shared, dedicated player) {
		shared.caller = shared.dial(shared, cloud, migrated)
		dedicated.caller = shared.dial(shared, gateways[defaultInstance], migrated)
		made := shared.newKey(kmsapi.CreateKeyRequest{})
		require.Equal(shared, defaultInstance, made.DKMSInstanceId)
		requireOpens(dedicated, shared, made.KeyId)
		if _, own := shared.caller.(ours); own { // The SDKs do not have the operation.
			found := do[kmsapi.GetDefaultKmsInstanceResponse](shared, &kmsapi.GetDefaultKmsInstanceRequest{})
			require.Equal(shared, defaultInstance, found.DefaultKmsInstanceId)
		}
	})
}
