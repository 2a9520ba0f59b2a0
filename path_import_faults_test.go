package alicloudkms

import (
	"context"
	"maps"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestImportEndsWellAfterAFailureOfAnyStorageCall(t *testing.T) {
	for _, kind := range []string{"get", "put", "list", "delete"} {
		t.Run(kind, func(t *testing.T) {
			for n := 1; ; n++ {
				r := newKeyRig(t)
				r.backend().connections.ForgetAll()
				data := r.wrapped(ourMaterial)
				r.storage.reset(kind, n)
				_, err := r.tryWrite("keys/mine/import", data)
				failed := r.storage.calls[kind] >= n
				r.storage.reset("", 0)
				if err != nil {
					require.True(t, failed)
					r.write("keys/mine/import", data)
				}
				require.Equal(t, "Enabled", r.keyState("mine"))
				require.Len(t, r.cmks(), 1)
				if !failed {
					return
				}
			}
		})
	}
}

func TestCallerThatGoesAwayFindsTheKeyAgain(t *testing.T) {
	r := newKeyRig(t)
	data := r.wrapped(ourMaterial)
	ctx, leave := context.WithCancel(t.Context())
	r.kms.after = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpCreateKey {
			leave()
		}
		return nil
	}
	_, err := r.tryIn(ctx, logical.UpdateOperation, "keys/mine/import", data)
	refused(t, err, 503, `Key "mine" now exists`)
	r.write("keys/mine/import", data)
	require.Len(t, r.cmks(), 1)
}

func TestConcurrentImportsOfOneNameMakeOneCMK(t *testing.T) {
	r := newKeyRig(t)
	data := r.wrapped(ourMaterial)
	var mu sync.Mutex
	statuses := map[int]int{}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			_, err := r.tryWrite("keys/mine/import", maps.Clone(data))
			status := 200
			if err != nil {
				status = err.(logical.HTTPCodedError).Code() // The error must not be wrapped, or Vault answers 500.
			}
			mu.Lock()
			defer mu.Unlock()
			statuses[status]++
		})
	}
	group.Wait()
	require.Equal(t, 8, statuses[200]+statuses[409], "%v", statuses)
	require.NotZero(t, statuses[200])
	require.Len(t, r.cmks(), 1)
	require.Equal(t, "Enabled", r.keyState("mine"))
}

func TestNameIsReservedWhileItsImportCallsKMS(t *testing.T) {
	r := newKeyRig(t)
	data := r.wrapped(ourMaterial)
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpImportKeyMaterial {
			for path, data := range map[string]map[string]any{
				"keys/mine/import": data, "keys/mine/deregister": nil,
				"keys/mine": nil,
			} {
				_, err := r.tryWrite(path, data)
				refused(t, err, 409, "another request")
			}
		}
		return nil
	}
	r.write("keys/mine/import", data)
	r.kms.before = nil
	r.write("keys/mine/import", data) // The name is free again.
}
