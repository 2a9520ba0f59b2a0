package server_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

const day = 24 * time.Hour

// listed returns the ids of all versions of a key, in the order of ListKeyVersions.
func (l *lab) listed(id string) (versions []string) {
	l.t.Helper()
	for page := 1; ; page++ {
		got := l.must("ListKeyVersions", "KeyId", id, "PageNumber", fmt.Sprint(page), "PageSize", "3")
		for _, version := range got.KeyVersions.KeyVersion {
			require.Equal(l.t, id, version.KeyId)
			versions = append(versions, version.KeyVersionId)
		}
		if len(versions) >= got.TotalCount {
			return versions
		}
	}
}

func TestANewVersionEncryptsAndEveryVersionDecrypts(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	l.must("CreateAlias", "KeyId", id, "AliasName", "alias/a")
	made := []string{l.metadata(id).PrimaryKeyVersion}
	blobs := []string{l.must("Encrypt", "KeyId", id, "Plaintext", "eA==").CiphertextBlob}
	for _, name := range []string{id, "alias/a", "acs:kms:cn-hangzhou:123456:key/" + id, id, id} {
		version := l.must("CreateKeyVersion", "KeyId", name).KeyVersion
		require.Equal(t, id, version.KeyId)
		require.Equal(t, "2026-11-22T09:00:00Z", version.CreationDate)
		described := l.must("DescribeKeyVersion", "KeyId", name, "KeyVersionId", version.KeyVersionId)
		require.Equal(t, version, described.KeyVersion)
		require.Equal(t, version.KeyVersionId, l.metadata(id).PrimaryKeyVersion)
		encrypted := l.must("Encrypt", "KeyId", id, "Plaintext", "eA==")
		require.Equal(t, version.KeyVersionId, encrypted.KeyVersionId)
		made, blobs = append(made, version.KeyVersionId), append(blobs, encrypted.CiphertextBlob)
	}
	newest := slices.Clone(made)
	slices.Reverse(newest)
	require.Equal(t, newest, l.listed(id), "the newest first; those of one second keep the order of making")
	l.restart()
	require.Equal(t, newest, l.listed(id))
	for i, blob := range blobs {
		opened := l.must("Decrypt", "CiphertextBlob", blob)
		require.Equal(t, made[i], opened.KeyVersionId)
		require.Equal(t, "eA==", opened.Plaintext)
	}
}

func TestPagesOfVersions(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	for range 11 {
		l.must("CreateKeyVersion", "KeyId", id)
	}
	for pairs, want := range map[[2]string]int{
		{"PageSize", "0"}: 10, {"PageNumber", "2"}: 2, {"PageSize", "101"}: 12, {"PageNumber", "9223372036854775807"}: 0,
	} {
		got := l.must("ListKeyVersions", "KeyId", id, pairs[0], pairs[1])
		require.Len(t, got.KeyVersions.KeyVersion, want, pairs)
		require.Equal(t, 12, got.TotalCount)
	}
	l.do("ListKeyVersions", "KeyId", id, "PageSize", "102").refused(t, kmsapi.ErrInvalidParameter)
}

func TestAVersionOfAnotherKeyIsNotFound(t *testing.T) {
	l := newLab(t, nil)
	id, other := l.createKey(), l.createKey()
	theirs := l.metadata(other).PrimaryKeyVersion
	for _, version := range []string{
		theirs, id, "x", "../" + other + "/" + theirs, "86a9efd9-3d16-4894-bd4f-1fc43f3f2abf",
	} {
		l.do("DescribeKeyVersion", "KeyId", id, "KeyVersionId", version).refused(t, kmsapi.ErrKeyVersionNotFound)
	}
}

func TestKeysThatAreNotRotated(t *testing.T) {
	w := newWire(t)
	id := w.createKey("Origin", "EXTERNAL")
	w.must("ImportKeyMaterial", w.wrapMaterial(id, make([]byte, kmsapi.KeyMaterialSize))...)
	w.do("CreateKeyVersion", "KeyId", id).refused(t, kmsapi.ErrRejectedUnsupportedOperation)
	for _, enable := range []string{"true", "false"} {
		w.do("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", enable, "RotationInterval", "7d").
			refused(t, kmsapi.ErrRejectedUnsupportedOperation)
	}
	rotated := []string{"EnableAutomaticRotation", "true", "RotationInterval", "7d"}
	w.do("CreateKey", append(rotated, "Origin", "EXTERNAL")...).refused(t, kmsapi.ErrRejectedUnsupportedOperation)
	require.Equal(t, 1, w.must("ListKeys").TotalCount)
	w.do("UpdateRotationPolicy", append(rotated, "KeyId", "alias/a")...).refused(t, kmsapi.ErrUnsupportedAlias)
}

func TestADefaultKeyIsRotatedEveryYear(t *testing.T) {
	l := newLab(t, func(c *server.Config) { c.StrictDefaultKeys = true })
	l.do("CreateKey", "EnableAutomaticRotation", "true", "RotationInterval", "30d").refused(t, kmsapi.ErrInvalidParameter)
	id := l.createKey("EnableAutomaticRotation", "true", "RotationInterval", "365d")
	l.do("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", "true", "RotationInterval", "7d").
		refused(t, kmsapi.ErrInvalidParameter)
	l.must("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", "false")
}

func TestRotationIntervals(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	update := func(interval string) answer {
		return l.do("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", "true", "RotationInterval", interval)
	}
	for interval, want := range map[string]string{
		"7d": "604800s", "605800s": "605800s", "168h": "604800s", "10080m": "604800s", "365d": "31536000s",
		"730d": "63072000s", "63072000s": "63072000s",
	} {
		require.Equal(t, 200, update(interval).status, interval)
		got := l.metadata(id)
		require.Equal(t, want, got.RotationInterval)
		require.Equal(t, "Enabled", got.AutomaticRotation)
		made := l.createKey("EnableAutomaticRotation", "true", "RotationInterval", interval)
		require.Equal(t, want, l.metadata(made).RotationInterval)
	}
	for _, interval := range []string{
		"6d", "604799s", "731d", "63072001s", "7", "d", "7 d", "-7d", "+7d", "7D", "7w", "7d7d", "1e1d", "999999999d",
		"99999999999999999999s", "7.5d", "0x7d",
	} {
		update(interval).refused(t, kmsapi.ErrInvalidParameter)
		l.do("CreateKey", "EnableAutomaticRotation", "true", "RotationInterval", interval).
			refused(t, kmsapi.ErrInvalidParameter)
	}
	update("").refused(t, kmsapi.ErrMissingParameter)
	l.do("CreateKey", "EnableAutomaticRotation", "true").refused(t, kmsapi.ErrMissingParameter)
	l.do("UpdateRotationPolicy", "KeyId", id, "RotationInterval", "7d").refused(t, kmsapi.ErrMissingParameter)

	l.must("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", "false", "RotationInterval", "ignored")
	got := l.metadata(id)
	require.Equal(t, "Disabled", got.AutomaticRotation)
	require.Empty(t, got.RotationInterval+got.NextRotationDate)
}

func TestAKeyIsRotatedOnceWhenItIsDue(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey("EnableAutomaticRotation", "true", "RotationInterval", "7d")
	before := l.metadata(id)
	require.Equal(t, "2026-11-22T09:00:00Z", before.LastRotationDate)
	require.Equal(t, "2026-11-29T09:00:00Z", before.NextRotationDate)
	blob := l.must("Encrypt", "KeyId", id, "Plaintext", "eA==").CiphertextBlob

	l.now = l.now.Add(7*day - time.Second)
	l.sweep()
	require.Equal(t, before, l.metadata(id))
	l.close()
	l.now = l.now.Add(30 * day) // The service is not running.
	l.open()
	l.now = l.now.Add(time.Second)
	for range 2 {
		l.sweep()
	}
	after := l.metadata(id)
	require.Len(t, l.listed(id), 2, "one rotation, and not one for each interval that was missed")
	require.NotEqual(t, before.PrimaryKeyVersion, after.PrimaryKeyVersion)
	require.Equal(t, "2026-12-29T09:00:00Z", after.LastRotationDate)
	require.Equal(t, "2027-01-05T09:00:00Z", after.NextRotationDate)
	require.Equal(t, "eA==", l.must("Decrypt", "CiphertextBlob", blob).Plaintext)
	require.Equal(t, after.PrimaryKeyVersion, l.must("Encrypt", "KeyId", id, "Plaintext", "eA==").KeyVersionId)

	lines := l.auditLines()
	at := slices.IndexFunc(lines, func(line map[string]any) bool { return line["operation"] == "AutomaticRotation" })
	require.GreaterOrEqual(t, at, 0)
	require.Equal(t, id, lines[at]["key_id"])
	require.Equal(t, "123456", lines[at]["account"])
	require.Empty(t, lines[at]["access_key_id"])

	l.now = l.now.Add(6 * day)
	l.must("CreateKeyVersion", "KeyId", id)
	require.Equal(t, "2027-01-11T09:00:00Z", l.metadata(id).NextRotationDate, "an interval after the last rotation")
	l.now = l.now.Add(2 * day)
	l.sweep()
	require.Len(t, l.listed(id), 3)
}

func TestRotationIsSuspendedWhileAKeyIsNotEnabled(t *testing.T) {
	for state, steps := range map[string][2][]string{
		"Disabled":        {{"DisableKey"}, {"EnableKey"}},
		"PendingDeletion": {{"ScheduleKeyDeletion", "PendingWindowInDays", "30"}, {"CancelKeyDeletion"}},
	} {
		t.Run(state, func(t *testing.T) {
			l := newLab(t, nil)
			id := l.createKey("EnableAutomaticRotation", "true", "RotationInterval", "605800s")
			enabled := l.metadata(id)
			l.must(steps[0][0], append(steps[0][1:], "KeyId", id)...)
			l.now = l.now.Add(20 * day)
			l.sweep()
			suspended := l.metadata(id)
			require.Equal(t, "Suspended", suspended.AutomaticRotation)
			require.Equal(t, "605800s", suspended.RotationInterval)
			require.Equal(t, enabled.NextRotationDate, suspended.NextRotationDate)
			require.Len(t, l.listed(id), 1)
			l.must(steps[1][0], "KeyId", id)
			l.sweep()
			l.sweep()
			after := l.metadata(id)
			require.Equal(t, "Enabled", after.AutomaticRotation)
			require.Len(t, l.listed(id), 2, "the rotation that was missed happens then")
			require.Equal(t, "2026-12-12T09:00:00Z", after.LastRotationDate)
		})
	}
}

func TestAPolicyWhoseFirstRotationHasPassedRotatesAtOnce(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey()
	l.now = l.now.Add(8 * day)
	l.must("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", "true", "RotationInterval", "9d")
	require.Len(t, l.listed(id), 1)
	l.must("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", "true", "RotationInterval", "7d")
	require.Len(t, l.listed(id), 2)
	got := l.metadata(id)
	require.Equal(t, "2026-11-30T09:00:00Z", got.LastRotationDate)
	require.Equal(t, "2026-12-07T09:00:00Z", got.NextRotationDate)
}

func TestQuotasOfVersions(t *testing.T) {
	l := newLab(t, func(c *server.Config) {
		c.Quotas = &server.Quotas{Keys: -1, Aliases: -1, KeyVersions: 3, Versions: 4}
	})
	first, second := l.createKey(), l.createKey("EnableAutomaticRotation", "true", "RotationInterval", "7d")
	l.must("CreateKeyVersion", "KeyId", first)
	l.must("CreateKeyVersion", "KeyId", first)
	got := l.do("CreateKeyVersion", "KeyId", first)
	got.refused(t, kmsapi.ErrLimitExceeded)
	require.Contains(t, got.Message, "A key may have 3 versions.")
	l.must("CreateKeyVersion", "KeyId", second)
	l.must("CreateKeyVersion", "KeyId", second)
	l.do("CreateKeyVersion", "KeyId", l.createKey()).refused(t, kmsapi.ErrLimitExceeded)

	l.now = l.now.Add(8 * day)
	require.ErrorIs(t, l.service.Sweep(t.Context()), kmsapi.ErrLimitExceeded)
	l.must("Encrypt", "KeyId", second, "Plaintext", "eA==")
	require.Len(t, l.listed(second), 3)
	l.must("ScheduleKeyDeletion", "KeyId", first, "PendingWindowInDays", "7")
	l.now = l.now.Add(8 * day)
	l.sweep()
	require.Len(t, l.listed(second), 4, "there is room, and automatic rotation is not bounded by key_versions")
	l.close()
	report, err := server.Check(t.Context(), l.config, "", nil)
	require.NoError(t, err)
	require.Empty(t, report.Problems)
	l.open()
}

func TestAClockThatJumpsRotatesOnce(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey("EnableAutomaticRotation", "true", "RotationInterval", "7d")
	right := l.now
	l.now = right.Add(1000 * day)
	l.sweep()
	require.Len(t, l.listed(id), 2)
	l.now = right.Add(1000*day + 6*day)
	l.sweep()
	require.Len(t, l.listed(id), 2)
	l.now = right.Add(8 * day)
	l.sweep() // The clock is right again, so the last rotation is ahead of it.
	l.now = right.Add(1000*day + 6*day + time.Hour)
	require.Len(t, l.listed(id), 2)
	l.now = right.Add(1000*day + 7*day)
	l.sweep()
	require.Len(t, l.listed(id), 3)
}

func TestARotationThatIsNotWrittenDownIsMadeLater(t *testing.T) {
	l := newLab(t, nil)
	id := l.createKey("EnableAutomaticRotation", "true", "RotationInterval", "7d")
	l.now = l.now.Add(8 * day)
	l.commit = func(func() error) error { return errDisk }
	require.ErrorIs(t, l.service.Sweep(t.Context()), errDisk)
	l.commit = nil
	l.restart()
	require.Len(t, l.listed(id), 1, "what is not written down has not happened")
	l.sweep()
	require.Len(t, l.listed(id), 2)
}
