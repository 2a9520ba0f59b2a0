package etcd_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store/etcd"
)

// counted is a stream that counts the messages sent and the calls of RecvMsg that have returned.
type counted struct {
	grpc.ClientStream
	sent, ended *atomic.Int64
}

func (c counted) SendMsg(m any) error {
	c.sent.Add(1)
	return c.ClientStream.SendMsg(m)
}

func (c counted) RecvMsg(m any) error {
	defer c.ended.Add(1)
	return c.ClientStream.RecvMsg(m)
}

// With a password, a stream costs etcd a commit and much processor time.
func TestKeepAlivesShareAStream(t *testing.T) {
	t.Parallel()
	var needless, sent, ended atomic.Int64
	count := func(
		ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer,
		options ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		s, err := open(ctx, desc, conn, method, options...)
		if err != nil || !strings.HasSuffix(method, "/LeaseKeepAlive") {
			return s, err
		}
		if sent.Load() == ended.Load() { // On a busy machine, a stream may be opened because an answer is slow.
			needless.Add(1)
		}
		return counted{s, &sent, &ended}, nil
	}
	client, err := clientv3.New(clientv3.Config{
		Endpoints: etcdtest.Start(t, etcdtest.Options{NoSync: true}).Endpoints(), Logger: zap.NewNop(),
		DialOptions: []grpc.DialOption{grpc.WithChainStreamInterceptor(count)},
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Close() })
	term := lead(t, join(t, client, leaseOf(2*etcd.ShortestLease)), "a")
	const many = 10
	require.Eventually(t, func() bool { return sent.Load() >= many }, time.Minute, 10*time.Millisecond)
	require.True(t, term.Valid())
	require.Less(t, needless.Load(), int64(many/2), "streams were opened while another one was free")
}
