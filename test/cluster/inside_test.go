package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/link"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/testlog"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	_ "github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/etcd" // for nodes in this process
)

// inside is a node that runs in the process of the test, on a clock of its own.
type inside struct {
	*node
	// off is how far its clock is ahead of the true time.
	off    atomic.Int64
	server *server.Server
	log    journal
}

func (n *inside) now() time.Time { return time.Now().Add(time.Duration(n.off.Load())) }

// start starts the node, if it does not run.
func (n *inside) start() error {
	if n.server != nil {
		return nil
	}
	config, err := server.LoadConfig(n.config())
	if err != nil {
		return err
	}
	n.server, err = server.Start(config, server.Options{
		Clock: n.now, Logger: slog.New(slog.NewTextHandler(&n.log, nil)),
	})
	return err
}

// close ends the node at once, as far as that is possible within a process.
func (n *inside) close() error {
	if n.server == nil {
		return nil
	}
	defer func() { n.server = nil }()
	return n.server.Close()
}

// shutdown makes the node step down in an orderly way.
func (n *inside) shutdown() error {
	if n.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), recovery)
	defer cancel()
	defer func() { n.server = nil }()
	return n.server.Shutdown(ctx)
}

// journal keeps what a node logs.
type journal struct{ testlog.Buffer }

// tail is the end of the log.
func (j *journal) tail() string {
	const most = 4000
	text := j.String()
	return text[max(0, len(text)-most):]
}

// jumps are how far clocks jump: ahead as far as max_clock_skew lets two nodes be apart, and back by any amount. leap
// is ahead by more than a lease, which ends a term at once.
var jumps = []time.Duration{
	200 * time.Millisecond, -200 * time.Millisecond, 500 * time.Millisecond, -800 * time.Millisecond, -3 * time.Second,
	-time.Minute,
}

const leap = 3 * time.Second

// An insideKind begins a fault of nodes with clocks of their own.
type insideKind func(nodes []*inside, active *inside, random *rand.Rand) (fault, error)

var insideKinds = []insideKind{
	jumpActive, jumpAny, jumpActive, jumpAny, leapActive,
	func(_ []*inside, active *inside, _ *rand.Rand) (fault, error) {
		return active.down("close", active.close()), nil
	},
	func(_ []*inside, active *inside, _ *rand.Rand) (fault, error) {
		return active.down("shutdown", active.shutdown()), nil
	},
	func(_ []*inside, active *inside, _ *rand.Rand) (fault, error) {
		return betweenNodeAndEtcd(active.node, "half open", link.Fault{HoldRequests: true, HoldAnswers: true}), nil
	},
	jumpAndClose,
}

// down is the fault of a node that has ended. Its name tells if the node could not end as it should: etcd may be slow.
func (n *inside) down(how string, err error) fault {
	name := how + " of " + n.name
	if err != nil {
		name += fmt.Sprintf(" (%v)", err)
	}
	return fault{name: name, heal: n.start}
}

func jumpActive(_ []*inside, active *inside, random *rand.Rand) (fault, error) {
	return active.jump(jumps[random.IntN(len(jumps))]), nil
}

func leapActive(_ []*inside, active *inside, _ *rand.Rand) (fault, error) {
	return active.jump(leap), nil
}

func jumpAny(nodes []*inside, _ *inside, random *rand.Rand) (fault, error) {
	return nodes[random.IntN(len(nodes))].jump(jumps[random.IntN(len(jumps))]), nil
}

// jumpAndClose sets the clock of the active node ahead, and ends it while its mark is stored, or is not.
func jumpAndClose(_ []*inside, active *inside, random *rand.Rand) (fault, error) {
	f := active.jump(jumps[random.IntN(len(jumps))])
	time.Sleep(time.Duration(random.Int64N(int64(time.Second))))
	end := active.down("close", active.close())
	heal := f.heal
	f.name += ", and " + end.name
	f.heal = func() error { return errors.Join(heal(), end.heal()) }
	return f, nil
}

// jump sets the clock of a node; heal sets it right.
func (n *inside) jump(by time.Duration) fault {
	n.off.Add(int64(by))
	return fault{name: fmt.Sprintf("clock of %s %s off", n.name, by), heal: func() error {
		n.off.Add(-int64(by))
		return nil
	}}
}
