package alicloudkms

import (
	"context"
	"errors"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// lost returns the error of a call whose answer does not arrive.
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
	b, err := newBackend(r.t.Context(), conf, r.process())
	require.NoError(r.t, err)
	r.b = b
}

// cmks returns the ids of all CMKs in KMS.
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
	// made says that KMS made a CMK, and named that the key exists even so.
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

// failing returns a hook that makes one operation fail.
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
