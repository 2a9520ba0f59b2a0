package server_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestAReloadChangesRatesAndQuotas(t *testing.T) {
	w := newWire(t)
	id := w.createKey()
	throttled := func() bool {
		for range 20 { // On any machine, far more than one per second.
			if w.do("ListResourceTags", "KeyId", id).Code == kmsapi.ErrThrottling.Code {
				return true
			}
		}
		return false
	}
	change := func(rates *server.RateLimits, quotas *server.Quotas) {
		require.NoError(t, w.kms.Reload(func(c *server.Config) { c.RateLimits, c.Quotas = rates, quotas }))
	}
	require.False(t, throttled())
	change(&server.RateLimits{ListTags: 1}, &server.Quotas{Keys: 1})
	require.True(t, throttled())
	w.do("CreateKey").refused(t, kmsapi.ErrLimitExceeded)
	change(&server.RateLimits{ListTags: server.Unlimited}, &server.Quotas{Keys: 2})
	require.False(t, throttled())
	w.createKey()
}

func TestAReloadChangesTheRangeOfRotationIntervals(t *testing.T) {
	w := newWire(t)
	rotated := []string{"EnableAutomaticRotation", "true", "RotationInterval", "1h"}
	w.do("CreateKey", rotated...).refused(t, kmsapi.ErrInvalidParameter)
	change := func(rotation *server.Rotation) {
		require.NoError(t, w.kms.Reload(func(c *server.Config) { c.Rotation = rotation }))
	}
	change(&server.Rotation{MinInterval: "1h", MaxInterval: "1d"})
	id := w.createKey(rotated...)
	refused := w.do("UpdateRotationPolicy", "KeyId", id, "EnableAutomaticRotation", "true", "RotationInterval", "25h")
	refused.refused(t, kmsapi.ErrInvalidParameter)
	require.Contains(t, refused.Message, "It must be from 1h to 1d, ")
	change(nil)
	require.Equal(t, "3600s", w.must("DescribeKey", "KeyId", id).KeyMetadata.RotationInterval, "what a key has, it keeps")
	w.kms.Advance(time.Hour)
	require.NoError(t, w.kms.Sweep())
	require.Equal(t, 2, w.must("ListKeyVersions", "KeyId", id).TotalCount)
}

func TestReloadsAtTheSameTimeComeOneAfterAnother(t *testing.T) {
	s := newSite(t)
	var callers sync.WaitGroup
	for range 4 {
		callers.Go(func() {
			_, err := server.RequestReload(t.Context(), s.file)
			if err != nil {
				t.Error(err)
			}
		})
		callers.Go(func() {
			if _, err := s.server.ReloadFile(); err != nil {
				t.Error(err)
			}
		})
		callers.Go(func() {
			status, _ := observe(t, s.server.OpsAddress(), http.MethodGet, "/healthz")
			if status != http.StatusOK {
				t.Error(status)
			}
		})
	}
	callers.Wait()
	require.Len(t, s.reloads, 8, "none was lost, although nothing but the service guards the list")
}
