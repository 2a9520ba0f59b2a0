package files

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/envelope"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/vaultkey"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// dawn is a plaintext of n bytes.
func dawn(n int) []byte { return bytes.Repeat([]byte("attack at dawn\n"), n/15+1)[:n] }

func TestBothWaysOpenWhatEitherHasWritten(t *testing.T) {
	d := newDesk(t)
	vault := d.mount(map[string]any{"app": "payroll"}).keys()
	bound := entries{"app": "payroll"}
	for _, plaintext := range [][]byte{nil, []byte("x"), dawn(65536), dawn(200_000)} {
		for name, given := range map[string]entries{
			"no context": nil, "a context": {"month": "11", "größe": "大"}, "an entry of the bound context": {"app": "payroll"},
		} {
			t.Run(fmt.Sprint(len(plaintext), " bytes, ", name), func(t *testing.T) {
				throughVault, alone := Contexts{Entries: given}, Contexts{Entries: given, Bound: bound}
				for _, file := range [][]byte{
					d.seal(vault, plaintext, throughVault), d.seal(d.keys, plaintext, alone),
				} {
					require.NotContains(t, string(file), "attack")
					got, err := d.open(vault, file, throughVault)
					require.NoError(t, err)
					require.True(t, bytes.Equal(plaintext, got))
					got, err = d.open(d.keys, file, alone)
					require.NoError(t, err)
					require.True(t, bytes.Equal(plaintext, got))
				}
			})
		}
	}
}

func TestAFileIsDecryptedWithoutTheEngine(t *testing.T) {
	d := newDesk(t)
	v := d.mount(map[string]any{"app": "payroll"})
	file := d.seal(v.keys(), dawn(100), Contexts{})
	v.write("keys/payroll/deregister", nil)
	_, err := d.open(v.keys(), file, Contexts{})
	require.EqualError(t, err, `Vault refused kms/decrypt/payroll (HTTP 404): there is no key "payroll"; `+
		`to make it, run: vault write -f kms/keys/payroll`)
	got, err := d.open(d.keys, file, Contexts{Bound: entries{"app": "payroll"}})
	require.NoError(t, err)
	require.Equal(t, dawn(100), got)
	require.Equal(t, []string{d.keyID}, d.opened, "the KMS key is named")
}

func TestOtherContextsOpenNoFile(t *testing.T) {
	d := newDesk(t)
	vault := d.mount(map[string]any{"app": "payroll"}).keys()
	bound, all := entries{"app": "payroll"}, entries{"a": "1", "app": "payroll"}
	wrong := kmsapi.ErrInvalidParameter
	file := d.seal(vault, dawn(100), Contexts{Entries: entries{"a": "1"}})
	// What KMS sees are the entries of both, so that it can't tell the last two; the file can.
	for name, tc := range map[string]struct {
		c    Contexts
		want error
	}{
		"none":                         {Contexts{}, wrong},
		"no bound context":             {Contexts{Entries: entries{"a": "1"}}, wrong},
		"no encryption context":        {Contexts{Bound: bound}, wrong},
		"another value":                {Contexts{Entries: entries{"a": "2"}, Bound: bound}, wrong},
		"one more":                     {Contexts{Entries: entries{"a": "1", "b": ""}, Bound: bound}, wrong},
		"the bound one in both places": {Contexts{Entries: all, Bound: bound}, envelope.ErrOpen},
		"all of them as bound":         {Contexts{Bound: all}, envelope.ErrOpen},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := d.open(d.keys, file, tc.c)
			require.ErrorIs(t, err, tc.want)
			require.Empty(t, got)
			if errors.Is(tc.want, wrong) {
				require.ErrorContains(t, err, otherContexts)
			}
		})
	}
	_, err := d.open(vault, file, Contexts{Entries: entries{"a": "2"}})
	require.ErrorContains(t, err, "Vault refused kms/decrypt/payroll (HTTP 400)")
}

func TestOnlyTheKMSKeyThatWasAskedForOpensAFile(t *testing.T) {
	d := newDesk(t)
	file := d.seal(d.keys, dawn(10), Contexts{})
	d.keys.OnlyKeyID = d.keyID
	got, err := d.open(d.keys, file, Contexts{})
	require.NoError(t, err)
	require.Equal(t, dawn(10), got)
	require.Empty(t, d.opened)
	d.keys.OnlyKeyID = "other"
	got, err = d.open(d.keys, file, Contexts{})
	require.EqualError(t, err, fmt.Sprintf(`it was encrypted with the KMS key %q, not with "other"`, d.keyID))
	require.Empty(t, got)
}

func TestVaultGetsNoData(t *testing.T) {
	d := newDesk(t)
	v := d.mount(nil)
	file := d.seal(v.keys(), dawn(100_000), Contexts{Entries: entries{"a": "1"}})
	_, err := d.open(v.keys(), file, Contexts{Entries: entries{"a": "1"}})
	require.NoError(t, err)
	require.Len(t, v.requests, 2)
	require.JSONEq(t, `{"bits": 256, "encryption_context": {"a": "1", "alicloudkms:file": "1"}}`, v.requests[0])
	require.Less(t, len(v.requests[1]), 1000)
}

func TestWhatVaultAnswersInsteadIsExplained(t *testing.T) {
	d := newDesk(t)
	d.mount(nil)
	elsewhere, err := NewVault("transit/payroll")
	require.NoError(t, err)
	_, _, err = elsewhere.Generate(t.Context(), Contexts{})
	require.EqualError(t, err, "Vault refused transit/datakey/plaintext/payroll (HTTP 404): no handler for route")
	t.Setenv("VAULT_TOKEN", "s.other")
	stranger, err := NewVault("/kms/payroll/")
	require.NoError(t, err)
	_, _, err = stranger.Generate(t.Context(), Contexts{})
	require.EqualError(t, err, "Vault refused kms/datakey/plaintext/payroll (HTTP 403): permission denied")
	for _, bad := range []string{"", "payroll", "/payroll/"} {
		_, err := NewVault(bad)
		require.ErrorIs(t, err, vaultkey.ErrPath, bad)
	}
}
