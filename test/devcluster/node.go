package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// node is a process of the service.
type node struct {
	*cluster
	name string
	// listen and operations are where it listens for clients and for operators.
	listen, operations string
	process            *servers.Process
	endedAt            time.Time
	// status is the last answer of /healthz, or 0 if there was none.
	status atomic.Int32
}

// newNode returns a node, and where the others reach it.
func newNode(c *cluster, name string) (n *node, peers string, err error) {
	n = &node{cluster: c, name: name}
	for _, address := range []*string{&n.listen, &n.operations, &peers} {
		if *address, _, err = heldport.Hold(); err != nil {
			return nil, "", err
		}
	}
	return n, peers, nil
}

func (n *node) config() string { return filepath.Join(n.dir, n.name, "server.hcl") }

// configure changes the configuration that init has written for a machine of the node's own.
func (n *node) configure() error {
	written, err := os.ReadFile(n.config())
	if err != nil {
		return err
	}
	text := string(written)
	for from, to := range map[string]string{
		fmt.Sprintf("%q", n.balancer.address()): fmt.Sprintf("%q", n.listen),
		`"127.0.0.1:9180"`:                      fmt.Sprintf("%q", n.operations),
		"etcd {\n":                              "etcd {\n  lease     = \"" + lease + "\"\n",
	} {
		if strings.Count(text, from) != 1 {
			return fmt.Errorf("%s has %s %d times", n.config(), from, strings.Count(text, from))
		}
		text = strings.Replace(text, from, to, 1)
	}
	return os.WriteFile(n.config(), []byte(text+servers.WithoutLimits), 0o600)
}

// start starts the process, and waits until it listens.
func (n *node) start() (err error) {
	cmd := exec.Command(n.alicloudkms, "server", "-config", n.config())
	if n.process, err = servers.Start(cmd, filepath.Join(n.logs, n.name+".log")); err != nil {
		return err
	}
	_, err = servers.AwaitKMS(n.process)
	return err
}

func (n *node) pid() int { return n.process.PID() }

func (n *node) isRunning() bool {
	if n.process == nil {
		return false
	}
	select {
	case <-n.process.Done():
		return false
	default:
		return true
	}
}

func (n *node) isActive() bool { return n.status.Load() == http.StatusOK }

// canServe reports whether the node serves requests, or forwards them.
func (n *node) canServe() bool { return n.isActive() || n.status.Load() == http.StatusTooManyRequests }

// look asks the node for its health. One that does not answer in time is as good as dead.
func (n *node) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	status := 0
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.operations+"/healthz", nil)
	if err == nil {
		if answer, err := http.DefaultClient.Do(r); err == nil {
			_ = answer.Body.Close()
			status = answer.StatusCode
		}
	}
	n.status.Store(int32(status))
	if status == 0 {
		n.balancer.cut(n)
	}
}
