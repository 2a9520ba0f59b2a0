package alicloudkms

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/fields"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/listing"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// directly calls do with a client of KMS that does not use Vault.
func (r *rig) directly(do func(context.Context, *client.Client) error) {
	r.t.Helper()
	direct, err := r.kms.direct("cn-hangzhou")
	require.NoError(r.t, err)
	defer direct.Close()
	require.NoError(r.t, do(r.t.Context(), direct))
}

func removeAlias(alias string) func(context.Context, *client.Client) error {
	return func(ctx context.Context, c *client.Client) error {
		_, err := c.DeleteAlias(ctx, &kmsapi.DeleteAliasRequest{AliasName: alias})
		return err
	}
}

func TestAliasIsWrittenMovedReadListedAndRemoved(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	r.share("shared", "b")
	made := r.write("aliases/hr/payroll", body{"key": "a"}).Data
	require.Equal(t, body{
		"alias": "hr/payroll", "key": "a", "key_id": r.keyID("a"), "region": "cn-hangzhou",
		"created": true,
	}, made)
	require.Equal(t, body{"alias": "hr/payroll", "key_id": r.keyID("a"), "region": "cn-hangzhou", "names": []string{"a"}},
		r.read("aliases/hr/payroll").Data)

	require.Equal(t, false, r.write("aliases/hr/payroll", body{"key": "a"}).Data["created"])
	require.Equal(t, false, r.write("aliases/hr/payroll", body{"key": "b"}).Data["created"])
	require.Equal(t, []string{"b", "shared"}, r.read("aliases/hr/payroll").Data["names"])

	r.write("aliases/a", body{"key": "a"})
	listed := r.list("aliases", nil)
	require.Equal(t, []string{"a", "hr/payroll"}, listed.Data["keys"])
	require.Equal(t, r.keyID("b"), info(listed, "hr/payroll")["key_id"])
	require.Contains(t, info(listed, "hr/payroll")["arn"], ":alias/hr/payroll")
	require.Equal(t, []string{"b", "shared"}, info(listed, "hr/payroll")["names"])
	for key, want := range map[string][]string{"a": {"a"}, "b": {"hr/payroll"}, "shared": {"hr/payroll"}} {
		require.Equal(t, want, r.list("aliases", body{"key": key}).Data["keys"])
	}
	require.Equal(t, []string{"hr/payroll"}, r.list("aliases", body{"after": "a", "limit": 1}).Data["keys"])

	require.Nil(t, r.remove("aliases/a", nil))
	require.Empty(t, r.list("aliases", body{"key": "a"}).Data["keys"])
	r.encrypt("a", hello)
	for _, op := range []logical.Operation{logical.ReadOperation, logical.DeleteOperation} {
		_, err := r.try(op, "aliases/a", nil)
		refused(t, err, 404, "Forbidden.AliasNotFound", "vault list kms/aliases")
	}
}

func TestAliasesOfManyPagesAreListed(t *testing.T) {
	r := newKeyRig(t, "a")
	for n := range listing.PageSize + 1 {
		r.write(fmt.Sprintf("aliases/%d", n), body{"key": "a"})
	}
	for _, query := range []map[string]any{nil, {"key": "a"}} {
		require.Len(t, r.list("aliases", query).Data["keys"], listing.PageSize+1)
	}
}

// A path accepts exactly what KMS accepts, so that every alias can be reached and no bad one gets to KMS.
func TestAliasPathsAcceptWhatKMSAccepts(t *testing.T) {
	aliases := []string{
		"", "alias/a", "//", "-", "a/", "/a", "a\n", "é", strings.Repeat("a", kmsapi.MaxAlias),
		strings.Repeat("a", kmsapi.MaxAlias+1),
	}
	for c := range 0x180 {
		aliases = append(aliases, string(rune(c)), "a"+string(rune(c))+"b")
	}
	for _, alias := range aliases {
		var q kmsapi.DeleteAliasRequest
		err := kmsapi.Decode(kmsapi.Params{{Name: "AliasName", Value: kmsapi.AliasPrefix + alias}}, &q)
		require.Equal(t, err == nil, fields.Alias.Valid(alias), "%q: %v", alias, err)
	}
}

func TestBadAliasDoesNotReachKMS(t *testing.T) {
	r := newKeyRig(t, "a")
	calls := r.kms.total()
	for name, c := range map[string]struct{ alias, says string }{
		"a space":                      {"pay roll", `"pay roll" is not an alias of KMS`},
		"a dot":                        {"hr/pay.roll", "letters, digits"},
		"another alphabet":             {"зарплата", "letters, digits"},
		"a line break":                 {"a\nb", "letters, digits"},
		"too many characters":          {strings.Repeat("a", kmsapi.MaxAlias+1), "1 to 255"},
		"a reserved alias":             {"acs/oss", "Alibaba Cloud reserves"},
		"one with the reserved prefix": {"acsomething", "Alibaba Cloud reserves"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := r.tryWrite("aliases/"+c.alias, body{"key": "a"})
			refused(t, err, 400, c.says)
			require.Less(t, len(err.Error()), 300)
			_, err = r.try(logical.DeleteOperation, "aliases/"+c.alias, nil)
			refused(t, err, 400, c.says)
		})
	}
	for name, data := range map[string]map[string]any{
		"no key":              nil,
		"an empty key":        {"key": ""},
		"an invalid key name": {"key": "alias/a"},
		"a long key name":     {"key": strings.Repeat("a", maxKeyName+1)},
		"a field of the list": {"key": "a", "limit": 1},
	} {
		_, err := r.tryWrite("aliases/a", data)
		refused(t, err, 400)
		require.NotEmpty(t, err.Error(), name)
	}
	_, err := r.tryWrite("aliases/a", body{"key": "nobody"})
	refused(t, err, 404, "nobody", "vault write -f kms/keys/nobody")
	_, err = r.try(logical.ListOperation, "aliases/", body{"key": "nobody"})
	refused(t, err, 404, "nobody")
	_, err = r.try(logical.ListOperation, "aliases/", body{"key": ""})
	refused(t, err, 400, `"key"`)
	require.Equal(t, calls, r.kms.total())

	_, err = r.try(logical.ReadOperation, "aliases/acs/oss", nil)
	refused(t, err, 404, "Forbidden.AliasNotFound") // Reserved aliases may be read where they exist.
}

func TestAliasInTheBodyIsRefused(t *testing.T) {
	r := newKeyRig(t, "a")
	_, err := r.tryWrite("aliases/right", body{"key": "a", "alias": "wrong"})
	refused(t, err, 400, `unknown field "alias"`)
	require.Empty(t, r.kms.count(kmsapi.OpCreateAlias))
}

func TestAliasIsWrittenEvenIfOthersInterfere(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("aliases/x", body{"key": "a"})
	r.kms.before = func(_ context.Context, q kmsapi.Request) error {
		if q.Operation() == kmsapi.OpUpdateAlias { // Somebody else deletes the alias between the two calls.
			r.kms.before = nil
			r.directly(removeAlias("alias/x"))
		}
		return nil
	}
	require.Equal(t, true, r.write("aliases/x", body{"key": "a"}).Data["created"])
	require.Equal(t, []string{"a"}, r.read("aliases/x").Data["names"])

	calls := r.kms.count(kmsapi.OpCreateAlias)
	r.fails(kmsapi.OpUpdateAlias, kmsapi.ErrAliasNotFound) // Then it is created again each time.
	_, err := r.tryWrite("aliases/x", body{"key": "a"})
	refused(t, err, 409, "other clients")
	require.Equal(t, calls+maxAliasRounds, r.kms.count(kmsapi.OpCreateAlias))
}

func TestManyWritersOfOneAliasAllSucceed(t *testing.T) {
	r := newKeyRig(t, "a", "b")
	var group sync.WaitGroup
	for n := range 16 {
		group.Go(func() {
			if _, err := r.tryWrite("aliases/x", body{"key": []string{"a", "b"}[n%2]}); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	require.Len(t, r.list("aliases", nil).Data["keys"], 1)
	require.Subset(t, []string{"a", "b"}, r.read("aliases/x").Data["names"])
}

func TestFailedAliasSaysWhatToDo(t *testing.T) {
	const write, remove, read = logical.UpdateOperation, logical.DeleteOperation, logical.ReadOperation
	for name, c := range map[string]struct {
		op      logical.Operation
		fails   kmsapi.Operation
		failure error
		status  int
		says    string
	}{
		"made, but the answer is lost":    {write, kmsapi.OpCreateAlias, context.DeadlineExceeded, 504, "write it again"},
		"changed, but the answer is lost": {write, kmsapi.OpUpdateAlias, context.DeadlineExceeded, 504, "write it again"},
		"removed, but the answer is lost": {
			remove, kmsapi.OpDeleteAlias, context.DeadlineExceeded, 504,
			"vault list kms/aliases",
		},
		"a quota": {
			write, kmsapi.OpCreateAlias, kmsapi.ErrLimitExceeded, 400,
			"vault list kms/aliases",
		},
		"a key scheduled for deletion": {
			write, kmsapi.OpCreateAlias, kmsapi.ErrStateModifiedFailed, 409,
			"vault write -f kms/keys/a/cancel_deletion",
		},
		"the same on a change": {
			write, kmsapi.OpUpdateAlias, kmsapi.ErrRejectedPendingDeletion, 409,
			"vault write -f kms/keys/a/cancel_deletion",
		},
		"no permission":     {write, kmsapi.OpCreateAlias, kmsapi.ErrNoPermission, 403, "RAM"},
		"a deleted KMS key": {read, kmsapi.OpDescribeKey, kmsapi.ErrKeyNotFound, 404, "vault read kms/config"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newKeyRig(t, "a")
			if c.fails != kmsapi.OpCreateAlias {
				r.write("aliases/x", body{"key": "a"})
			}
			r.fails(c.fails, c.failure)
			var data map[string]any
			if c.op == write {
				data = body{"key": "a"}
			}
			_, err := r.try(c.op, "aliases/x", data)
			refused(t, err, c.status, c.says)
		})
	}
}

func TestFailedListOfAKeysAliasesNamesTheKey(t *testing.T) {
	r := newKeyRig(t, "a")
	r.fails(kmsapi.OpListAliasesByKeyId, kmsapi.ErrRejectedPendingDeletion)
	_, err := r.try(logical.ListOperation, "aliases/", body{"key": "a"})
	refused(t, err, 409, "vault write -f kms/keys/a/cancel_deletion")
}

func TestAliasCanBeWrittenAgainAfterALostAnswer(t *testing.T) {
	r := newKeyRig(t, "a")
	r.kms.after = func(context.Context, kmsapi.Request) error {
		r.kms.after = nil
		return &client.TransportError{Operation: kmsapi.OpCreateAlias, Endpoint: "kms:443", Err: context.DeadlineExceeded}
	}
	_, err := r.tryWrite("aliases/x", body{"key": "a"})
	refused(t, err, 504, "write it again")
	require.Equal(t, false, r.write("aliases/x", body{"key": "a"}).Data["created"])
}

func TestAliasOfAKeyScheduledForDeletion(t *testing.T) {
	r := newKeyRig(t, "a")
	r.write("aliases/old", body{"key": "a"})
	r.write("keys/a/config", body{"deletion_allowed": true})
	r.remove("keys/a", nil)
	for _, alias := range []string{"old", "new"} {
		_, err := r.tryWrite("aliases/"+alias, body{"key": "a"})
		refused(t, err, 409, "vault write -f kms/keys/a/cancel_deletion")
	}
	require.Equal(t, []string{"a"}, r.read("aliases/old").Data["names"])
	r.remove("aliases/old", nil)
}
