package server_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// unix returns a time in the form of KeyMaterialExpireUnix.
func unix(at time.Time) string { return fmt.Sprint(at.Unix()) }

func (l *lab) sweep() {
	l.t.Helper()
	require.NoError(l.t, l.service.Sweep(l.t.Context()))
}

// versions returns the store's records of CMK versions. It closes the service and opens it again.
func (l *lab) versions() (all []map[byte]string) {
	l.t.Helper()
	l.close()
	defer func() {
		l.open()
		l.now = l.now.Add(time.Second)
	}()
	for path, value := range storedRecords(l.t, l.config.Storage.Path) {
		if strings.HasPrefix(path, "cmk/") || strings.HasPrefix(path, "cmk-version/") {
			all = append(all, fields(l.t, []byte(value)))
		}
	}
	require.NotEmpty(l.t, all)
	return all
}

func (l *lab) requireNoMaterialStored() {
	l.t.Helper()
	for _, record := range l.versions() {
		require.NotContains(l.t, record, byte(wrapped))
		require.Contains(l.t, record, byte(fingerprint))
	}
}

func TestTheMomentThatMaterialExpires(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	at := func(d time.Duration) string { return unix(l.now.Add(d)) }
	for _, tc := range []struct {
		name, value string
		// shown is MaterialExpireTime after the import, or "refused" if the import fails.
		shown string
	}{
		{"is never if there is none", "", ""},
		{"is never if it is 0", "0", ""},
		{"may be a second from now", at(time.Second), l.now.Add(time.Second).Format(kmsapi.TimeFormat)},
		{"may be in a hundred years", "4944000000", "2126-09-02T05:20:00Z"},
		{"may be the last that can be written", "253402300799", "9999-12-31T23:59:59Z"},
		{"must not be a second ago", at(-time.Second), "refused"},
		{"must not be in 1970", "1", "refused"},
		{"must not be negative", "-1", "refused"},
		{"must not be in the year 10000", "253402300800", "refused"},
		{"must not be in milliseconds", at(time.Hour) + "000", "refused"},
		{"must not be the last that a number can say", "9223372036854775807", "refused"},
		{"must not be more than a number can say", "9223372036854775808", "refused"},
		{"must be a number", "soon", "refused"},
		{"must be an integer", at(time.Hour) + ".5", "refused"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			before := "none"
			if tc.shown == "refused" {
				before = l.metadata(i.id).MaterialExpireTime
			}
			got := i.try(material, "KeyMaterialExpireUnix", tc.value)
			if tc.shown == "refused" {
				got.refused(t, kmsapi.ErrInvalidParameter)
				require.Contains(t, got.Message, "KeyMaterialExpireUnix")
				require.Equal(t, before, l.metadata(i.id).MaterialExpireTime)
				return
			}
			require.Equal(t, http.StatusOK, got.status, "%s", got.body)
			require.Equal(t, tc.shown, l.metadata(i.id).MaterialExpireTime)
			require.Equal(t, kmsapi.Enabled, l.metadata(i.id).KeyState)
		})
	}
}

func TestMaterialMayExpireInThePresentSecond(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	i.mustTry(material, "KeyMaterialExpireUnix", unix(l.now))
	require.Equal(t, kmsapi.PendingImport, l.metadata(i.id).KeyState, "it is not too early, and gone at once")
	l.sweep()
	l.requireNoMaterialStored()
}

func TestExpiredMaterialIsGone(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	expires := l.now.Add(time.Hour).Truncate(time.Second)
	i.mustTry(material, "KeyMaterialExpireUnix", unix(expires))
	blob := l.must("Encrypt", "KeyId", i.id, "Plaintext", "eA==").CiphertextBlob

	l.now = expires.Add(-time.Millisecond)
	l.must("Decrypt", "CiphertextBlob", blob)
	l.now = expires
	l.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrRejectedPendingImport)
	l.do("Encrypt", "KeyId", i.id, "Plaintext", "eA==").refused(t, kmsapi.ErrRejectedPendingImport)
	l.do("EnableKey", "KeyId", i.id).refused(t, kmsapi.ErrStateModifiedFailed)
	got := l.metadata(i.id)
	require.Equal(t, kmsapi.PendingImport, got.KeyState)
	require.Empty(t, got.MaterialExpireTime)
	require.Contains(t, l.versions()[0], byte(wrapped), "no sweep has run yet")
	l.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrRejectedPendingImport)

	l.sweep()
	l.requireNoMaterialStored()
	l.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrRejectedPendingImport)
}

func TestNoMaterialIsStoredOnceItIsGone(t *testing.T) {
	for name, lose := range map[string]func(l *lab, id string){
		"by a deletion": func(l *lab, id string) { l.must("DeleteKeyMaterial", "KeyId", id) },
		"by a deletion, when disabled": func(l *lab, id string) {
			l.must("DisableKey", "KeyId", id)
			l.must("DeleteKeyMaterial", "KeyId", id)
		},
		"by its expiry":                 func(l *lab, _ string) { l.now = l.now.Add(time.Hour); l.sweep() },
		"by its expiry, over a restart": func(l *lab, _ string) { l.now = l.now.Add(time.Hour); l.restart(); l.sweep() },
		"by a jump of a hundred years":  func(l *lab, _ string) { l.now = l.now.AddDate(100, 0, 0); l.sweep() },
		"by a change that comes in between": func(l *lab, id string) {
			l.now = l.now.Add(time.Hour)
			l.must("TagResource", "KeyId", id, "Tags", `[{"TagKey":"a","TagValue":"b"}]`)
			l.sweep()
		},
		"by its expiry, while a deletion is pending": func(l *lab, id string) {
			l.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
			l.now = l.now.Add(time.Hour)
			l.sweep()
		},
		"by its expiry, before a deletion": func(l *lab, id string) {
			l.now = l.now.Add(time.Hour)
			l.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
			l.sweep()
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newImportLab(t)
			i := l.newImporter()
			i.mustTry(material, "KeyMaterialExpireUnix", unix(l.now.Add(time.Hour)))
			require.Contains(t, l.versions()[0], byte(wrapped))
			lose(l, i.id)
			l.requireNoMaterialStored()
		})
	}
}

func TestAClockThatWasWrongForAMomentLosesNothing(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	i.mustTry(material, "KeyMaterialExpireUnix", unix(l.now.Add(time.Hour)))
	right := l.now
	l.now = right.AddDate(1, 0, 0)
	require.Equal(t, kmsapi.PendingImport, l.metadata(i.id).KeyState)
	l.now = right.Add(time.Minute)
	require.Equal(t, kmsapi.Enabled, l.metadata(i.id).KeyState, "no sweep came by while it was")
	l.must("Encrypt", "KeyId", i.id, "Plaintext", "eA==")
}

func TestAnExpiryCanBePutOffInTime(t *testing.T) {
	l := newImportLab(t)
	i := l.newImporter()
	i.mustTry(material, "KeyMaterialExpireUnix", unix(l.now.Add(time.Hour)))
	i.mustTry(material, "KeyMaterialExpireUnix", unix(l.now.Add(3*time.Hour)))
	l.now = l.now.Add(2 * time.Hour)
	l.sweep()
	l.must("Encrypt", "KeyId", i.id, "Plaintext", "eA==")
	i.mustTry(material)
	l.now = l.now.AddDate(50, 0, 0)
	l.sweep()
	l.must("Encrypt", "KeyId", i.id, "Plaintext", "eA==")
}
