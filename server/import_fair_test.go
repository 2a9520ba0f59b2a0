package server_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/signature"
)

// Making a wrapping key takes a second here, and none is ready.
func TestImportsOfOneAccountDoNotHoldUpThoseOfAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, func(c *server.Config) {
			c.Accounts = append(c.Accounts, server.Account{ID: "2000", AccessKeys: []server.AccessKey{accessKey("LTAItwo")}})
		})
		l.adjust = func(o server.Options) server.Options { return o.WithAWrappingKeyEvery(time.Second) }
		l.restart()
		flooder, other := l.caller, signature.Credentials{
			AccessKeyID: "LTAItwo", AccessKeySecret: kmsapi.NewSecret("LTAItwo-secret"),
		}
		ask := func(c signature.Credentials) string {
			l.caller = c
			return l.signed("GetParametersForImport", keyParameters(l.createKey("Origin", "EXTERNAL"), "", "")...).Form()
		}
		const callers, wait = 60, 16
		answered := make(chan answer, callers)
		for range callers {
			form := ask(flooder)
			go func() { answered <- l.post(form) }()
		}
		synctest.Wait()
		require.Len(t, answered, callers-wait, "all but those that wait are answered at once")
		for range callers - wait {
			(<-answered).refused(t, kmsapi.ErrThrottling)
		}
		time.Sleep(4 * time.Second / 3) // The flooder gets its first key.
		start := time.Now()
		got := l.post(ask(other))
		require.Equal(t, http.StatusOK, got.status, "%s", got.body)
		require.LessOrEqual(t, time.Since(start), time.Second)
		for range wait {
			require.Equal(t, http.StatusOK, (<-answered).status, "those that wait get theirs too")
		}
	})
}
