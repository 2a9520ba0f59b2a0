package peers

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	network "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/cluster"
)

// Making a link takes two round trips, and a request one.
func TestALinkIsThereForTheNextRequestIfItTakesLongerThanTheFirstCanWait(t *testing.T) {
	const delay = 200 * time.Millisecond
	s := newSite(t)
	active := s.active("a", say("hello"))
	way, err := network.New("127.0.0.1:0", active.peer.Address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = way.Close() })
	way.Set(network.Fault{Delay: delay})
	standby := s.node("b", nil)
	forward := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 3*delay)
		defer cancel()
		_, err := standby.Forward(ctx, cluster.Peer{Name: "a", Address: way.Address()}, post(""))
		return err
	}
	require.ErrorIs(t, forward(), ErrNotRun)
	// On a busy machine, one round trip may take as long as two should.
	require.Eventually(t, func() bool { return forward() == nil }, time.Minute, time.Millisecond)
}
