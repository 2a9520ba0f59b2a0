// Command devcluster runs the KMS service on several nodes, with an etcd of three members, all on 127.0.0.1: for `make
// dev CLUSTER=3`. NOT FOR PRODUCTION: etcd is plain, and on the machine of the nodes.
//
//	devcluster -dir DIR -env FILE -alicloudkms PROGRAM -etcd PROGRAM [-nodes N]
//
// Clients use the address of its load balancer, which is in FILE once the nodes are ready. It prints the addresses of
// the nodes, and then what happens to them. It restarts a node that ends after a while, as systemd would. Logs go to
// DIR/NAME.log. It stops everything on SIGINT and SIGTERM.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	dir, env, logs    string
	alicloudkms, etcd string
	nodes             int
}

func main() {
	var o options
	flag.StringVar(&o.dir, "dir", "", "the folder of everything, which must not exist")
	flag.StringVar(&o.env, "env", "", "the file for the variables of clients")
	flag.StringVar(&o.logs, "logs", "", "the folder of the logs")
	flag.StringVar(&o.alicloudkms, "alicloudkms", "", "the program of the nodes")
	flag.StringVar(&o.etcd, "etcd", "", "the program of test/etcd")
	flag.IntVar(&o.nodes, "nodes", 3, "how many nodes there are")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "devcluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) (err error) {
	if err := os.Mkdir(o.dir, 0o700); err != nil {
		return err
	}
	members, endpoints, err := startEtcd(o)
	if err != nil {
		return err
	}
	// Its data is lost anyway, and members that stop together wait for each other.
	defer members.Kill()
	balancer, err := newBalancer()
	if err != nil {
		return err
	}
	defer balancer.close()
	c, err := makeCluster(o, endpoints, balancer)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.stop()) }()
	if err := c.start(ctx); err != nil || ctx.Err() != nil {
		return err
	}
	if err := publish(filepath.Join(c.dir, "admin.env"), o.env); err != nil {
		return err
	}
	c.introduce()
	c.watch(ctx)
	return nil
}

// publish copies the variables of clients to a file in one step, so that no reader sees a part of them.
func publish(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if err := os.WriteFile(to+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(to+".new", to)
}

// say prints a line about what has happened.
func say(format string, args ...any) {
	fmt.Printf("%s  %s\n", time.Now().Format(time.TimeOnly), fmt.Sprintf(format, args...))
}
