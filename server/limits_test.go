package server_test

import (
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// withQuotas starts a service with two accounts and these quotas.
func withQuotas(t *testing.T, keys, aliases int) *wire {
	return configured(t, func(c *server.Config) {
		c.Accounts = []server.Account{
			{ID: "1", AccessKeys: []server.AccessKey{accessKey("LTAIone")}},
			{ID: "2", AccessKeys: []server.AccessKey{accessKey("LTAItwo")}},
		}
		c.Quotas = &server.Quotas{Keys: keys, Aliases: aliases}
	})
}

func TestTheQuotaOfCMKsIsExactUnderParallelRequests(t *testing.T) {
	w := withQuotas(t, 5, 0)
	one := w.as("LTAIone")
	var made atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			switch got := one.do("CreateKey"); got.status {
			case http.StatusOK:
				made.Add(1)
			default:
				got.refused(t, kmsapi.ErrLimitExceeded)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 5, made.Load())
	require.Equal(t, 5, one.must("ListKeys").TotalCount)

	elsewhere := one
	elsewhere.region = "cn-beijing"
	elsewhere.must("CreateKey")
	w.as("LTAItwo").must("CreateKey")
}

func TestACMKCountsUntilItIsGone(t *testing.T) {
	w := withQuotas(t, 1, 0)
	one := w.as("LTAIone")
	id := one.must("CreateKey").KeyMetadata.KeyId
	one.do("CreateKey").refused(t, kmsapi.ErrLimitExceeded)
	one.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
	one.do("CreateKey").refused(t, kmsapi.ErrLimitExceeded)
	w.kms.Advance(8 * 24 * time.Hour)
	one.must("CreateKey")
	require.NoError(t, w.kms.Sweep())
	one.do("CreateKey").refused(t, kmsapi.ErrLimitExceeded)
}

func TestTheQuotaOfAliasesIsExactUnderParallelRequests(t *testing.T) {
	w := withQuotas(t, 0, 3)
	one := w.as("LTAIone")
	id := one.must("CreateKey").KeyMetadata.KeyId
	var made atomic.Int32
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			if one.do("CreateAlias", "KeyId", id, "AliasName", fmt.Sprintf("alias/%d", i)).status == http.StatusOK {
				made.Add(1)
			}
		})
	}
	wg.Wait()
	require.EqualValues(t, 3, made.Load())
	names := one.must("ListAliases").Aliases.Alias
	require.Len(t, names, 3)
	one.do("CreateAlias", "KeyId", id, "AliasName", "alias/more").refused(t, kmsapi.ErrLimitExceeded)
	one.do("CreateAlias", "KeyId", id, "AliasName", names[0].AliasName).refused(t, kmsapi.ErrAliasAlreadyExists)
	one.must("UpdateAlias", "KeyId", id, "AliasName", names[0].AliasName)
	one.must("DeleteAlias", "AliasName", names[0].AliasName)
	one.must("CreateAlias", "KeyId", id, "AliasName", "alias/more")

	t.Run("aliases of a key that is gone do not count", func(t *testing.T) {
		one.must("ScheduleKeyDeletion", "KeyId", id, "PendingWindowInDays", "7")
		w.kms.Advance(8 * 24 * time.Hour)
		other := one.must("CreateKey").KeyMetadata.KeyId
		one.must("CreateAlias", "KeyId", other, "AliasName", "alias/again")
	})
}

func TestQuotasAreTheRealServicesUnlessOtherwiseSaid(t *testing.T) {
	l := newLab(t, func(c *server.Config) { c.Quotas, c.RateLimits = nil, &server.RateLimits{CreateKey: -1} })
	for range server.DefaultKeyQuota {
		l.must("CreateKey")
	}
	require.Equal(t, kmsapi.ErrLimitExceeded.Code, l.do("CreateKey").Code)
}

func TestEveryOperationHasARateClass(t *testing.T) {
	l := newLab(t, func(c *server.Config) {
		c.RateLimits = &server.RateLimits{
			Crypto: 1, ReEncrypt: 1, Asymmetric: 1, CreateKey: 1, Write: 1, Read: 1, ListTags: 1, Instances: 1,
			SecretValues: 1, SecretWrite: 1, SecretRead: 1,
		}
	})
	spent := map[string]bool{}
	for _, operation := range server.Operations() {
		class := server.RateClass(operation)
		require.NotEmpty(t, class, "%s", operation)
		throttled := l.do(string(operation)).Code == kmsapi.ErrThrottling.Code
		require.Equal(t, spent[class], throttled, "%s shares the rate of %s", operation, class)
		spent[class] = true
	}
	require.Len(t, spent, len(kmsapi.RateClasses()))
	l.now = l.now.Add(time.Second)
	require.NotEqual(t, kmsapi.ErrThrottling.Code, l.do("DescribeRegions").Code, "a second later there is a new one")
}

func TestRateLimitsAreThoseOfAccountRegionAndClass(t *testing.T) {
	w := configured(t, func(c *server.Config) {
		c.Accounts = []server.Account{
			{ID: "1", AccessKeys: []server.AccessKey{accessKey("LTAIone"), accessKey("LTAIuno")}},
			{ID: "2", AccessKeys: []server.AccessKey{accessKey("LTAItwo")}},
		}
		c.RateLimits = &server.RateLimits{Crypto: 3, Read: -1}
	})
	one, same, two := w.as("LTAIone"), w.as("LTAIuno"), w.as("LTAItwo")
	elsewhere := one
	elsewhere.region = "cn-beijing"
	// The rate is so low that nothing is refilled in the time that the test takes.
	use := func(c caller) answer { return c.do("Decrypt", "CiphertextBlob", "x") }
	spend := func(c caller) {
		for range 1000 {
			if use(c).Code == kmsapi.ErrThrottling.Code {
				return
			}
		}
		t.Fatal("no limit was found")
	}
	spend(one)
	got := use(same)
	for got.Code != kmsapi.ErrThrottling.Code { // A third of a second may have passed.
		got = use(same)
	}
	got.refused(t, kmsapi.ErrThrottling)
	require.Equal(t, "QPS Limit Exceeded.", got.Message)
	use(two).refused(t, kmsapi.ErrInvalidParameter)
	use(elsewhere).refused(t, kmsapi.ErrInvalidParameter)
	one.must("ListKeys")
	one.must("CreateKey")
	w.kms.Advance(time.Second)
	use(one).refused(t, kmsapi.ErrInvalidParameter)
}

func TestWhatIsForbiddenDoesNotSpendTheRateOfOthers(t *testing.T) {
	l := newLab(t, func(c *server.Config) {
		c.RateLimits = &server.RateLimits{Read: 1}
		c.Accounts[0].AccessKeys[0].Allow = []server.Allow{
			{Actions: []string{"kms:ListKeys"}, Resources: []string{"acs:kms:*:*:key"}},
		}
	})
	for range 5 {
		require.Equal(t, kmsapi.ErrNoPermission.Code, l.do("ListAliases").Code)
	}
	l.must("ListKeys")
	require.Equal(t, kmsapi.ErrThrottling.Code, l.do("ListKeys").Code)
}

func TestADevelopmentServiceHasNoLimits(t *testing.T) {
	l := newLab(t, nil)
	for range server.DefaultKeyQuota + 1 {
		l.must("CreateKey")
	}
}
