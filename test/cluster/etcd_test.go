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

// operatorsPatience is how long an operator waits for etcd, all of whose members run. They share the machine with other
// tests.
const operatorsPatience = 2 * time.Minute

// insist repeats a request as long as etcd is unavailable: a connection was lost, or the members elect a leader, as
// they do when the machine was too busy for their heartbeats.
func insist(ctx context.Context, request func() error) error {
	for {
		err := request()
		if !isUnavailable(err) || ctx.Err() != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func isUnavailable(err error) bool {
	if refused, ok := errors.AsType[rpctypes.EtcdError](err); ok {
		return refused.Code() == codes.Unavailable
	}
	return status.Code(err) == codes.Unavailable
}

// fill writes until etcd has no space left.
func (o *operator) fill(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, operatorsPatience)
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
	ctx, cancel := context.WithTimeout(ctx, operatorsPatience)
	defer cancel()
	steps := []func() error{
		func() error { _, err := o.Delete(ctx, filling, clientv3.WithPrefix()); return err },
		func() error { return o.compactNow(ctx) },
	}
	for _, endpoint := range o.endpoints {
		steps = append(steps, func() error { return o.shrink(ctx, endpoint) })
	}
	steps = append(steps, func() error { _, err := o.AlarmDisarm(ctx, &clientv3.AlarmMember{}); return err })
	for _, step := range steps {
		if err := insist(ctx, step); err != nil {
			return err
		}
	}
	return nil
}

// shrink defragments a member until its file is small: a member compacts in its own time, and one that was defragmented
// before that would raise the alarm again at the next write.
func (o *operator) shrink(ctx context.Context, endpoint string) error {
	for {
		if _, err := o.Defragment(ctx, endpoint); err != nil {
			return err
		}
		now, err := o.Status(ctx, endpoint)
		if err != nil || now.DbSize < quota/2 {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// compact drops the whole history of etcd.
func (o *operator) compact(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, operatorsPatience)
	defer cancel()
	return insist(ctx, func() error { return o.compactNow(ctx) })
}

func (o *operator) compactNow(ctx context.Context) error {
	got, err := o.Get(ctx, filling)
	if err != nil {
		return err
	}
	_, err = o.Compact(ctx, got.Header.Revision, clientv3.WithCompactPhysical())
	if errors.Is(err, rpctypes.ErrCompacted) {
		return nil
	}
	return err
}
