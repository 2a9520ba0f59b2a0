package alicloudkms

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestCreationInProgressIsNotRolledBack(t *testing.T) {
	r := newKeyRig(t)
	r.kms.after = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpCreateKey {
			require.ErrorContains(t, r.settleNow(), "being created")
			_, err := r.try(logical.RollbackOperation, "", nil)
			require.NoError(t, err, "it is too young to be looked at")
		}
		return nil
	}
	r.write("keys/a", nil)
	require.Zero(t, r.unsettled())
	require.Zero(t, r.kms.count(kmsapi.OpListKeys))
}

func TestRollbackWaitsForKMS(t *testing.T) {
	r := newKeyRig(t)
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	r.kms.before = failing(kmsapi.OpListKeys, lost(kmsapi.OpListKeys))
	require.Error(t, r.settleNow())
	require.Equal(t, 1, r.unsettled())
	r.kms.before = failing(kmsapi.OpDescribeKey, answered(kmsapi.ErrThrottling))
	require.Error(t, r.settleNow())
	require.Equal(t, 1, r.unsettled())
	r.kms.before = nil
	require.NoError(t, r.settleNow())
	r.encrypt("a", hello)
}

func TestRollbackOfAnotherRegionWaits(t *testing.T) {
	r := newKeyRig(t)
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	r.write("config", body{"region": "cn-beijing"})
	require.ErrorContains(t, r.settleNow(), "cn-hangzhou")
	r.write("config", body{"region": "cn-hangzhou"})
	require.NoError(t, r.settleNow())
	r.encrypt("a", hello)
}

func TestCreationThatCannotBeSearchedForIsLoggedOnceAndGivenUpInTheEnd(t *testing.T) {
	for name, change := range map[string]map[string]any{
		"another region":     {"region": "cn-beijing"},
		"another access key": {"access_key": "LTAIother", "secret_key": "other"},
		"a role":             {"role_arn": "acs:ram::1000000000000001:role/vault", "secret_key": "good-secret"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			arrange := interruptions["the answer is lost"].arrange
			if name != "another region" {
				arrange = interruptions["KMS fails before it makes a KMS key"].arrange
			}
			_ = r.interrupt(t, arrange)
			r.write("config", change)
			for range 3 {
				require.Error(t, r.settleNow())
			}
			require.Equal(t, 1, strings.Count(r.log.String(), "could not be settled yet"))
			require.Equal(t, 1, r.unsettled())

			logIDs, err := framework.ListWAL(t.Context(), r.storage)
			require.NoError(t, err)
			logged, err := framework.GetWAL(t.Context(), r.storage, logIDs[0])
			require.NoError(t, err)
			old, err := decodeCreation(logged.Data)
			require.NoError(t, err)
			old.Begun = old.Begun.Add(-giveUpAfter)
			require.NoError(t, framework.DeleteWAL(t.Context(), r.storage, logIDs[0]))
			_, err = framework.PutWAL(t.Context(), r.storage, creationKind, old)
			require.NoError(t, err)
			require.NoError(t, r.settleNow())
			require.Zero(t, r.unsettled())
			require.Contains(t, r.log.String(), old.Marker)
		})
	}
}

func TestCMKWhoseNameIsTakenIsReported(t *testing.T) {
	r := newKeyRig(t)
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	orphan := r.cmks()[0]
	other := kmsapi.CreateKeyRequest{}
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(t, err)
	made, err := direct.CreateKey(t.Context(), &other)
	require.NoError(t, err)
	r.write("keys/a/register", body{"key_id": made.KeyMetadata.KeyId})

	require.NoError(t, r.settleNow())
	require.Zero(t, r.unsettled())
	require.Equal(t, made.KeyMetadata.KeyId, r.keyID("a"))
	require.Len(t, r.cmks(), 2)
	require.Contains(t, r.log.String(), orphan)
}

func TestDeregisteredKeyDoesNotComeBack(t *testing.T) {
	r := newKeyRig(t)
	_ = r.interrupt(t, interruptions["the log entry can't be removed"].arrange)
	require.Equal(t, 1, r.unsettled())
	r.storage.reset("delete", 1)
	_, err := r.tryWrite("keys/a/deregister", nil)
	require.ErrorIs(t, err, errStorage)
	require.NotEmpty(t, r.keyID("a"))
	r.storage.reset("", 0)
	r.write("keys/a/deregister", nil)
	require.NoError(t, r.settleNow())
	require.Nil(t, r.read("keys/a"))
}

func TestDeregisterWarnsOfAnInterruptedCreation(t *testing.T) {
	r := newKeyRig(t, "other")
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	r.write("keys/a/register", body{"key_id": r.keyID("other")})
	require.Contains(t, strings.Join(r.write("keys/a/deregister", nil).Warnings, "\n"), "not settled yet")
	require.NoError(t, r.settleNow())
	require.NotEqual(t, r.keyID("other"), r.keyID("a"))
	require.Empty(t, r.write("keys/a/deregister", nil).Warnings)
}

func TestOnlyThePrimarysActiveNodeRollsBack(t *testing.T) {
	for _, state := range []consts.ReplicationState{
		consts.ReplicationPerformanceStandby, consts.ReplicationPerformanceSecondary, consts.ReplicationDRSecondary,
	} {
		r := newKeyRig(t)
		_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
		conf := logical.TestBackendConfig()
		view := logical.TestSystemView()
		view.ReplicationStateVal = state
		conf.System, conf.StorageView = view, r.storage
		b, err := newBackend(t.Context(), conf, r.process())
		require.NoError(t, err)
		r.b = b
		calls := r.kms.total()
		require.ErrorContains(t, r.settleNow(), logical.ErrReadOnly.Error())
		require.Equal(t, calls, r.kms.total())
		require.Equal(t, 1, r.unsettled())
	}
}

func TestDamagedLogEntryIsAnErrorAndStays(t *testing.T) {
	r := newKeyRig(t)
	for _, data := range []any{nil, "text", map[string]any{"name": 5}, map[string]any{"name": "a"}} {
		id, err := framework.PutWAL(t.Context(), r.storage, creationKind, data)
		require.NoError(t, err)
		require.ErrorContains(t, r.settleNow(), "damaged")
		r.write("keys/a", nil)
		r.write("keys/a/deregister", nil)
		require.NoError(t, framework.DeleteWAL(t.Context(), r.storage, id))
	}
	_, err := framework.PutWAL(t.Context(), r.storage, "of a later version", body{"name": "a"})
	require.NoError(t, err)
	require.ErrorContains(t, r.settleNow(), "of a later version")
	r.write("keys/a", nil)
	require.Equal(t, 1, r.unsettled())
}

func TestRollbackThatKMSHindersIsLoggedOnce(t *testing.T) {
	r := newKeyRig(t)
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	asked := 0
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		asked++
		denied := *kmsapi.ErrNoPermission
		denied.RequestID = fmt.Sprint("request-", asked)
		return &denied
	}
	for range 3 {
		require.ErrorContains(t, r.settleNow(), "kms:ListKeys")
	}
	require.Equal(t, 1, strings.Count(r.log.String(), "could not be settled yet"))
}
