package alicloudkms

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A key pair goes through the same versions as a symmetric key, and every version keeps its public key.
func TestKeyPairsRotateInAllWays(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a", body{"type": "ecdsa-p256", "description": "of releases"})
	var signatures []string
	sign := func(n int) {
		signature := r.write("sign/a", body{"input": hello}).Data["signature"].(string)
		require.Equal(t, n, version(t, signature))
		signatures = append(signatures, signature)
		for _, one := range signatures {
			require.Equal(t, true, r.write("verify/a", body{"input": hello, "signature": one}).Data["valid"])
		}
		require.Len(t, r.read("keys/a").Data["keys"], n)
	}
	sign(1)
	r.write("keys/a/rotate", nil)
	sign(2)
	r.write("keys/a/rotate", body{"new_cmk": true})
	sign(3)
	is := r.direct().describe(r.keyID("a"))
	require.Equal(t, kmsapi.KeySpecP256, is.KeySpec)
	require.Equal(t, kmsapi.KeyUsageSignVerify, is.KeyUsage)
	require.Equal(t, "of releases", withoutMarker(is.Description))
	r.write("keys/a/rotate", body{"key_id": r.direct().makeCMK(&kmsapi.CreateKeyRequest{KeySpec: kmsapi.KeySpecP256})})
	sign(4)
	for _, row := range r.entry("a").versions.Rows {
		require.NotEmpty(t, row.PublicKey)
	}
	require.Equal(t, 2, version(t, r.write("sign/a", body{"input": hello, "key_version": 2}).Data["signature"].(string)))

	r.write("keys/a/config", body{"min_decryption_version": 3, "min_encryption_version": 3})
	r.write("keys/a/trim", body{"min_available_version": 3})
	_, err := r.tryWrite("verify/a", body{"input": hello, "signature": signatures[1]})
	require.Error(t, err)
	_, err = r.tryWrite("keys/a/config", body{"auto_rotate_period": "168h"})
	refused(t, err, 400, "key pairs")
	_, err = r.tryWrite("keys/a/import_version", r.wrapped(ourMaterial))
	refused(t, err, 400, "private key")
}

func TestKeyPairWhosePublicKeyIsNotReadAtOnceGetsIt(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a", body{"type": "ecdsa-p256"})
	made := false
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		made = made || q.Operation() == kmsapi.OpCreateKeyVersion
		if made && q.Operation() == kmsapi.OpGetPublicKey {
			return lost(q.Operation())
		}
		return nil
	}
	r.write("keys/a/rotate", nil)
	require.Empty(t, r.entry("a").versions.NewestRow().PublicKey)
	require.Equal(t, 2, version(t, r.write("sign/a", body{"input": hello}).Data["signature"].(string)))
	r.kms.before = nil
	r.minutes(r.withClock(), 80)
	require.NotEmpty(t, r.entry("a").versions.NewestRow().PublicKey, "the pass reads it")
	signature := r.write("sign/a", body{"input": hello}).Data["signature"]
	require.Equal(t, true, r.write("verify/a", body{"input": hello, "signature": signature}).Data["valid"])
}
