package server_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// A request without KeyId is about the key of its import token.
func TestWhatIsWrongWithAnImportTokenIsSaidToThoseWhoMayUseItsKey(t *testing.T) {
	root := restricted(t)
	tokenOf := func(id string) string {
		return root.must("GetParametersForImport", "KeyId", id,
			"WrappingAlgorithm", "RSAES_OAEP_SHA_256", "WrappingKeySpec", "RSA_2048").ImportToken
	}
	mine := root.must("CreateKey", "Origin", "EXTERNAL").KeyMetadata.KeyId
	other := root.must("CreateKey", "Origin", "EXTERNAL").KeyMetadata.KeyId
	ofMine, ofOther := tokenOf(mine), tokenOf(other)
	c := root.allow("LTAIsome", server.Allow{
		Actions: []string{"kms:ImportKeyMaterial"}, Resources: []string{keyARN(mine)},
	})
	root.kms.Advance(25 * time.Hour)

	with := func(c caller, token string) answer {
		return c.do("ImportKeyMaterial", "EncryptedKeyMaterial", "AAAA", "ImportToken", token)
	}
	for token, refusal := range map[string]*kmsapi.Error{
		ofMine: kmsapi.ErrExpiredImportToken, ofOther: kmsapi.ErrExpiredImportToken, "AAAA": kmsapi.ErrInvalidImportToken,
	} {
		with(root, token).refused(t, refusal)
	}
	with(c, ofMine).refused(t, kmsapi.ErrExpiredImportToken)
	foreign, forged := with(c, ofOther), with(c, "AAAA")
	foreign.refused(t, kmsapi.ErrNoPermission)
	forged.refused(t, kmsapi.ErrNoPermission)
	require.Equal(t, foreign.Message, forged.Message)
}
