package sdk

import (
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/pki"
)

// newInstanceKey makes a key in the development service's instance.
func (p player) newInstanceKey() string {
	p.Helper()
	return p.newKey(kmsapi.CreateKeyRequest{DKMSInstanceId: devInstance}).KeyId
}

func (p player) generate(keyID string, context kmsapi.EncryptionContext) *kmsapi.GenerateDataKeyResponse {
	p.Helper()
	return do[kmsapi.GenerateDataKeyResponse](p, &kmsapi.GenerateDataKeyRequest{KeyId: keyID, EncryptionContext: context})
}

func (p player) instance(id string) kmsapi.InstanceDetails {
	p.Helper()
	return do[kmsapi.GetKmsInstanceResponse](p, &kmsapi.GetKmsInstanceRequest{KmsInstanceId: id}).KmsInstance
}

// encryptText is a request to encrypt "text".
func encryptText(keyID string) *kmsapi.EncryptRequest {
	return &kmsapi.EncryptRequest{KeyId: keyID, Plaintext: kmsapi.NewSecret("text")}
}

// requireOpens requires that reader opens "text" that writer encrypts with a key.
func requireOpens(writer, reader player, keyID string) {
	writer.Helper()
	blob := writer.encrypt(keyID, "text", nil).CiphertextBlob
	require.Equal(reader, "text", reader.decrypt(blob, nil).Plaintext.Reveal())
}

func TestSDKsWorkOverADedicatedGatewayAsDocumented(t *testing.T) {
	everyGateway(t, func(shared, dedicated player) {
		key := shared.newInstanceKey()
		for name, text := range plaintexts {
			dedicated.run(name, func(p player) {
				sealed := p.encrypt(key, text, nil)
				require.Equal(p, key, sealed.KeyId)
				require.Equal(p, text, p.decrypt(sealed.CiphertextBlob, nil).Plaintext.Reveal())
			})
		}
		for name, context := range contexts {
			dedicated.run(name, func(p player) {
				made := p.generate(key, context)
				opened := p.decrypt(made.CiphertextBlob, context)
				require.Equal(p, made.Plaintext.Reveal(), opened.Plaintext.Reveal())
				require.Equal(p, made.KeyVersionId, opened.KeyVersionId)
			})
		}
	})
}

func TestKeysOfInstancesHaveIDsOfTodaysForm(t *testing.T) {
	everyGateway(t, func(shared, dedicated player) {
		made := shared.newKey(kmsapi.CreateKeyRequest{DKMSInstanceId: devInstance, Description: "of an instance"})
		require.Regexp(shared, `^key-[a-z]{3}[0-9a-z]{18}$`, made.KeyId)
		require.Equal(shared, devInstance, made.DKMSInstanceId)
		require.Equal(shared, made, shared.describe(made.KeyId), "DescribeKey answers what CreateKey answered")
		sealed := dedicated.encrypt(made.KeyId, "text", nil)
		require.Regexp(shared, `^`+made.KeyId+`-[0-9a-z]{10}$`, sealed.KeyVersionId)
		blob, err := base64.StdEncoding.DecodeString(sealed.CiphertextBlob)
		require.NoError(shared, err)
		require.Equal(shared, sealed.KeyVersionId, string(blob[:36]), "programs read the key version from the blob")

		require.Regexp(shared, `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`, shared.newKey(kmsapi.CreateKeyRequest{}).KeyId)
	})
}

// Whatever one SDK encrypts over one gateway, all others open over the other.
func TestCiphertextsOpenOverEitherGateway(t *testing.T) {
	context := kmsapi.EncryptionContext{"部门": "=&+ 财务", "empty": ""}
	var key string
	blobs := map[string]string{}
	everyGateway(t, func(shared, dedicated player) {
		if key == "" {
			key = shared.newInstanceKey()
		}
		for at, p := range map[string]player{"shared": shared, "dedicated": dedicated} {
			blobs[p.name+", "+at] = p.encrypt(key, "text", context).CiphertextBlob
			made := p.generate(key, nil)
			for _, reader := range []player{shared, dedicated} {
				require.Equal(p, made.Plaintext.Reveal(), reader.decrypt(made.CiphertextBlob, nil).Plaintext.Reveal())
			}
		}
	})
	everyGateway(t, func(shared, dedicated player) {
		for writer, blob := range blobs {
			for _, reader := range []player{shared, dedicated} {
				require.Equal(reader, "text", reader.decrypt(blob, context).Plaintext.Reveal(), writer)
			}
		}
	})
}

func TestAliasesNameKeysOfInstancesOverBothGateways(t *testing.T) {
	everyGateway(t, func(shared, dedicated player) {
		first, second, name := shared.newInstanceKey(), shared.newInstanceKey(), newAlias()
		shared.must(&kmsapi.CreateAliasRequest{AliasName: name, KeyId: first})
		blob := dedicated.encrypt(name, "text", nil)
		require.Equal(shared, first, blob.KeyId)
		require.Equal(shared, first, shared.encrypt(name, "text", nil).KeyId)

		shared.must(&kmsapi.UpdateAliasRequest{AliasName: name, KeyId: second})
		require.Equal(shared, second, dedicated.generate(name, nil).KeyId)
		require.Equal(shared, first, dedicated.decrypt(blob.CiphertextBlob, nil).KeyId, "old ciphertexts stay with their key")
		shared.must(&kmsapi.DeleteAliasRequest{AliasName: name})
		dedicated.refused(kmsapi.ErrAliasNotFound, encryptText(name))
	})
}

// A key that is disabled over the shared gateway does nothing over the dedicated one either.
func TestStatesOfKeysHoldOverBothGateways(t *testing.T) {
	everyGateway(t, func(shared, dedicated player) {
		key := shared.newInstanceKey()
		sealed := dedicated.encrypt(key, "text", nil).CiphertextBlob
		shared.must(&kmsapi.DisableKeyRequest{KeyId: key})
		dedicated.refused(kmsapi.ErrRejectedDisabled, &kmsapi.DecryptRequest{CiphertextBlob: sealed})
		shared.must(&kmsapi.EnableKeyRequest{KeyId: key})
		shared.must(&kmsapi.ScheduleKeyDeletionRequest{KeyId: key, PendingWindowInDays: 7})
		dedicated.refused(kmsapi.ErrRejectedPendingDeletion, &kmsapi.GenerateDataKeyRequest{KeyId: key})
		shared.must(&kmsapi.CancelKeyDeletionRequest{KeyId: key})
		require.Equal(shared, "text", dedicated.decrypt(sealed, nil).Plaintext.Reveal())
	})
}

func TestImportedKeyMaterialIsUsedOverTheDedicatedGateway(t *testing.T) {
	everyGateway(t, func(shared, dedicated player) {
		key := shared.newKey(kmsapi.CreateKeyRequest{DKMSInstanceId: devInstance, Origin: kmsapi.OriginExternal}).KeyId
		dedicated.refused(kmsapi.ErrRejectedPendingImport, encryptText(key))
		shared.must(shared.newWrappingKey(key, kmsapi.WrapOAEPSHA256).request(shared, newMaterial()))
		requireOpens(dedicated, shared, key)
	})
}

func TestDedicatedGatewaysRefuseManagementAndOtherKeys(t *testing.T) {
	everyGateway(t, func(shared, dedicated player) {
		key, other := shared.newInstanceKey(), shared.newKey(kmsapi.CreateKeyRequest{}).KeyId
		for _, request := range []kmsapi.Request{
			&kmsapi.CreateKeyRequest{DKMSInstanceId: devInstance},
			&kmsapi.DescribeKeyRequest{KeyId: key},
			&kmsapi.ListKeysRequest{},
			&kmsapi.GetKmsInstanceRequest{KmsInstanceId: devInstance},
		} {
			message := `The ApiName "` + string(request.Operation()) + `" is invalid.`
			if dedicated.blind {
				message = "" // In XML, the quotes are escaped.
			}
			dedicated.refused(kmsapi.ErrInvalidAPIName.WithMessage(message), request)
		}
		blob := shared.encrypt(other, "text", nil).CiphertextBlob
		dedicated.refused(kmsapi.ErrKeyNotFound, encryptText(other))
		dedicated.refused(kmsapi.ErrKeyNotFound, &kmsapi.DecryptRequest{CiphertextBlob: blob})
	})
}

// The documented way to the CA is the console's file or this operation, over the shared gateway.
func TestGetKmsInstanceGivesTheCAOfTheDedicatedGateway(t *testing.T) {
	everyGateway(t, func(shared, dedicated player) {
		details := shared.instance(devInstance)
		require.Equal(shared, devInstance, details.InstanceId)
		require.Equal(shared, kmsapi.InstanceConnected, details.Status)
		chain := details.CaCertificateChainPem
		require.Equal(shared, 2, strings.Count(chain, "-----BEGIN CERTIFICATE-----"), "the root and the CA of the region")
		require.Equal(shared, strings.Count(chain, "\n"), strings.Count(chain, "\r\n"))

		gateway, err := dev.gateway(devInstance, devGateway.dedicated.listener, chain)
		require.NoError(shared, err)
		p, key := shared.at(shared.T, gateway), shared.newInstanceKey()
		requireOpens(p, p, key)

		listed := do[kmsapi.ListKmsInstancesResponse](shared, &kmsapi.ListKmsInstancesRequest{})
		require.Equal(shared, 1, listed.TotalCount)
		require.Equal(shared, devInstance, listed.KmsInstances.KmsInstance[0].KmsInstanceId)
		unknown := kmsapi.ErrInstanceNotFound
		shared.refused(unknown, &kmsapi.GetKmsInstanceRequest{KmsInstanceId: "kst-none"})
		shared.refused(unknown, &kmsapi.CreateKeyRequest{DKMSInstanceId: "kst-none"})
	})
}

// kms-20160120 verifies both. (alibaba-cloud-sdk-go accepts no CA, so its users turn verification off.)
func TestSDKVerifiesCAAndNameOfADedicatedGateway(t *testing.T) {
	another, err := pki.New(kmsapi.DefaultRegion)
	require.NoError(t, err)
	chain := devGateway.dedicated.ca
	first, regional := pem.Decode([]byte(chain))
	require.NotNil(t, first)
	for name, tc := range map[string]struct {
		id, ca  string
		failure string
	}{
		"the file of the console":            {id: devInstance, ca: chain},
		"the file with lines that end in LF": {id: devInstance, ca: strings.ReplaceAll(chain, "\r", "")},
		"the CA of the region alone":         {id: devInstance, ca: string(regional)},
		"the CA of another cloud":            {id: devInstance, ca: another.CA(), failure: "unknown authority"},
		"no CA":                              {id: devInstance, failure: "unknown authority"},
		"the name of another instance":       {id: "kst-other", ca: chain, failure: "not kst-other.cryptoservice"},
	} {
		t.Run(name, func(t *testing.T) {
			gateway, err := dev.gateway(tc.id, devGateway.dedicated.listener, tc.ca)
			require.NoError(t, err)
			key := acs3.player(t).newInstanceKey()
			err = acs3.dial(t, gateway, dev.access).call(encryptText(key), new(kmsapi.EncryptResponse))
			if tc.failure == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.failure)
			}
		})
	}
}
