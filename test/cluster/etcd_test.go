package cluster

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/etcd/api/v3/v3rpc/rpctypes"
	clientv3 "go.etcd.io/etcd/client/v3"
	"go.uber.org/zap"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// operator is the operator of etcd.
type operator struct {
	*clientv3.Client
	endpoints []string
}

func newOperator(t *testing.T, endpoints []string) *operator {
	t.Helper()
	c, err := clientv3.New(clientv3.Config{
		Endpoints: endpoints, Logger: zap.NewNop(), DialTimeout: 5 * time.Second,
		// Nothing else notices that a member is frozen.
		DialKeepAliveTime: time.Second, DialKeepAliveTimeout: time.Second,
	})
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return &operator{c, endpoints}
}

// leader is the number of the member that leads, or -1 if none is known.
func (o *operator) leader(ctx context.Context) int {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for i, endpoint := range o.endpoints {
		status, err := o.Status(ctx, endpoint)
		if err == nil && status.Leader == status.Header.MemberId {
			return i
		}
	}
	return -1
}

// filling is a prefix besides that of the service.
const filling = "filling/"

// fill writes until etcd has no space left.
func (o *operator) fill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	value := strings.Repeat("x", 1<<20)
	for n := 0; ; n++ {
		_, err := o.Put(ctx, fmt.Sprint(filling, n), value)
		if errors.Is(err, rpctypes.ErrNoSpace) {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("etcd is not full after %d values: %w", n, err)
		}
	}
}

// makeRoom does what etcd's documentation says to do about the alarm NOSPACE.
func (o *operator) makeRoom(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	deleted, err := o.Delete(ctx, filling, clientv3.WithPrefix())
	if err != nil {
		return err
	}
	if err := o.compactTo(ctx, deleted.Header.Revision); err != nil {
		return err
	}
	for _, endpoint := range o.endpoints {
		if _, err := o.Defragment(ctx, endpoint); err != nil {
			return err
		}
	}
	_, err = o.AlarmDisarm(ctx, &clientv3.AlarmMember{})
	return err
}

// compact drops the whole history of etcd. It goes on when a connection was lost, as on a busy machine.
func (o *operator) compact(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		err := o.compactNow(ctx)
		if status.Code(err) != codes.Unavailable || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (o *operator) compactNow(ctx context.Context) error {
	got, err := o.Get(ctx, filling)
	if err != nil {
		return err
	}
	return o.compactTo(ctx, got.Header.Revision)
}

func (o *operator) compactTo(ctx context.Context, revision int64) error {
	_, err := o.Compact(ctx, revision, clientv3.WithCompactPhysical())
	if errors.Is(err, rpctypes.ErrCompacted) {
		return nil
	}
	return err
}
