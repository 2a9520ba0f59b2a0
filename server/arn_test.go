package server_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func TestAnARNIsTakenWhereverAKeyIDIs(t *testing.T) {
	w := newWire(t)
	elsewhere := w.createKey()
	taken := 0
	for _, op := range server.Operations() {
		if !op.Takes("KeyId") {
			continue
		}
		taken++
		t.Run(string(op), func(t *testing.T) {
			w := w.in(t)
			send := func(s subject, name string) answer {
				return w.do(string(op), setPair(s.parameters(op), "KeyId", name)...)
			}
			state := kmsapi.Enabled
			if op == kmsapi.OpCancelKeyDeletion {
				state = kmsapi.PendingDeletion
			}
			s := w.subject(op, state, elsewhere)
			for _, other := range []string{
				"acs:kms:cn-hangzhou:654321:key/" + s.id, "acs:kms:cn-beijing:123456:key/" + s.id,
				"acs:kms:cn-hangzhou:123456:secret/" + s.id, "acs:kms:cn-hangzhou:123456:key/", "acs:",
			} {
				send(s, other).refused(t, kmsapi.ErrKeyNotFound)
			}
			got := send(s, "acs:kms:cn-hangzhou:123456:key/"+s.id)
			require.Equal(t, http.StatusOK, got.status, "%s", got.body)
			require.NotContains(t, string(got.body), `"KeyId":"acs:`, "answers have the id")
		})
	}
	require.Greater(t, taken, 15)
}

// setPair returns pairs with value for name, changed or added.
func setPair(pairs []string, name, value string) []string {
	changed := slices.Clone(pairs)
	for i := 0; i < len(changed); i += 2 {
		if changed[i] == name {
			changed[i+1] = value
			return changed
		}
	}
	return append(changed, name, value)
}
