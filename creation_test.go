package alicloudkms

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// lost is the error of a call whose answer does not arrive.
func lost(op kmsapi.Operation) error {
	return &client.TransportError{Operation: op, Endpoint: "kms:443", Err: errors.New("the connection broke")}
}

// settleNow settles the whole write-ahead log, as Vault does before it unmounts.
func (r *rig) settleNow() error {
	resp, err := r.try(logical.RollbackOperation, "", body{"immediate": true})
	if err == nil && resp.IsError() {
		return resp.Error()
	}
	return err
}

// restart gives the rig a new plugin process on the same storage, with empty caches.
func (r *rig) restart() {
	r.t.Helper()
	conf := logical.TestBackendConfig()
	conf.StorageView, conf.Logger = r.storage, r.logger()
	b, err := newBackend(r.t.Context(), conf, newProcess(r.kms.open))
	require.NoError(r.t, err)
	r.b = b
}

// cmks are the ids of all CMKs in KMS.
func (r *rig) cmks() []string {
	r.t.Helper()
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(r.t, err)
	defer direct.Close()
	listed, err := direct.ListKeys(r.t.Context(), &kmsapi.ListKeysRequest{PageSize: 100})
	require.NoError(r.t, err)
	ids := []string{}
	for _, key := range listed.Keys.Key {
		ids = append(ids, key.KeyId)
	}
	return ids
}

func (r *rig) unsettled() int {
	r.t.Helper()
	logIDs, err := framework.ListWAL(r.t.Context(), r.storage)
	require.NoError(r.t, err)
	return len(logIDs)
}

// interruptions are all the ways in which making key "a" can stop between the first and the last step.
var interruptions = map[string]struct {
	arrange func(r *rig)
	// made says that KMS made a CMK, and named that the key exists nevertheless.
	made, named bool
}{
	"the log can't be written": {func(r *rig) { r.storage.reset("put", 1) }, false, false},
	"the request does not reach KMS": {func(r *rig) {
		r.kms.before = failing(kmsapi.OpCreateKey,
			lost(kmsapi.OpCreateKey))
	}, false, false},
	"KMS refuses": {func(r *rig) {
		r.kms.before = failing(kmsapi.OpCreateKey,
			answered(kmsapi.ErrLimitExceeded))
	}, false, false},
	"KMS fails before it makes a KMS key": {func(r *rig) {
		r.kms.before = failing(kmsapi.OpCreateKey,
			answered(kmsapi.ErrInternalFailure))
	}, false, false},
	"KMS fails after it made a KMS key": {func(r *rig) {
		r.kms.after = failing(kmsapi.OpCreateKey,
			answered(kmsapi.ErrInternalFailure))
	}, true, false},
	"the answer is lost": {func(r *rig) {
		r.kms.after = failing(kmsapi.OpCreateKey,
			lost(kmsapi.OpCreateKey))
	}, true, false},
	"the entry can't be stored": {func(r *rig) { r.storage.reset("put", 2) }, true, false},
	"nothing can be stored": {func(r *rig) {
		r.kms.after = func(context.Context, kmsapi.Request) error { r.storage.reset("put", -1); return nil }
	}, true, false},
	"the log entry can't be removed": {func(r *rig) { r.storage.reset("delete", 1) }, true, true},
	"the log entry of a refusal stays": {func(r *rig) {
		r.storage.reset("delete", 1)
		r.kms.before = failing(kmsapi.OpCreateKey, answered(kmsapi.ErrNoPermission))
	}, false, false},
	"the plugin stops before the answer": {
		func(r *rig) { r.kms.after = failing(kmsapi.OpCreateKey, context.Canceled) },
		true, false,
	},
}

// failing makes one operation fail.
func failing(op kmsapi.Operation, err error) func(context.Context, kmsapi.Request) error {
	return func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == op {
			return err
		}
		return nil
	}
}

func (r *rig) interrupt(t *testing.T, arrange func(*rig)) (failed error) {
	arrange(r)
	_, failed = r.tryWrite("keys/a", body{"description": "for team HR"})
	r.kms.before, r.kms.after = nil, nil
	r.storage.reset("", 0)
	r.restart()
	return failed
}

func TestInterruptedCreationIsFinishedByARetry(t *testing.T) {
	for name, c := range interruptions {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			err := r.interrupt(t, c.arrange)
			require.Equal(t, c.named, err == nil)
			made := r.cmks()
			require.Equal(t, c.made, len(made) == 1)

			resp := r.write("keys/a", body{"description": "for team HR", "tags": "team=hr"})
			require.Equal(t, !c.named, len(r.read("keys/a").Data["tags"].(map[string]string)) == 1,
				"a key that was there already gets no tags")
			require.Len(t, r.cmks(), 1, "no second KMS key is made")
			require.Equal(t, r.cmks()[0], r.keyID("a"))
			require.Equal(t, c.made, len(resp.Warnings) > 0, "a recovered KMS key is reported")
			require.Equal(t, "for team HR", r.read("keys/a").Data["description"])
			r.encrypt("a", hello)
			require.NoError(t, r.settleNow())
			require.Len(t, r.cmks(), 1)
			require.Zero(t, r.unsettled())
		})
	}
}

func TestRequestThatKMSNeverReceivedLeavesNothingToSettle(t *testing.T) {
	for name, err := range map[string]error{
		"the port is closed": &client.TransportError{
			Operation: kmsapi.OpCreateKey, Endpoint: "kms:443", Unsent: true,
			Err: errors.New("refused"),
		},
		"no credentials": &client.CredentialsError{Operation: kmsapi.OpCreateKey, Err: errors.New("none")},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			r.kms.before = failing(kmsapi.OpCreateKey, err)
			_, err := r.tryWrite("keys/a", nil)
			refused(t, err, 502)
			require.NotContains(t, err.Error(), "may have made")
			require.Zero(t, r.unsettled())
		})
	}
}

func TestInterruptedCreationIsFinishedByRollback(t *testing.T) {
	for name, c := range interruptions {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "other")
			_ = r.interrupt(t, c.arrange)
			made := r.cmks()
			require.NoError(t, r.settleNow())
			require.Equal(t, made, r.cmks(), "a rollback neither makes nor deletes a KMS key")
			require.Zero(t, r.unsettled())
			if !c.made {
				require.Nil(t, r.read("keys/a"))
				return
			}
			require.Contains(t, made, r.keyID("a"))
			require.NotEqual(t, r.keyID("other"), r.keyID("a"))
			r.encrypt("a", hello)
		})
	}
}

func TestErrorNamesTheCMKThatCouldNotBeStored(t *testing.T) {
	r := newKeyRig(t)
	err := r.interrupt(t, func(r *rig) { r.storage.reset("put", 2) })
	refused(t, err, 500, r.cmks()[0], "cn-hangzhou")
	require.Contains(t, r.log.String(), r.cmks()[0])
}

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
		b, err := newBackend(t.Context(), conf, newProcess(r.kms.open))
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

func TestDescriptionIsReadBackAsItWasGiven(t *testing.T) {
	for _, description := range []string{
		"", "a", " ", "ends with a blank ", "  begins with blanks", "two\nlines\n",
		"[vault:]", "[vault:ABCDEFGHIJKLMNOPQRSTUVWXYZ] in the middle",
		strings.Repeat("é", maxDescription),
	} {
		r := newKeyRig(t)
		made := r.write("keys/a", body{"description": description})
		require.Equal(t, description, made.Data["description"])
		require.Equal(t, made.Data, r.read("keys/a").Data)
	}
}

func TestMarkerIsAtTheEndOfTheDescription(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a", body{"description": "salaries"})
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(t, err)
	found, err := direct.DescribeKey(t.Context(), &kmsapi.DescribeKeyRequest{KeyId: r.keyID("a")})
	require.NoError(t, err)
	require.Regexp(t, `^salaries \[vault:[A-Z2-7]{26}\]$`, found.KeyMetadata.Description)
}

func TestCMKWithACopiedMarkerIsNotAdopted(t *testing.T) {
	r := newKeyRig(t)
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	made := r.cmks()[0]
	copied := r.copyMarkerOf(made)
	_, err := r.tryWrite("keys/a", nil)
	refused(t, err, 409, made, copied)
	require.Error(t, r.settleNow())
	require.Nil(t, r.read("keys/a"))

	r.write("keys/a/register", body{"key_id": made})
	require.NoError(t, r.settleNow())
	require.Equal(t, made, r.keyID("a"))
	require.Contains(t, r.log.String(), copied, "it is reported, so that it can be deleted")
}

// deleted makes KMS delete a CMK for good.
func (r *rig) deleted(id string) {
	r.t.Helper()
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(r.t, err)
	request := &kmsapi.ScheduleKeyDeletionRequest{KeyId: id, PendingWindowInDays: 7}
	_, err = direct.ScheduleKeyDeletion(r.t.Context(), request)
	require.NoError(r.t, err)
	r.kms.service().Advance(8 * 24 * time.Hour)
}

func TestCopyThatIsLeftAfterAConflictIsNotAdopted(t *testing.T) {
	for name, first := range map[string]func(*rig) error{
		"seen by a write":    func(r *rig) error { _, err := r.tryWrite("keys/a", nil); return err },
		"seen by a rollback": func(r *rig) error { return r.settleNow() },
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
			made := r.cmks()[0]
			copied := r.copyMarkerOf(made)
			require.Error(t, first(r))
			r.deleted(made)
			require.Equal(t, []string{copied}, r.cmks())
			r.restart()

			require.Error(t, r.settleNow())
			_, err := r.tryWrite("keys/a", nil)
			refused(t, err, 409, made, copied, "kms/keys/a/register", "kms/keys/a/deregister")
			require.Nil(t, r.read("keys/a"))
			require.Equal(t, 1, r.unsettled())

			resp := r.write("keys/a/deregister", nil)
			require.Contains(t, resp.Warnings[0], markerStart)
			require.Contains(t, r.log.String(), "was forgotten")
			require.Zero(t, r.unsettled())
			r.write("keys/a", nil)
			require.NotContains(t, []string{made, copied}, r.keyID("a"))
		})
	}
}

func TestCopyOfAMarkerThatIsMadeLaterKeepsNobodyFromTheirKey(t *testing.T) {
	r := newKeyRig(t)
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	made := r.cmks()[0]
	r.kms.service().Advance(creationSpan + time.Minute)
	r.copyMarkerOf(made)
	r.write("keys/a", nil)
	require.Equal(t, made, r.keyID("a"))
}

func TestCMKOfAnotherTimeIsNotAdopted(t *testing.T) {
	for name, shift := range map[string]time.Duration{
		"later": creationSpan + time.Minute, "earlier": -creationSpan - time.Minute,
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t)
			_ = r.interrupt(t, func(r *rig) {
				r.kms.service().Advance(shift)
				interruptions["the answer is lost"].arrange(r)
			})
			marked := r.cmks()[0]
			require.Error(t, r.settleNow())
			_, err := r.tryWrite("keys/a", nil)
			refused(t, err, 409, marked, "register")
			r.write("keys/a/register", body{"key_id": marked})
			require.NoError(t, r.settleNow())
			require.Zero(t, r.unsettled())
			require.Equal(t, marked, r.keyID("a"))
		})
	}
}

func TestConflictThatCannotBeRecordedIsAnError(t *testing.T) {
	r := newKeyRig(t)
	_ = r.interrupt(t, interruptions["the answer is lost"].arrange)
	r.copyMarkerOf(r.cmks()[0])
	r.storage.reset("put", 1)
	_, err := r.tryWrite("keys/a", nil)
	require.ErrorIs(t, err, errStorage)
}

// copyMarkerOf makes a CMK with the description of another.
func (r *rig) copyMarkerOf(id string) (copied string) {
	r.t.Helper()
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(r.t, err)
	found, err := direct.DescribeKey(r.t.Context(), &kmsapi.DescribeKeyRequest{KeyId: id})
	require.NoError(r.t, err)
	made, err := direct.CreateKey(r.t.Context(), &kmsapi.CreateKeyRequest{Description: found.KeyMetadata.Description})
	require.NoError(r.t, err)
	return made.KeyMetadata.KeyId
}
