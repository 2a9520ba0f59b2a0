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
	s := newSite(t)
	active := s.active("a", say("hello"))
	way, err := network.New("127.0.0.1:0", active.peer.Address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = way.Close() })
	way.Set(network.Fault{Delay: 100 * time.Millisecond})
	standby := s.node("b", func(o *Options) { o.times.alive = 2 * time.Second })
	forward := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		_, err := standby.Forward(ctx, cluster.Peer{Name: "a", Address: way.Address()}, post(""))
		return err
	}
	require.ErrorIs(t, forward(), ErrNotRun)
	for range 20 {
		if err = forward(); err == nil {
			return
		}
	}
	require.NoError(t, err)
}
