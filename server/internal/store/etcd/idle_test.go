package etcd_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

// A standby that joins a store in which nothing changes knows that it is current, for as long as that lasts.
func TestAStandbyOfAnIdleStoreStaysCurrent(t *testing.T) {
	client := member(t)
	o := etcd.Options{Client: client, Prefix: "idle/"}
	active := etcd.Join(o)
	defer active.Close()
	_, err := active.Lead(t.Context(), self)
	require.NoError(t, err)
	standby := etcd.Join(o)
	defer standby.Close()
	isCurrent := func() bool { return standby.Status().Current }
	require.Eventually(t, isCurrent, 5*etcd.ShortestLease, 10*time.Millisecond)
	require.Never(t, func() bool { return !isCurrent() }, etcd.ShortestLease*3/2, 10*time.Millisecond)
}
