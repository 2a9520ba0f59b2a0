package alicloudkms

import (
	"context"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// pace is the least time between two calls of a background run.
const pace = time.Second

// pacedKMS is a kms for background runs, which may take as long as they like and must not take KMS's quota from
// requests: its calls are a second apart. It waits before it takes one of the connection's slots.
type pacedKMS struct {
	kms
	conn *connection
	now  func() time.Time
	wait func(context.Context, time.Duration) error
	// called is when the last call was made. Only one run at a time uses it.
	called *time.Time
}

// paced returns the connection for a background run.
func (b *backend) paced(conn *connection) *connection {
	view := *conn
	view.kms = &pacedKMS{kms: conn.kms, conn: conn, now: b.process.now, wait: b.process.wait, called: &b.pass.called}
	view.slots, view.dataSlots = nil, nil
	view.dedicated, view.shared = nil, nil // It is the connection of one key; those two would not be paced.
	return &view
}

// Do waits for its turn and then for a slot.
func (p *pacedKMS) Do(ctx context.Context, q kmsapi.Request) (kmsapi.Response, error) {
	if rest := pace - p.now().Sub(*p.called); rest > 0 {
		if err := p.wait(ctx, rest); err != nil {
			return nil, err
		}
	}
	*p.called = p.now()
	slots := p.conn.slotsOf(q.Operation())
	if err := slots.take(ctx); err != nil {
		return nil, err
	}
	defer slots.release()
	return p.kms.Do(ctx, q)
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
