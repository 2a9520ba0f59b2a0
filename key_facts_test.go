package alicloudkms

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// vault-kubernetes-kms reads its key before each use.
func TestReadBeforeEachUseCostsTwoCallsInTenSeconds(t *testing.T) {
	r := newKeyRig(t, "a")
	uses := func() {
		for range 5 {
			r.read("keys/a")
			r.encrypt("a", hello)
		}
	}
	want := map[kmsapi.Operation]int{kmsapi.OpDescribeKey: 1, kmsapi.OpListResourceTags: 1, kmsapi.OpEncrypt: 5}
	require.Equal(t, want, r.calls(uses))
	r.later(factsAge - time.Second)
	require.Equal(t, map[kmsapi.Operation]int{kmsapi.OpEncrypt: 5}, r.calls(uses))
	r.later(time.Second)
	require.Equal(t, want, r.calls(uses))
}

func TestReadsAtTheSameTimeShareTheCalls(t *testing.T) {
	r := newKeyRig(t, "a")
	r.share("b", "a")
	asked, goOn := make(chan struct{}, 1), make(chan struct{})
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpDescribeKey {
			asked <- struct{}{}
			<-goOn
		}
		return nil
	}
	var group sync.WaitGroup
	read := func(name string) { group.Go(func() { r.read("keys/" + name) }) }
	read("a")
	<-asked
	for range 5 {
		read("a")
		read("b")
	}
	close(goOn)
	group.Wait()
	require.Equal(t, 1, r.kms.count(kmsapi.OpDescribeKey), "also of the names that share a KMS key")
	require.Equal(t, 1, r.kms.count(kmsapi.OpListResourceTags))
}

func TestWhatThisNodeChangedShowsAtOnce(t *testing.T) {
	r := newKeyRig(t, "a")
	r.share("b", "a")
	r.write("keys/mine", body{"origin": "EXTERNAL"})
	r.haveWrappingKey()
	require.Equal(t, "Enabled", r.read("keys/b").Data["key_state"])
	for _, c := range []struct {
		op    logical.Operation
		path  string
		data  body
		read  string
		field string
		want  any
	}{
		{logical.UpdateOperation, "keys/a/disable", nil, "keys/b", "key_state", "Disabled"},
		{logical.UpdateOperation, "keys/a/enable", nil, "keys/b", "key_state", "Enabled"},
		{logical.UpdateOperation, "keys/a/tags", body{"tags": "team=hr"}, "keys/b", "tags", map[string]string{"team": "hr"}},
		{logical.DeleteOperation, "keys/a/tags", nil, "keys/b", "tags", map[string]string{}},
		{logical.UpdateOperation, "keys/a/config", body{"description": "new"}, "keys/b", "description", "new"},
		{logical.UpdateOperation, "keys/a/config", body{"deletion_protection": true}, "keys/b", "deletion_protection", true},
		{
			logical.UpdateOperation, "keys/a/config",
			body{"deletion_protection": false},
			"keys/b", "deletion_protection", false,
		},
		{logical.UpdateOperation, "keys/a/config", body{"deletion_allowed": true}, "keys/a", "deletion_allowed", true},
		{logical.UpdateOperation, "keys/b/config", body{"deletion_allowed": true}, "keys/b", "deletion_allowed", true},
		{
			logical.UpdateOperation, "keys/b/config",
			body{"bound_context": "a=b"},
			"keys/b", "bound_context",
			map[string]string{"a": "b"},
		},
		{logical.DeleteOperation, "keys/a", nil, "keys/b", "key_state", "PendingDeletion"},
		{logical.UpdateOperation, "keys/a/cancel_deletion", nil, "keys/b", "key_state", "Disabled"},
		{logical.UpdateOperation, "keys/mine/import", r.wrapped(make([]byte, 32)), "keys/mine", "key_state", "Enabled"},
		{logical.DeleteOperation, "keys/mine/material", nil, "keys/mine", "key_state", "PendingImport"},
	} {
		r.read("keys/a")
		r.read("keys/mine")
		r.do(c.op, c.path, c.data)
		if c.path == "keys/a/cancel_deletion" {
			require.NotEqual(t, "PendingDeletion", r.read(c.read).Data["key_state"])
			continue
		}
		require.Equal(t, c.want, r.read(c.read).Data[c.field], c.path)
	}
}

func TestAChangeWhoseAnswerIsLostShowsToo(t *testing.T) {
	r := newKeyRig(t, "a")
	require.Equal(t, "Enabled", r.read("keys/a").Data["key_state"])
	r.kms.after = failing(kmsapi.OpDisableKey, lost(kmsapi.OpDisableKey))
	_, err := r.tryWrite("keys/a/disable", nil)
	refused(t, err, 502)
	require.Equal(t, "Disabled", r.read("keys/a").Data["key_state"])
}

func TestAReadThatFailsIsNotRemembered(t *testing.T) {
	r := newKeyRig(t, "a")
	r.fails(kmsapi.OpDescribeKey, answered(kmsapi.ErrInternalFailure))
	_, err := r.try(logical.ReadOperation, "keys/a", nil)
	refused(t, err, 502)
	r.kms.before = nil
	require.Equal(t, "Enabled", r.read("keys/a").Data["key_state"])
}

func TestTagsThatKMSDoesNotShowAreAskedForAgainAfterTenSeconds(t *testing.T) {
	for name, failure := range map[string]*kmsapi.Error{
		"RAM hides them": kmsapi.ErrNoPermission, "KMS throttles": kmsapi.ErrThrottling,
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.fails(kmsapi.OpListResourceTags, answered(failure))
			for range 3 {
				require.Contains(t, fmt.Sprint(r.read("keys/a").Warnings), "The tags are not shown")
			}
			require.Equal(t, 1, r.kms.count(kmsapi.OpListResourceTags))
			r.kms.before = nil
			r.later(factsAge)
			require.Empty(t, r.read("keys/a").Warnings)
		})
	}
}

func TestAnotherConfigurationIsAskedItself(t *testing.T) {
	r := newKeyRig(t, "a")
	r.read("keys/a")
	r.write("config", body{"max_parallel": 5})
	require.Equal(t, 1, r.calls(func() { r.read("keys/a") })[kmsapi.OpDescribeKey])
}

func TestReadWithoutVaultsCachesAsksEachTime(t *testing.T) {
	r := newKeyRig(t, "a")
	r.backend().uncached.Store(true)
	require.Equal(t, 2, r.calls(func() { r.read("keys/a"); r.read("keys/a") })[kmsapi.OpDescribeKey])
}

func TestErrorOfASharedReadNamesTheKeyOfEachCaller(t *testing.T) {
	r := newKeyRig(t, "a")
	r.share("b", "a")
	asked, goOn := make(chan struct{}, 2), make(chan struct{})
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		asked <- struct{}{}
		<-goOn
		return answered(kmsapi.ErrRejectedDisabled)
	}
	errs := map[string]error{}
	var mu sync.Mutex
	var group sync.WaitGroup
	for _, name := range []string{"a", "b"} {
		group.Go(func() {
			_, err := r.try(logical.ReadOperation, "keys/"+name, nil)
			mu.Lock()
			defer mu.Unlock()
			errs[name] = err
		})
	}
	<-asked
	time.Sleep(10 * time.Millisecond) // By then, the other request is likely to wait.
	close(goOn)
	group.Wait()
	for name, err := range errs {
		refused(t, err, 409, "keys/"+name+"/enable")
	}
}

func TestEveryWriteOfAKeyShowsTheWholeKey(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a", nil)
	register := body{"key_id": r.keyID("a")}
	for name, write := range map[string]func() *logical.Response{
		"create":       func() *logical.Response { return r.write("keys/new", body{"derived": true}) },
		"create again": func() *logical.Response { return r.write("keys/a", nil) },
		"register":     func() *logical.Response { return r.write("keys/b/register", register) },
		"register again": func() *logical.Response {
			r.write("keys/b/register", register)
			return r.write("keys/b/register", register)
		},
		"config":         func() *logical.Response { return r.write("keys/a/config", body{"deletion_allowed": true}) },
		"config patch":   func() *logical.Response { return r.do(logical.PatchOperation, "keys/a/config", nil) },
		"config read":    func() *logical.Response { return r.read("keys/a/config") },
		"rotate":         func() *logical.Response { return r.write("keys/a/rotate", nil) },
		"rotate to more": func() *logical.Response { return r.write("keys/a/rotate", body{"new_cmk": true}) },
	} {
		t.Run(name, func(t *testing.T) {
			resp := write()
			for field := range keyAnswer {
				require.Contains(t, resp.Data, field)
			}
			for field := range resp.Data {
				require.Contains(t, keyAnswer, field)
			}
		})
	}
}

func TestReadHasTheWholeShapeOfTransits(t *testing.T) {
	r := newKeyRig(t)
	r.write("keys/a", body{"type": "chacha20-poly1305", "derived": true})
	r.write("keys/mine", body{"origin": "EXTERNAL"})
	for path, imported := range map[string]bool{"keys/a": false, "keys/mine": true} {
		data := r.read(path).Data
		for field, want := range map[string]any{
			"type": "aes256-gcm96", "exportable": false, "allow_plaintext_backup": false, "convergent_encryption": false,
			"imported_key": imported, "derived": !imported, "deletion_allowed": false, "latest_version": 1,
			"min_available_version": 0, "min_decryption_version": 1, "min_encryption_version": 0,
			"supports_encryption": true, "supports_decryption": true, "supports_derivation": true, "supports_signing": false,
		} {
			require.Equal(t, want, data[field], "%s of %s", field, path)
		}
		require.EqualValues(t, 0, data["auto_rotate_period"])
		require.Len(t, data["keys"], 1)
	}
}

func TestAConfigWriteWithoutKMSIsDoneWithAWarning(t *testing.T) {
	r := newKeyRig(t, "a")
	r.later(factsAge)
	r.kms.before = func(context.Context, kmsapi.Request) error { return answered(kmsapi.ErrInternalFailure) }
	resp := r.write("keys/a/config", body{"deletion_allowed": true})
	require.Equal(t, true, resp.Data["deletion_allowed"])
	require.Equal(t, 1, resp.Data["latest_version"])
	require.Contains(t, fmt.Sprint(resp.Warnings), "What KMS knows of the key is not shown")
	require.Equal(t, true, r.read("keys/a/config").Data["deletion_allowed"])
}

func TestAReadOfTheConfigClaimsNoChange(t *testing.T) {
	r := newKeyRig(t, "a")
	r.fails(kmsapi.OpDescribeKey, answered(kmsapi.ErrInternalFailure))
	for path, read := range map[string]func(string, body) *logical.Response{
		"keys/a/config": r.write,
		"the same":      func(string, body) *logical.Response { return r.read("keys/a/config") },
	} {
		warnings := strings.Join(read(path, body{"deletion_allowed": true}).Warnings, "\n")
		require.Contains(t, warnings, "What KMS knows of the key is not shown")
		require.Equal(t, path == "keys/a/config", strings.Contains(warnings, "The change is made"))
	}
}
