package server_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// createKey makes a CMK and returns its id.
func (w *wire) createKey(pairs ...string) string {
	w.t.Helper()
	return w.must("CreateKey", pairs...).KeyMetadata.KeyId
}

func (w *wire) state(id string) kmsapi.KeyState {
	w.t.Helper()
	return w.must("DescribeKey", "KeyId", id).KeyMetadata.KeyState
}

func TestCreateKeyAnswersAsTheReferenceSays(t *testing.T) {
	w := newWire(t)
	before := w.kms.Now().UTC().Truncate(time.Second)
	m := w.must("CreateKey", "Description", "payroll", "ProtectionLevel", "HSM").KeyMetadata
	require.Regexp(t, `^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$`, m.KeyId)
	require.Regexp(t, `^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$`, m.PrimaryKeyVersion)
	require.NotEqual(t, m.KeyId, m.PrimaryKeyVersion)
	created, err := time.Parse(kmsapi.TimeFormat, m.CreationDate)
	require.NoError(t, err)
	require.False(t, created.Before(before))
	require.Equal(t, kmsapi.KeyMetadata{
		KeyId: m.KeyId, Arn: "acs:kms:cn-hangzhou:123456:key/" + m.KeyId, KeyState: kmsapi.Enabled,
		KeySpec: "Aliyun_AES_256", KeyUsage: "ENCRYPT/DECRYPT", Origin: kmsapi.OriginKMS,
		ProtectionLevel: kmsapi.ProtectionHSM,
		Creator:         "123456", CreationDate: m.CreationDate, Description: "payroll",
		PrimaryKeyVersion: m.PrimaryKeyVersion, LastRotationDate: m.CreationDate, AutomaticRotation: "Disabled",
		DeletionProtection: "Disabled",
	}, m)
	require.Equal(t, m, w.must("DescribeKey", "KeyId", m.KeyId).KeyMetadata)
	require.Equal(t, kmsapi.PendingImport, w.must("CreateKey", "Origin", "EXTERNAL").KeyMetadata.KeyState)
}

func TestWrongParametersAreRefused(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	nobody := "00000000-0000-4000-8000-000000000000"
	for _, tc := range []struct {
		name   string
		action string
		pairs  []string
		want   *kmsapi.Error
	}{
		{"an unknown origin", "CreateKey", []string{"Origin", "aliyun_kms"}, kmsapi.ErrInvalidParameter},
		{"an unknown protection level", "CreateKey", []string{"ProtectionLevel", "hsm"}, kmsapi.ErrInvalidParameter},
		{"an unknown usage", "CreateKey", []string{"KeyUsage", "SIGN/VERIFY"}, kmsapi.ErrInvalidParameter},
		{
			"a description of 8,193 characters", "CreateKey",
			[]string{"Description", strings.Repeat("d", 8193)},
			kmsapi.ErrInvalidParameter,
		},
		{"no key", "DescribeKey", nil, kmsapi.ErrMissingParameter},
		{"a key that does not exist", "DescribeKey", []string{"KeyId", nobody}, kmsapi.ErrKeyNotFound},
		{"a key id that is a path", "DescribeKey", []string{"KeyId", "../" + id}, kmsapi.ErrKeyNotFound},
		{"an alias that does not exist", "DescribeKey", []string{"KeyId", "alias/nobody"}, kmsapi.ErrAliasNotFound},
		{
			"an alias to encrypt with, that does not exist", "Encrypt",
			[]string{"KeyId", "alias/nobody", "Plaintext", "eA=="},
			kmsapi.ErrAliasNotFound,
		},
		{"an alias where none is taken", "DisableKey", []string{"KeyId", "alias/nobody"}, kmsapi.ErrUnsupportedAlias},
		{"enabling a key that does not exist", "EnableKey", []string{"KeyId", nobody}, kmsapi.ErrKeyNotFound},
		{"a deletion without a window", "ScheduleKeyDeletion", []string{"KeyId", id}, kmsapi.ErrMissingParameter},
		{
			"a deletion in 6 days", "ScheduleKeyDeletion",
			[]string{"KeyId", id, "PendingWindowInDays", "6"},
			kmsapi.ErrInvalidParameter,
		},
		{
			"a deletion in 31 days", "ScheduleKeyDeletion",
			[]string{"KeyId", id, "PendingWindowInDays", "31"},
			kmsapi.ErrInvalidParameter,
		},
		{
			"a deletion in some days", "ScheduleKeyDeletion",
			[]string{"KeyId", id, "PendingWindowInDays", "seven"},
			kmsapi.ErrInvalidParameter,
		},
		{"page 0", "ListKeys", []string{"PageNumber", "0"}, kmsapi.ErrInvalidParameter},
		{"pages of 0", "ListKeys", []string{"PageSize", "0"}, kmsapi.ErrInvalidParameter},
		{"pages of 102", "ListKeys", []string{"PageSize", "102"}, kmsapi.ErrInvalidParameter},
		{"a region that is not there", "ListKeys", []string{"RegionId", "mars-north-1"}, kmsapi.ErrInvalidParameter},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w.do(tc.action, tc.pairs...).refused(t, tc.want)
		})
	}
	require.Equal(t, 1, w.must("ListKeys").TotalCount, "nothing was made")
}

func TestKeysAreListedInPages(t *testing.T) {
	w := newWire(t)
	var made []string
	for range 7 {
		made = append(made, w.createKey())
	}
	slices.Sort(made)
	var listed []string
	for page := 1; page <= 4; page++ {
		got := w.must("ListKeys", "PageNumber", fmt.Sprint(page), "PageSize", "3")
		require.Equal(t, 7, got.TotalCount)
		for _, k := range got.Keys.Key {
			require.Equal(t, "acs:kms:cn-hangzhou:123456:key/"+k.KeyId, k.KeyArn)
			listed = append(listed, k.KeyId)
		}
	}
	require.Equal(t, made, listed)
	for _, beyond := range []string{"9", "1844674407370955162", "9223372036854775807"} {
		got := w.must("ListKeys", "PageNumber", beyond, "PageSize", "10")
		require.Contains(t, string(got.body), `"Key":[]`, "an empty page is an empty list")
		require.Equal(t, 7, got.TotalCount)
		require.Equal(t, beyond, fmt.Sprint(got.PageNumber))
	}
}

func TestAKeyGoesThroughItsLife(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	blob := w.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0").CiphertextBlob

	w.must("DisableKey", "KeyId", id)
	w.do("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0").refused(t, kmsapi.ErrRejectedDisabled)
	w.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrRejectedDisabled)
	w.do("GenerateDataKey", "KeyId", id).refused(t, kmsapi.ErrRejectedDisabled)
	w.do("CancelKeyDeletion", "KeyId", id).refused(t, kmsapi.ErrStateModifiedFailed)
	w.must("EnableKey", "KeyId", id)
	require.Equal(t, "c2VjcmV0", w.must("Decrypt", "CiphertextBlob", blob).Plaintext)

	w.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
	pending := w.must("DescribeKey", "KeyId", id).KeyMetadata
	require.Equal(t, kmsapi.PendingDeletion, pending.KeyState)
	at, err := time.Parse(kmsapi.TimeFormat, pending.DeleteDate)
	require.NoError(t, err)
	require.WithinDuration(t, w.kms.Now().Add(7*24*time.Hour), at, time.Minute)
	w.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrRejectedPendingDeletion)
	w.do("EnableKey", "KeyId", id).refused(t, kmsapi.ErrStateModifiedFailed)
	w.do("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7").refused(t, kmsapi.ErrStateModifiedFailed)

	w.must("CancelKeyDeletion", "KeyId", id)
	restored := w.must("DescribeKey", "KeyId", id).KeyMetadata
	require.Equal(t, kmsapi.Enabled, restored.KeyState)
	require.Empty(t, restored.DeleteDate)
	require.Equal(t, "c2VjcmV0", w.must("Decrypt", "CiphertextBlob", blob).Plaintext)
}

func TestAScheduledDeletionHappensAlsoOverARestart(t *testing.T) {
	w := newWire(t)
	doomed, kept := w.createKey(), w.createKey()
	blob := w.must("Encrypt", "KeyId", doomed, "Plaintext", "c2VjcmV0").CiphertextBlob
	w.must("ScheduleKeyDeletion", "KeyId", doomed, "PendingWindowInDays", "7")
	w.kms.Advance(7*24*time.Hour - time.Minute)
	w.kms.Restart()
	require.Equal(t, kmsapi.PendingDeletion, w.state(doomed))

	w.kms.Advance(2 * time.Minute)
	for _, gone := range []answer{
		w.do("DescribeKey", "KeyId", doomed), w.do("CancelKeyDeletion", "KeyId", doomed),
		w.do("Decrypt", "CiphertextBlob", blob),
	} {
		gone.refused(t, kmsapi.ErrKeyNotFound)
	}
	require.Equal(t, []string{kept}, w.listed(), "it is not listed, though no sweep has come by")
	require.NoError(t, w.kms.Sweep())
	w.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrKeyNotFound)
	require.Equal(t, []string{kept}, w.listed())
}

func (w *wire) listed() (ids []string) {
	w.t.Helper()
	for _, k := range w.must("ListKeys", "PageSize", "100").Keys.Key {
		ids = append(ids, k.KeyId)
	}
	return ids
}

func TestKeysAndCiphertextsOutliveARestart(t *testing.T) {
	w := newWire(t)
	id := w.createKey("Description", "kept")
	blob := w.must("Encrypt", "KeyId", id, "Plaintext", "c2VjcmV0").CiphertextBlob
	before := w.must("DescribeKey", "KeyId", id).KeyMetadata
	w.kms.Restart()
	require.Equal(t, before, w.must("DescribeKey", "KeyId", id).KeyMetadata)
	require.Equal(t, "c2VjcmV0", w.must("Decrypt", "CiphertextBlob", blob).Plaintext)
}

func TestRegionsAreApart(t *testing.T) {
	w := newWire(t)
	id := w.createKey("RegionId", "cn-beijing")
	blob := w.must("Encrypt", "KeyId", id, "Plaintext", "eA==", "RegionId", "cn-beijing").CiphertextBlob
	w.do("DescribeKey", "KeyId", id).refused(t, kmsapi.ErrKeyNotFound)
	w.do("DescribeKey", "KeyId", id, "RegionId", "eu-central-1").refused(t, kmsapi.ErrKeyNotFound)
	w.do("Decrypt", "CiphertextBlob", blob).refused(t, kmsapi.ErrKeyNotFound)
	require.Empty(t, w.listed())

	t.Run("a host name of KMS says the region", func(t *testing.T) {
		params := w.signed(http.MethodPost, "DescribeKey", "KeyId", id)
		got := w.send(http.MethodPost, "", params.Form(), http.Header{"Host": {"kms.cn-beijing.aliyuncs.com"}})
		require.Equal(t, "acs:kms:cn-beijing:123456:key/"+id, got.KeyMetadata.Arn)
	})
}

// RPC V1 signs RegionId but not the host, so a proxy could redirect a request to a region that its signer did not
// intend.
func TestTheSignedRegionAndTheHostMustAgree(t *testing.T) {
	w := newWire(t)
	create := func() string {
		return w.signed(http.MethodPost, "CreateKey", "RegionId", "cn-hangzhou").Form()
	}
	for _, host := range []string{
		"kms.cn-shanghai.aliyuncs.com", "kms-vpc.cn-shanghai.aliyuncs.com", "KMS.cn-Shanghai.aliyuncs.com.:443",
	} {
		t.Run(host, func(t *testing.T) {
			got := w.send(http.MethodPost, "", create(), http.Header{"Host": {host}})
			got.refused(t, kmsapi.ErrInvalidParameter)
			require.Contains(t, got.Message, "RegionId")
		})
	}
	for name, target := range map[string]string{
		"with http":  "http://kms.cn-shanghai.aliyuncs.com/",
		"with https": "https://kms.cn-shanghai.aliyuncs.com:443/",
	} {
		t.Run("an absolute URL in the request line "+name, func(t *testing.T) {
			body := create()
			answers := w.raw(head("POST "+target+" HTTP/1.1", "Host: kms.cn-hangzhou.aliyuncs.com",
				fmt.Sprintf("Content-Length: %d", len(body))) + body)
			require.Len(t, answers, 1)
			answers[0].refused(t, kmsapi.ErrInvalidParameter)
		})
	}
	for _, region := range kmsapi.Regions() {
		require.Zero(t, w.must("ListKeys", "RegionId", region.ID).TotalCount, "none of them made a key in %s", region.ID)
	}
	for _, host := range []string{"kms.cn-hangzhou.aliyuncs.com", "kms-vpc.cn-hangzhou.aliyuncs.com", "kms.example.com"} {
		got := w.send(http.MethodPost, "", create(), http.Header{"Host": {host}})
		require.Equal(t, http.StatusOK, got.status, "%s: %s", host, got.body)
	}
}

func TestAMisspelledRegionIsRefusedWithAGuess(t *testing.T) {
	const says = `The specified parameter "RegionId" is not valid. This service does not work in that region; `
	for name, tc := range map[string]struct {
		served []string
		region string
		want   string
	}{
		"one of many": {nil, "cn-hangzou", says + `did you mean "cn-hangzhou"? DescribeRegions lists the others.`},
		"the longest": {
			nil, "cn-shenzen-finance-1",
			says + `did you mean "cn-shenzhen-finance-1"? DescribeRegions lists the others.`,
		},
		"none of many": {nil, "mars-1", says + `DescribeRegions lists those in which it does.`},
		"one of two": {
			[]string{"cn-shanghai", "cn-hangzhou"},
			"cn-shangai",
			says + `did you mean "cn-shanghai"? The regions are cn-hangzhou, cn-shanghai.`,
		},
		"a region that is not served": {
			[]string{"cn-shanghai", "cn-hangzhou"}, "us-west-1", says + `the regions are cn-hangzhou, cn-shanghai.`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t, func(c *server.Config) { c.Regions = tc.served })
			got := l.do("DescribeRegions", "RegionId", tc.region)
			got.refused(t, kmsapi.ErrInvalidParameter)
			require.Equal(t, tc.want, got.Message)
			require.LessOrEqual(t, len(got.Message), 256, "the engine and the seal show no longer one")
		})
	}
}

func TestDescribeRegionsListsTheReference(t *testing.T) {
	w := newWire(t)
	var want []kmsapi.RegionEntry
	for _, r := range kmsapi.Regions() {
		want = append(want, kmsapi.RegionEntry{RegionId: r.ID})
	}
	require.Equal(t, want, w.must("DescribeRegions").Regions.Region)
}
