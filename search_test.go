package alicloudkms

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestRollbackSkipsCMKsThatHaveAName(t *testing.T) {
	r := newKeyRig(t, "b", "c")
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	require.NoError(t, r.settleNow())
	require.Equal(t, 2, r.kms.count(kmsapi.OpDescribeKey), "to find it, and to see that it is still there")
}

func TestSearchAsksForEachCMKOnce(t *testing.T) {
	r := newKeyRig(t)
	for range 5 {
		r.newCMK()
	}
	for _, key := range []string{"a", "b", "c"} {
		r.kms.before = failing(kmsapi.OpCreateKey, answered(kmsapi.ErrInternalFailure))
		_, err := r.tryWrite("keys/"+key, nil)
		refused(t, err, 502)
	}
	r.kms.before = nil
	require.NoError(t, r.settleNow())
	require.Equal(t, 5, r.kms.count(kmsapi.OpDescribeKey))
}

func TestThrottledSearchResumesWhereItStopped(t *testing.T) {
	r := newKeyRig(t)
	for range 5 {
		r.newCMK()
	}
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	described := 0
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() != kmsapi.OpDescribeKey {
			return nil
		}
		if described++; described%2 == 0 { // Each search gets one answer.
			return answered(kmsapi.ErrThrottling)
		}
		return nil
	}
	for r.unsettled() > 0 {
		require.Less(t, described, 30, "it must come to an end")
		_ = r.settleNow()
	}
	r.kms.before = nil
	r.encrypt("a", hello)
}

func TestCMKOfSomebodyElseIsNotAdopted(t *testing.T) {
	r := newKeyRig(t)
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(t, err)
	for _, description := range []string{
		"", "[vault:]",
		newCreation(target{name: "a"}, &connection{region: "cn-hangzhou"}).describe(""),
	} {
		_, err = direct.CreateKey(t.Context(), &kmsapi.CreateKeyRequest{Description: description})
		require.NoError(t, err)
	}
	before := r.cmks()
	_ = r.interrupt(t, interruptions["the request does not reach KMS"].arrange)
	require.NoError(t, r.settleNow())
	require.Nil(t, r.read("keys/a"))
	r.write("keys/a", nil)
	require.NotContains(t, before, r.keyID("a"))
}
