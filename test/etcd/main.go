package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"go.etcd.io/etcd/server/v3/storage/wal"
	"golang.org/x/sync/errgroup"
)

// options are the flags.
type options struct {
	dir, tls, names string
	members, member int
	quota           int64
	noSync, stdin   bool
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "", "the folder of data and logs")
	flag.StringVar(&o.tls, "tls", "", "the folder of certificates; without it, everything is plain")
	flag.StringVar(&o.names, "names", "", "host names that this process resolves, such as m2.etcd.test=127.1.1.2,…")
	flag.IntVar(&o.members, "members", 1, "how many members a new cluster has")
	flag.IntVar(&o.member, "member", 0, "the number of the one member to run, from 1; 0 means all")
	flag.Int64Var(&o.quota, "quota", 0, "etcd's quota in bytes; 0 means its default")
	flag.BoolVar(&o.noSync, "no-sync", false, "do not wait for the disk: kill -9 loses nothing, but a power loss does")
	flag.BoolVar(&o.stdin, "stdin", false, "stop when standard input ends")
	flag.Parse()
	if err := run(o); err != nil {
		fmt.Fprintln(os.Stderr, "etcd:", err)
		os.Exit(1)
	}
}

// startTimeout is how long the members may take to elect a leader, on a machine that is busy with other tests.
const startTimeout = 3 * time.Minute

func run(o options) error {
	// At its limit of file sizes, a write must fail as on a full disk.
	signal.Ignore(syscall.SIGXFSZ)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if o.stdin {
		go func() { _, _ = io.Copy(io.Discard, os.Stdin); stop() }()
	}
	names, err := parseNames(o.names)
	if err != nil {
		return err
	}
	names.use()
	cluster, err := openCluster(o.dir, o.members)
	if err != nil {
		return err
	}
	defer cluster.close()
	// The default fills a small disk: each member allocates two segments ahead.
	wal.SegmentSizeBytes = 8 << 20
	started, failed, err := cluster.start(ctx, o)
	defer stopAll(started)
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(cluster.ready(o)); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	}
}

// start starts the members of this process and waits until they are ready. failed receives the errors that end them.
func (c *cluster) start(ctx context.Context, o options) (started []*embed.Etcd, failed <-chan error, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, startTimeout, errors.New("no leader was elected"))
	defer cancel()
	failures := make(chan error, len(c.Members))
	for _, m := range c.run(o) {
		e, err := embed.StartEtcd(c.config(m, o))
		if err != nil {
			return started, failures, fmt.Errorf("%s: %w", m.Name, err)
		}
		started = append(started, e)
		go func() { failures <- fmt.Errorf("%s: %w", m.Name, <-e.Err()) }()
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, e := range started {
		group.Go(func() error {
			select {
			case <-e.Server.ReadyNotify():
				return nil
			case err := <-failures:
				return err
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		})
	}
	return started, failures, group.Wait()
}

// stopAll stops the members at the same time, since a leader that is left alone would wait for a quorum.
func stopAll(started []*embed.Etcd) {
	var group sync.WaitGroup
	for _, e := range started {
		group.Go(e.Close)
	}
	group.Wait()
}
