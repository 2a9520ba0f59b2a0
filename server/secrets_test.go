package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestASecretIsMadeReadAndChanged(t *testing.T) {
	w := newWire(t)
	for kind, more := range map[string][]string{
		"of the service": nil, "of a key": {"EncryptionKeyId", w.createKey()},
	} {
		t.Run(kind, func(t *testing.T) {
			w := w.in(t)
			name := "db/" + strings.ReplaceAll(kind, " ", "-")
			made := into[kmsapi.CreateSecretResponse](t, w.createSecret(name, more...))
			require.Equal(t, "acs:kms:cn-hangzhou:123456:secret/"+name, made.Arn)
			require.Equal(t, "Generic", made.SecretType)
			version, data := w.value(name)
			require.Equal(t, "v1 value of v1", version+" "+data)

			put := into[kmsapi.PutSecretValueResponse](t, w.putValue(name, "v2"))
			require.Equal(t, []string{"ACSCurrent"}, put.VersionStages.VersionStage)
			require.Equal(t, map[string][]string{"v2": {"ACSCurrent"}, "v1": {"ACSPrevious"}}, w.stagesOf(name))
			_, data = w.value(name)
			require.Equal(t, "value of v2", data)
			_, data = w.value(made.Arn, "VersionStage", "ACSPrevious", "FetchExtendedConfig", "true")
			require.Equal(t, "value of v1", data)

			w.must("UpdateSecretVersionStage", "SecretName", name, "VersionStage", "ACSCurrent", "MoveToVersion", "v1",
				"RemoveFromVersion", "v2")
			require.Equal(t, map[string][]string{"v1": {"ACSCurrent"}, "v2": {"ACSPrevious"}}, w.stagesOf(name))
			w.must("UpdateSecret", "SecretName", name, "Description", "of HR")
			described := into[kmsapi.DescribeSecretResponse](t, w.must("DescribeSecret", "SecretName", name))
			require.Equal(t, "of HR", described.Description)
			require.Equal(t, len(more) > 0, described.EncryptionKeyId != "")
			require.Nil(t, described.Tags.Tag)
		})
	}
	require.Equal(t, 2, w.must("ListSecrets").TotalCount)
}

func TestAValueIsReturnedAsItWasSent(t *testing.T) {
	w := newWire(t)
	for name, value := range map[string]string{
		"the longest":             strings.Repeat("x", kmsapi.MaxSecretData),
		"the longest of two-byte": strings.Repeat("ä", kmsapi.MaxSecretData/2),
		"controls and marks":      "\x00\x01<&\"'\\\u2028\n" + "秘密",
		"base64 that is none":     "testdata1",
	} {
		secret := strings.ReplaceAll(name, " ", "-")
		require.Equal(t, 200, w.createSecret(secret, "SecretDataType", "binary").status)
		w.must("PutSecretValue", "SecretName", secret, "VersionId", "2", "SecretData", value, "SecretDataType", "binary")
		got := into[kmsapi.GetSecretValueResponse](t, w.must("GetSecretValue", "SecretName", secret))
		require.Equal(t, value, got.SecretData.Reveal(), name)
		require.Equal(t, "binary", got.SecretDataType)
	}
	long := strings.Repeat("ä", kmsapi.MaxSecretData/2) + "x"
	got := w.do("CreateSecret", "SecretName", "long", "VersionId", "1", "SecretData", long)
	got.refused(t, kmsapi.ErrInvalidParameter)
	require.NotContains(t, string(got.body), "ä")
	asXML := kmsapi.Params{
		{Name: "Action", Value: "GetSecretValue"},
		{Name: "Format", Value: "XML"},
		{Name: "SecretName", Value: "controls-and-marks"},
	}
	w.post(w.sign(http.MethodPost, asXML)).refused(t, kmsapi.ErrInvalidParameter)
}

func TestAVersionThatExistsIsNotReplaced(t *testing.T) {
	w := newWire(t)
	w.createSecret("s")
	w.must("PutSecretValue", "SecretName", "s", "VersionId", "v2", "SecretData", "value of v2")
	w.putValue("s", "v2").refusedNot(t)
	w.putValue("s", "v1").refusedNot(t)
	require.Equal(t, map[string][]string{"v2": {"ACSCurrent"}, "v1": {"ACSPrevious"}}, w.stagesOf("s"),
		"a request that is repeated late takes nothing back")
	for _, pairs := range [][]string{{"SecretData", "other"}, {"SecretData", "value of v1", "SecretDataType", "binary"}} {
		w.do("PutSecretValue", append([]string{"SecretName", "s", "VersionId", "v1"}, pairs...)...).
			refused(t, kmsapi.ErrResourceExists)
	}
	w.putValue("s", "v3", "SecretDataType", "binary").refusedNot(t)
	w.putValue("s", "v3").refusedNot(t)
	w.must("UpdateSecretVersionStage", "SecretName", "s", "VersionStage", "ACSCurrent", "MoveToVersion", "v2")
	w.putValue("s", "v1", "VersionStages", `["ACSCurrent","beta"]`)
	require.Equal(t, map[string][]string{"v1": {"ACSCurrent", "beta"}, "v2": {"ACSPrevious"}, "v3": {}}, w.stagesOf("s"))
}

func TestADescriptionIsKeptUnlessTheRequestHasTheParameter(t *testing.T) {
	w := newWire(t)
	w.createSecret("s", "Description", "of HR")
	description := func() string {
		return into[kmsapi.DescribeSecretResponse](t, w.must("DescribeSecret", "SecretName", "s")).Description
	}
	w.must("UpdateSecret", "SecretName", "s")
	require.Equal(t, "of HR", description())
	w.must("UpdateSecret", "SecretName", "s", "Description", "")
	require.Empty(t, description())
}

func (a answer) refusedNot(t *testing.T) {
	t.Helper()
	require.Equal(t, http.StatusOK, a.status, "%s", a.body)
}

func TestTheOldestVersionWithoutAStageMakesRoom(t *testing.T) {
	w := newWire(t)
	w.must("CreateSecret", "SecretName", "s", "VersionId", "v01", "SecretData", "value of v01")
	w.must("UpdateSecretVersionStage", "SecretName", "s", "VersionStage", "keep", "MoveToVersion", "v01")
	for _, version := range versionNames(12, "v01") {
		w.putValue("s", version).refusedNot(t)
	}
	require.ElementsMatch(t, versionNames(12, "v02", "v03"), slices.Collect(maps.Keys(w.stagesOf("s"))))
	w.do("GetSecretValue", "SecretName", "s", "VersionId", "v02").refused(t, kmsapi.ErrResourceNotFound)
	_, data := w.value("s", "VersionId", "v05")
	require.Equal(t, "value of v05", data)
	listed := into[kmsapi.ListSecretVersionIdsResponse](t, w.must("ListSecretVersionIds", "SecretName", "s"))
	require.Equal(t, 3, listed.TotalCount, "those without a stage are not listed")
	paged := into[kmsapi.ListSecretVersionIdsResponse](t, w.must("ListSecretVersionIds", "SecretName", "s",
		"IncludeDeprecated", "true", "PageNumber", "4", "PageSize", "3"))
	require.Len(t, paged.VersionIds.VersionId, 1)
	require.Equal(t, "v01", paged.VersionIds.VersionId[0].VersionId, "the newest come first")
}

func TestNoOtherValueIsReturnedThanARequestAsksFor(t *testing.T) {
	w := newWire(t)
	w.createSecret("s")
	w.putValue("s", "v2")
	for _, pairs := range [][]string{
		{"VersionId", "v3"},
		{"VersionStage", "beta"},
		{"VersionId", "v1", "VersionStage", "ACSCurrent"},
		{"VersionId", "v2", "VersionStage", "ACSPrevious"},
	} {
		w.do("GetSecretValue", append([]string{"SecretName", "s"}, pairs...)...).refused(t, kmsapi.ErrResourceNotFound)
	}
	version, _ := w.value("s", "VersionId", "v1", "VersionStage", "ACSPrevious")
	require.Equal(t, "v1", version)
	for _, name := range []string{
		"S", "s/", "acs:kms:cn-hangzhou:654321:secret/s", "acs:kms:cn-beijing:123456:secret/s", "acs:",
		"acs:kms:cn-hangzhou:123456:key/s",
	} {
		w.do("GetSecretValue", "SecretName", name).refused(t, kmsapi.ErrResourceNotFound)
	}
}

func TestADeletedSecretIsGoneWhenItsWindowHasPassed(t *testing.T) {
	w := newWire(t)
	w.createSecret("s", "Tags", `[{"TagKey":"k","TagValue":"v"}]`)
	got := into[kmsapi.DeleteSecretResponse](t, w.must("DeleteSecret", "SecretName", "s", "RecoveryWindowInDays", "7"))
	planned, err := time.Parse(kmsapi.TimeFormat, got.PlannedDeleteTime)
	require.NoError(t, err)
	require.WithinDuration(t, w.kms.Now().Add(7*24*time.Hour), planned, time.Minute)
	for _, refused := range []answer{
		w.do("GetSecretValue", "SecretName", "s"), w.putValue("s", "v2"), w.createSecret("s"),
		w.do("DeleteSecret", "SecretName", "s"), w.do("UpdateSecret", "SecretName", "s", "Description", "d"),
		w.do("UpdateSecretVersionStage", "SecretName", "s", "VersionStage", "beta", "MoveToVersion", "v1"),
		w.do("TagResource", "SecretName", "s", "Tags", `[{"TagKey":"a","TagValue":"b"}]`),
	} {
		refused.refused(t, kmsapi.ErrResourceInDeleteWindow)
	}
	require.Contains(t, string(w.must("DescribeSecret", "SecretName", "s").body), got.PlannedDeleteTime)
	require.Contains(t, string(w.must("ListSecrets").body), got.PlannedDeleteTime)
	w.must("RestoreSecret", "SecretName", "s")
	w.do("RestoreSecret", "SecretName", "s").refused(t, kmsapi.ErrResourceInUse)
	w.value("s")

	w.must("DeleteSecret", "SecretName", "s", "RecoveryWindowInDays", "7")
	w.kms.Advance(7*24*time.Hour + time.Second)
	requireGone := func() {
		for _, action := range []string{"GetSecretValue", "DescribeSecret", "RestoreSecret", "DeleteSecret"} {
			w.do(action, "SecretName", "s").refused(t, kmsapi.ErrResourceNotFound)
		}
		require.Zero(t, w.must("ListSecrets").TotalCount)
		require.Empty(t, w.must("ListTagResources", "ResourceType", "secret", "Tag.1.Key", "k").TagResources.TagResource)
	}
	requireGone()
	require.Equal(t, 200, w.createSecret("s").status, "its name is free before it is swept")
	require.Contains(t, string(w.must("DescribeSecret", "SecretName", "s", "FetchTags", "true").body), `"Tags":{"Tag":[]}`)
	w.must("DeleteSecret", "SecretName", "s", "ForceDeleteWithoutRecovery", "false", "RecoveryWindowInDays", "7")
	w.kms.Advance(7*24*time.Hour + time.Second)
	require.NoError(t, w.kms.Sweep())
	requireGone()
	w.requireGoodStore(0)
}

func TestASecretIsDeletedAtOnceByForce(t *testing.T) {
	w := newWire(t)
	for range 2 {
		require.Equal(t, 200, w.createSecret("s").status)
		w.must("DeleteSecret", "SecretName", "s", "ForceDeleteWithoutRecovery", "true", "RecoveryWindowInDays", "30")
		w.do("GetSecretValue", "SecretName", "s").refused(t, kmsapi.ErrResourceNotFound)
	}
	w.createSecret("s")
	w.must("DeleteSecret", "SecretName", "s")
	w.must("DeleteSecret", "SecretName", "s", "ForceDeleteWithoutRecovery", "true")
	w.requireGoodStore(0)
}

// requireGoodStore stops the service, and requires that its store is good and has that many secrets.
func (w *wire) requireGoodStore(secrets int) {
	w.t.Helper()
	w.kms.Stop()
	report, err := server.Check(w.t.Context(), w.kms.Config(), "", nil)
	require.NoError(w.t, err)
	require.Empty(w.t, report.Problems)
	require.Equal(w.t, secrets, report.Secrets)
	w.kms.Start()
}

func TestOfTwoValuesPutAtOnceEachIsCurrentOnce(t *testing.T) {
	w := newWire(t)
	w.createSecret("s")
	var group sync.WaitGroup
	codes := make([]int, 8)
	for n := range codes {
		group.Go(func() {
			codes[n] = w.do("PutSecretValue", "SecretName", "s", "VersionId", fmt.Sprint("p", n), "SecretData", "d").status
		})
	}
	same := make([]kmsapi.Code, 4)
	for n := range same {
		group.Go(func() {
			same[n] = w.do("PutSecretValue", "SecretName", "s", "VersionId", "same", "SecretData", fmt.Sprint(n)).Code
		})
	}
	group.Wait()
	for _, status := range codes {
		require.Equal(t, http.StatusOK, status)
	}
	slices.Sort(same)
	refused := kmsapi.ErrResourceExists.Code
	require.Equal(t, []kmsapi.Code{"", refused, refused, refused}, same, "one of them is the value of the version")
	current, previous := 0, 0
	for _, on := range w.stagesOf("s") {
		for _, stage := range on {
			current += map[string]int{"ACSCurrent": 1}[stage]
			previous += map[string]int{"ACSPrevious": 1}[stage]
		}
	}
	require.Equal(t, [2]int{1, 1}, [2]int{current, previous})
	w.requireGoodStore(1)
}

func TestSecretsAreListedAndFiltered(t *testing.T) {
	w := newWire(t)
	for _, name := range []string{"b", "a", "c/d"} {
		w.createSecret(name, "Description", "of "+name, "Tags", `[{"TagKey":"team","TagValue":"`+name[:1]+`"}]`).refusedNot(t)
	}
	names := func(pairs ...string) (names []string) {
		got := into[kmsapi.ListSecretsResponse](t, w.must("ListSecrets", pairs...))
		for _, s := range got.SecretList.Secret {
			names = append(names, s.SecretName)
		}
		return names
	}
	require.Equal(t, []string{"a", "b", "c/d"}, names())
	require.Equal(t, []string{"c/d"}, names("PageNumber", "2", "PageSize", "2"))
	for filter, want := range map[string][]string{
		`[{"Key":"SecretName","Values":["a","c/d"]}]`:                                       {"a", "c/d"},
		`[{"Key":"Description","Values":["of b"]}]`:                                         {"b"},
		`[{"Key":"TagKey","Values":["team"]},{"Key":"TagValue","Values":["b","c"]}]`:        {"b", "c/d"},
		`[{"Key":"SecretType","Values":["GENERIC"]},{"Key":"Creator","Values":["123456"]}]`: {"a", "b", "c/d"},
		`[{"Key":"SecretType","Values":["RDS"]}]`:                                           nil,
		`[{"Key":"DKMSInstanceId","Values":["kst-dev"]}]`:                                   nil,
		`[{"Key":"TagKey","Values":["none"]}]`:                                              nil,
	} {
		require.Equal(t, want, names("Filters", filter), filter)
	}
	require.Contains(t, string(w.must("ListSecrets", "FetchTags", "true").body), `{"TagKey":"team","TagValue":"c"}`)
}

func TestSecretsHaveTags(t *testing.T) {
	w := newWire(t)
	w.createSecret("a/b")
	w.createSecret("c")
	w.must("TagResource", "SecretName", "a/b", "Tags", `[{"TagKey":"one","TagValue":"1"}]`)
	w.must("TagResources", "ResourceType", "secret", "ResourceId.1", "a/b", "ResourceId.2", "c", "Tag.1.Key", "two",
		"Tag.1.Value", "2")
	rows := func(pairs ...string) (rows []string) {
		for _, r := range w.must("ListTagResources", append(pairs, "ResourceType", "secret")...).TagResources.TagResource {
			require.Equal(t, "secret", r.ResourceType)
			rows = append(rows, r.ResourceId+" "+r.TagKey+"="+r.TagValue)
		}
		return rows
	}
	require.Equal(t, []string{"a/b one=1", "a/b two=2"}, rows("ResourceId.1", "a/b"))
	require.Equal(t, []string{"a/b two=2", "c two=2"}, rows("Tag.1.Key", "two"))
	w.must("UntagResources", "ResourceType", "secret", "ResourceId.1", "a/b", "All", "true")
	w.must("UntagResource", "SecretName", "c", "TagKeys", `["one","two"]`)
	require.Empty(t, rows("ResourceId.1", "a/b", "ResourceId.2", "c"))
	for _, got := range []answer{
		w.do("TagResource", "SecretName", "none", "Tags", `[{"TagKey":"one"}]`),
		w.do("ListTagResources", "ResourceType", "secret", "ResourceId.1", "none"),
		w.do("TagResources", "ResourceType", "secret", "ResourceId.1", "c", "ResourceId.2", "none", "Tag.1.Key", "k"),
	} {
		got.refused(t, kmsapi.ErrResourceNotFound)
	}
	require.Empty(t, rows("ResourceId.1", "c"), "all of them or none")
	w.do("TagResource", "SecretName", "c", "KeyId", w.createKey(), "Tags", `[{"TagKey":"one"}]`).
		refused(t, kmsapi.ErrInvalidParameter)
}

func TestWhatOnlyManagedSecretsHaveIsRefused(t *testing.T) {
	w := newWire(t)
	w.createSecret("s", "SecretType", "Rds").refused(t, kmsapi.ErrUnsupportedOperation)
	w.createSecret("s", "EnableAutomaticRotation", "true", "RotationInterval", "7d").
		refused(t, kmsapi.ErrRejectedUnsupportedOperation)
	w.createSecret("s", "Policy", "{}").refused(t, kmsapi.ErrInvalidParameter)
	w.do("DescribeSecret", "SecretName", "s").refused(t, kmsapi.ErrResourceNotFound)
	w.createSecret("s", "EnableAutomaticRotation", "false", "RotationInterval", "7d").refusedNot(t)
	w.createSecret("s").refused(t, kmsapi.ErrResourceExists)
	w.do("RotateSecret", "SecretName", "s", "VersionId", "v2").refused(t, kmsapi.ErrRejectedUnsupportedOperation)
	w.do("RotateSecret", "SecretName", "none", "VersionId", "v2").refused(t, kmsapi.ErrResourceNotFound)
	w.must("UpdateSecretRotationPolicy", "SecretName", "s", "EnableAutomaticRotation", "false")
	w.do("UpdateSecretRotationPolicy", "SecretName", "s", "EnableAutomaticRotation", "true", "RotationInterval", "7d").
		refused(t, kmsapi.ErrRejectedUnsupportedOperation)
	w.do("UpdateSecret", "SecretName", "s", "ExtendedConfig.CustomData.a", "b").refused(t, kmsapi.ErrInvalidParameter)
}

func TestTheQuotaOfSecretsHolds(t *testing.T) {
	l := configured(t, func(c *server.Config) { c.Quotas.Secrets = 2 })
	for _, name := range []string{"a", "b"} {
		l.createSecret(name).refusedNot(t)
	}
	l.createSecret("c").refused(t, kmsapi.ErrLimitExceeded)
	l.createSecret("a").refused(t, kmsapi.ErrResourceExists)
	l.must("DeleteSecret", "SecretName", "a")
	l.createSecret("c").refused(t, kmsapi.ErrLimitExceeded)
	l.must("DeleteSecret", "SecretName", "a", "ForceDeleteWithoutRecovery", "true")
	l.createSecret("c").refusedNot(t)
}
