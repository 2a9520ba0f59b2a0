package alicloudkms

import (
	"sync/atomic"
	"testing"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
)

// become gives the rig a new engine on the same storage, on a node whose system view is changed by adjust.
func (r *rig) become(adjust func(*logical.StaticSystemView)) {
	r.t.Helper()
	conf := logical.TestBackendConfig()
	view := logical.TestSystemView()
	adjust(view)
	conf.System, conf.StorageView, conf.Logger = view, r.storage, r.logger()
	b, err := newBackend(r.t.Context(), conf, r.process())
	require.NoError(r.t, err)
	require.NoError(r.t, b.Initialize(r.t.Context(), &logical.InitializationRequest{Storage: r.storage}))
	r.b = b
}

func TestMainJobWithoutACache(t *testing.T) {
	r := newRig(t)
	r.become(func(view *logical.StaticSystemView) { view.CachingDisabledVal = true })
	runMainJob(r, goodConfig(), r.kms.service().Restart)

	r.write("keys/c", nil)
	r.storage.reset("", 0)
	r.encrypt("c", hello)
	require.Equal(t, 1, r.storage.total(), "the entry comes from storage each time")
	require.Zero(t, r.backend().keys.Len())
}

func TestEntryThatChangedOnAnotherNodeIsSeenAtOnceWithoutACache(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	r.become(func(view *logical.StaticSystemView) { view.CachingDisabledVal = true })
	ciphertext := r.encrypt("a", hello)
	entry, err := loadKey(t.Context(), r.storage, "b")
	require.NoError(t, err)
	stored, err := logical.StorageEntryJSON(keyPrefix+"a", entry)
	require.NoError(t, err)
	require.NoError(t, r.storage.Put(t.Context(), stored))
	_, err = r.tryWrite("decrypt/a", body{"ciphertext": ciphertext})
	refused(t, err, 403)
}

// otherNodes are the nodes that may not write Vault's storage.
var otherNodes = map[string]consts.ReplicationState{
	"a performance standby":              consts.ReplicationPerformanceStandby,
	"a performance secondary":            consts.ReplicationPerformanceSecondary,
	"a standby of a secondary":           consts.ReplicationPerformanceStandby | consts.ReplicationPerformanceSecondary,
	"a secondary for disaster recovery":  consts.ReplicationDRSecondary,
	"a standby of one for recovery":      consts.ReplicationDRSecondary | consts.ReplicationPerformanceStandby,
	"a node that does not know its role": consts.ReplicationPerformanceBootstrapping,
}

// inputs are fields that pass the checks of operations.
var inputs = body{
	"plaintext": hello, "ciphertext": "vault:v1:QUJD", "deletion_allowed": true, "key_id": "alias/none",
}

func TestEveryOperationThatMayWriteIsForwarded(t *testing.T) {
	for name, state := range otherNodes {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.haveWrappingKey()
			r.become(func(view *logical.StaticSystemView) { view.ReplicationStateVal = state })
			r.storage.reset("", 0)
			forwarded, local := 0, 0
			everyOperation(r.backend(), func(op logical.Operation, path string) {
				handler := r.backend().Route(path).Operations[op].(*framework.PathOperation)
				data := body{}
				for field, value := range inputs {
					if schema := r.backend().Route(path).Fields[field]; schema != nil && !schema.Query && fields.IsWrite(op) {
						data[field] = value
					}
				}
				calls := r.kms.total()
				_, err := r.try(op, path, data)
				if handler.ForwardPerformanceStandby {
					require.True(t, handler.ForwardPerformanceSecondary, "%s %s", op, path)
					forwarded++
					if state.HasState(consts.ReplicationPerformanceStandby | consts.ReplicationPerformanceSecondary) {
						require.Equal(t, logical.ErrReadOnly, err, "%s %s", op, path)
						require.Equal(t, calls, r.kms.total(), "%s %s", op, path)
					}
					return
				}
				local++
				if state.HasState(consts.ReplicationPerformanceStandby | consts.ReplicationPerformanceSecondary) {
					require.NotEqual(t, logical.ErrReadOnly, err, "%s %s", op, path)
				}
			})
			if state.HasState(consts.ReplicationPerformanceStandby | consts.ReplicationPerformanceSecondary) {
				require.Zero(t, r.storage.calls["put"]+r.storage.calls["delete"], "what is not forwarded writes nothing")
			}
			require.Greater(t, forwarded, 5)
			require.Greater(t, local, 8)
		})
	}
}

func TestNodeThatMayNotWriteNeverReportsNotFound(t *testing.T) {
	r := newRig(t)
	for name, state := range otherNodes {
		if !state.HasState(consts.ReplicationPerformanceStandby | consts.ReplicationPerformanceSecondary) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			r.become(func(view *logical.StaticSystemView) { view.ReplicationStateVal = state })
			_, err := r.try(logical.ReadOperation, "config", nil)
			require.Equal(t, logical.ErrReadOnly, err)
			_, err = r.tryWrite("encrypt/a", body{"plaintext": hello})
			require.Equal(t, logical.ErrReadOnly, err, "it may be configured already")
		})
	}
	r.become(func(*logical.StaticSystemView) {})
	r.write("config", goodConfig())
	r.become(func(view *logical.StaticSystemView) { view.ReplicationStateVal = consts.ReplicationPerformanceStandby })
	for _, path := range []string{"encrypt/a", "decrypt/a", "datakey/wrapped/a"} {
		_, err := r.tryWrite(path, body{"batch_input": []any{object()}})
		require.Equal(t, logical.ErrReadOnly, err)
	}
	for _, path := range []string{"keys/a", "keys/a/config", "keys/a/tags"} {
		_, err := r.try(logical.ReadOperation, path, nil)
		require.Equal(t, logical.ErrReadOnly, err)
	}
}

// askedView counts the calls for the replication state.
type askedView struct {
	logical.StaticSystemView
	asked atomic.Int64
}

func (v *askedView) ReplicationState() consts.ReplicationState {
	v.asked.Add(1)
	return v.StaticSystemView.ReplicationState()
}

func TestWarmRequestThatEveryNodeMayRunAsksVaultNothing(t *testing.T) {
	r := newKeyRig(t, "a")
	view := &askedView{StaticSystemView: *logical.TestSystemView()}
	conf := logical.TestBackendConfig()
	conf.System, conf.StorageView, conf.Logger = view, r.storage, r.logger()
	b, err := newBackend(t.Context(), conf, r.process())
	require.NoError(t, err)
	r.b = b
	ciphertext := r.encrypt("a", hello)
	for path, data := range map[string]map[string]any{
		"encrypt/a": {"plaintext": hello}, "decrypt/a": {"ciphertext": ciphertext}, "rewrap/a": {"ciphertext": ciphertext},
		"datakey/plaintext/a": nil, "datakey/wrapped/a": nil,
	} {
		r.write(path, data)
	}
	require.Zero(t, view.asked.Load())
	r.write("keys/a/config", nil)
	require.NotZero(t, view.asked.Load(), "what may write must know whether it may")
}
