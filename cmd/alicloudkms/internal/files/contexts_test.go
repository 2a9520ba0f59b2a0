package files

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEntriesAreParsed(t *testing.T) {
	got, err := ParseEntries([]string{"a=1", "b=", "c=x=y,z", "größe=大"})
	require.NoError(t, err)
	require.Equal(t, entries{"a": "1", "b": "", "c": "x=y,z", "größe": "大"}, got)
	for name, bad := range map[string][]string{
		"no value": {"a"}, "no name": {"=1"}, "empty": {""}, "twice": {"a=1", "a=1"}, "not UTF-8": {"a=\xff"},
		"a character that stands for one that is not UTF-8": {"a=\ufffd"},
	} {
		_, err := ParseEntries(bad)
		require.Error(t, err, name)
	}
}

func TestReservedNamesAreRefusedHoweverTheyAreSpelled(t *testing.T) {
	for _, entry := range []string{
		"vault:context=x", "vault:=", "a=b&vault:context=x", "a&vault:context=x", "a=&vault:",
	} {
		given, err := ParseEntries([]string{entry})
		require.NoError(t, err)
		require.ErrorContains(t, Contexts{Entries: given}.Check(), "is reserved", entry)
		require.NoError(t, Contexts{Bound: given}.Check(), "a bound context may be older than the rule")
	}
	for _, entry := range []string{
		"alicloudkms:file=1", "alicloudkms:x=", "a=b&alicloudkms:file=1", "a&alicloudkms:file=1",
	} {
		given, err := ParseEntries([]string{entry})
		require.NoError(t, err)
		c := Contexts{Entries: given}
		require.NoError(t, c.Check(), "the engine takes it")
		require.ErrorContains(t, Encrypt(t.Context(), nil, nil, nil, c), "is reserved", entry)
		file := bytes.NewReader([]byte("\x00AKE\x01\x01 and more"))
		require.ErrorContains(t, Decrypt(t.Context(), nil, file, nil, c), "is reserved", entry)
	}
	require.NoError(t, Contexts{Entries: entries{"Vault:a": "vault:b", "a:vault:c": "1"}}.Check())
}

func TestAnEntryMayRepeatTheBoundContextAndNotDifferFromIt(t *testing.T) {
	bound := entries{"app": "payroll"}
	require.NoError(t, Contexts{Entries: entries{"app": "payroll", "a": "1"}, Bound: bound}.Check())
	require.EqualError(t, Contexts{Entries: entries{"app": "other"}, Bound: bound}.Check(),
		`the entry "app" differs from that of the bound context`)
}

func TestAFileHasOnlyAnEncryptionContext(t *testing.T) {
	for _, c := range []Contexts{{Context: "AAAA"}, {AssociatedData: "AAAA"}} {
		file := bytes.NewReader([]byte("\x00AKE\x01\x01 and more"))
		require.ErrorContains(t, Decrypt(t.Context(), nil, file, nil, c), "a file has neither a context nor associated data")
		require.ErrorContains(t, Encrypt(t.Context(), nil, nil, nil, c), "a file has neither a context nor associated data")
	}
}

func TestBase64HasOneForm(t *testing.T) {
	for given, want := range map[string]string{"": "", "aGVsbG8=": "aGVsbG8=", " aGVs\n bG8=\r\n": "aGVsbG8="} {
		got, err := ParseBase64(given)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, bad := range []string{"!", "aGVsbG8", "aGVsbG9=", "aGVs bG8="} {
		_, err := ParseBase64(bad)
		require.EqualError(t, err, "it is not base64", bad)
	}
}
