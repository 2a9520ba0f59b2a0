package alicloudkms

import (
	"context"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

func TestFactoryDoesNoIO(t *testing.T) {
	conf := logical.TestBackendConfig()
	storage := &countingStorage{}
	conf.StorageView = storage
	b, err := Factory(t.Context(), conf)
	require.NoError(t, err)
	require.NoError(t, b.Initialize(t.Context(), &logical.InitializationRequest{Storage: storage}))
	require.Zero(t, storage.total())
	require.Equal(t, logical.TypeLogical, b.Type())
	require.Equal(t, Version, b.(logical.PluginVersioner).PluginVersion().Version)
	require.Equal(t, []string{"config", "wrapping-key"}, b.SpecialPaths().SealWrapStorage)
	b.Cleanup(t.Context())

	_, err = Factory(t.Context(), nil)
	require.Error(t, err)
}

func TestUnconfiguredEngineSaysHowToConfigureIt(t *testing.T) {
	r := newRig(t)
	for _, path := range []string{
		"keys/a", "encrypt/a", "decrypt/a", "datakey/plaintext/a", "datakey/wrapped/a",
		"keys/a/enable", "keys/a/import_parameters",
	} {
		_, err := r.tryWrite(path, nil)
		refused(t, err, 400, "vault write kms/config")
	}
}

func TestCleanClosesTheClient(t *testing.T) {
	r := newKeyRig(t, "a")
	closed := r.kms.closed
	r.b.Cleanup(t.Context())
	require.Equal(t, closed+1, r.kms.closed)
}

func TestInvalidateDropsWhatAnotherNodeChanged(t *testing.T) {
	for name, c := range map[string]struct {
		path          string
		config, entry bool
	}{
		"the config":      {"config", true, false},
		"the key":         {"key/a", false, true},
		"another key":     {"key/b", false, false},
		"all keys":        {"key/", false, true},
		"the whole mount": {"", true, true},
		"something else":  {"wal/1", false, false},
		"a similar path":  {"configuration", false, false},
		"a longer path":   {"key/a/more", false, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			r.encrypt("a", hello)
			r.storage.reset("", 0)
			r.b.InvalidateKey(t.Context(), c.path)
			r.encrypt("a", hello)
			want := 0
			for _, dropped := range []bool{c.config, c.entry} {
				if dropped {
					want++
				}
			}
			require.Equal(t, want, r.storage.total())
		})
	}
}

func TestEntryLoadedWhileItChangesIsNotKept(t *testing.T) {
	r := newKeyRig(t, "a")
	r.backend().keys.ForgetAll()
	r.storage.onGet = func(string) {
		r.storage.onGet = nil
		r.write("keys/a/config", body{"bound_context": "team=hr"})
	}
	r.encrypt("a", hello) // This caches the entry before the change.
	r.encrypt("a", hello)
	require.Equal(t, kmsapi.EncryptionContext{"team": "hr"}, r.kms.last.(*kmsapi.EncryptRequest).EncryptionContext)
}

func TestConfigChangesFailNoRequest(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	ctx, stop := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for ctx.Err() == nil {
				resp, err := r.tryWrite("encrypt/a", body{"plaintext": hello})
				if err == nil {
					resp, err = r.tryWrite("decrypt/a", body{"ciphertext": resp.Data["ciphertext"]})
				}
				if err != nil || resp.Data["plaintext"] != hello {
					t.Errorf("%v %v", resp, err)
					return
				}
			}
		})
	}
	for round := range 200 {
		r.write("config", body{"max_retries": round % 10, "max_parallel": 1 + round%3})
		r.write("keys/b/config", body{"deletion_allowed": round%2 == 0})
		r.b.InvalidateKey(ctx, "key/a")
	}
	stop()
	group.Wait()
	r.b.Cleanup(t.Context())
	require.Zero(t, r.backend().connections.Len())
}

func TestCallsInFlightAreNeverMoreThanMaxParallel(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("config", body{"max_parallel": 2})
	entered, goOn := make(chan struct{}, 3), make(chan struct{})
	r.kms.before = func(context.Context, kmsapi.Request) error {
		entered <- struct{}{}
		<-goOn
		return nil
	}
	var group sync.WaitGroup
	for range 2 {
		group.Go(func() { _, _ = r.tryWrite("encrypt/a", body{"plaintext": hello}) })
		<-entered
	}
	ctx, cancel := context.WithDeadline(t.Context(), time.Unix(1, 0))
	defer cancel()
	_, err := r.tryIn(ctx, logical.UpdateOperation, "encrypt/a", body{"plaintext": hello})
	refused(t, err, 504, "Encrypt")
	require.Equal(t, 2, r.kms.count(kmsapi.OpEncrypt))
	close(goOn)
	group.Wait()
	r.encrypt("a", hello)
}

func TestEveryPathHasHelpAndUniqueOperationIDs(t *testing.T) {
	r := newRig(t)
	require.Contains(t, r.do(logical.HelpOperation, "", nil).Data["help"], "alicloudkms")
	for _, p := range r.backend().Paths {
		require.NotEmpty(t, p.HelpSynopsis, p.Pattern)
		require.Regexp(t, `(?m)^    vault (write|read|list|delete|patch) `, p.HelpDescription, p.Pattern)
		for name, field := range p.Fields {
			require.NotEmpty(t, field.Description, "%s of %s", name, p.Pattern)
		}
	}
	help := r.do(logical.HelpOperation, "", nil)
	doc, ok := help.Data["openapi"].(*framework.OASDocument)
	require.True(t, ok)
	seen := map[string]string{}
	for path, item := range doc.Paths {
		for _, op := range []*framework.OASOperation{item.Get, item.Post, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			require.Regexp(t, regexp.MustCompile(`^alicloudkms(-[a-z]+)+$`), op.OperationID, path)
			require.Empty(t, seen[op.OperationID], "%s has it, and %s too", seen[op.OperationID], path)
			seen[op.OperationID] = path
		}
	}
	require.Greater(t, len(seen), 12)
}

func TestHelpNamesOnlyPathsAndFieldsThatExist(t *testing.T) {
	r := newRig(t)
	command := regexp.MustCompile(`(?m)^    (?:echo .* \| )?vault (write|read|list|delete|patch) (.*)$`)
	ops := map[string]logical.Operation{
		"write": logical.UpdateOperation, "read": logical.ReadOperation, "list": logical.ListOperation,
		"delete": logical.DeleteOperation, "patch": logical.PatchOperation,
	}
	for _, p := range r.backend().Paths {
		for _, found := range command.FindAllStringSubmatch(p.HelpDescription+backendHelp, -1) {
			var path string
			for word := range strings.FieldsSeq(found[2]) {
				if rest, ok := strings.CutPrefix(word, "alicloudkms/"); ok {
					path = rest
				}
			}
			if found[1] == "list" {
				path += "/"
			}
			route := r.backend().Route(path)
			require.NotNil(t, route, found[0])
			require.Contains(t, route.Operations, ops[found[1]], found[0])
			for _, field := range regexp.MustCompile(` ([a-z_]+)=`).FindAllStringSubmatch(" "+found[2], -1) {
				if strings.HasPrefix(found[2], "-field=") && field[1] == "field" {
					continue
				}
				require.Contains(t, route.Fields, field[1], found[0])
			}
		}
	}
}
