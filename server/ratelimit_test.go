package server_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// Requests read the clock before they reach the limiter, and may overtake each other on the way.
func TestRequestsOutOfOrderEarnNoTimeTwice(t *testing.T) {
	l := newLab(t, func(c *server.Config) { c.RateLimits.Read = 5 })
	const back = time.Second
	passed := 0
	for range 50 {
		for _, step := range []time.Duration{-back, back} {
			l.now = l.now.Add(step)
			if l.do("ListKeys").status == http.StatusOK {
				passed++
			}
		}
	}
	require.LessOrEqual(t, passed, 10, "5 at once, and 5 for the second that did go by")
}
