package alicloudkms

import (
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
	"github.com/stretchr/testify/require"
)

// TestAnEarlierKMSKeyOfAnotherInstanceIsUsedOverTheSharedGateway is for keys with several CMKs: the request has the
// connection for the newest.
func TestAnEarlierKMSKeyOfAnotherInstanceIsUsedOverTheSharedGateway(t *testing.T) {
	r := newRig(t)
	r.write("config", dedicatedConfig(body{"instance_ca_cert": newCA(t), "verify": false}))
	shared, err := r.backend().connection(t.Context(), r.request(logical.UpdateOperation, "sign/a", nil))
	require.NoError(t, err)
	dedicated := shared.of(ourInstance)
	require.NotSame(t, shared, dedicated)
	for _, conn := range []*connection{shared, dedicated} {
		require.Same(t, dedicated, conn.of(ourInstance))
		require.Same(t, shared, conn.of("kst-other"))
		require.Same(t, shared, conn.of(""))
	}
}
