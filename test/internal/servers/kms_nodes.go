package servers

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Node is a node of a KMS service with its data in etcd, without quotas and rate limits. Its address changes with a
// restart.
type Node struct {
	*KMS
	// Config is the configuration file.
	Config string
}

// WithoutLimits lifts all quotas and rate limits of a configuration, like those of a service for development.
const WithoutLimits = `
quotas {
  keys         = -1
  aliases      = -1
  key_versions = -1
  versions     = -1
  secrets      = -1
}
rate_limits {
  crypto        = -1
  create_key    = -1
  write         = -1
  read          = -1
  list_tags     = -1
  asymmetric    = -1
  re_encrypt    = -1
  secret_values = -1
  secret_write  = -1
  secret_read   = -1
}
`

// NewNodes makes the files of n nodes by `alicloudkms init` in dir, which must not exist. settings are additional lines
// of their block etcd. No node is started yet.
func NewNodes(program, dir string, n int, etcd *Etcd, settings string) ([]*Node, error) {
	command := []string{"init", "-host", "127.0.0.1", "-listen", initListen, "-etcd", strings.Join(etcd.Endpoints, ",")}
	for i := range n {
		// The port is not used.
		command = append(command, "-node", fmt.Sprintf("%s=127.0.0.1:%d", nodeName(i), i+1))
	}
	if out, err := exec.Command(program, append(command, dir)...).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("init: %w\n%s", err, out)
	}
	var nodes []*Node
	for i := range n {
		node := &Node{
			KMS:    &KMS{Program: program, Dir: filepath.Join(dir, nodeName(i)), OwnGroup: true},
			Config: filepath.Join(dir, nodeName(i), configName),
		}
		err := node.configure(
			initListen, AnyPort, fmt.Sprintf("127.0.0.1:%d", i+1), AnyPort, "127.0.0.1:9180", AnyPort,
			"etcd {", "etcd {\n"+settings)
		if err != nil {
			return nil, err
		}
		if err := node.readExports(filepath.Join(dir, "admin.env")); err != nil {
			return nil, err
		}
		nodes = append(nodes, node)
	}
	return nodes, nil
}

func nodeName(i int) string { return fmt.Sprintf("node-%d", i+1) }

// configure replaces parts of the configuration, given in pairs, and lifts all limits.
func (n *Node) configure(replacements ...string) error {
	written, err := os.ReadFile(n.Config)
	if err != nil {
		return err
	}
	config := strings.NewReplacer(replacements...).Replace(string(written))
	return os.WriteFile(n.Config, []byte(config+WithoutLimits), 0o600)
}

// Start starts the node, and waits until it listens: see [Node.AwaitHealth].
func (n *Node) Start() error { return n.startWith(n.Config) }

// Health is the status of /healthz: 200 of the active node, 429 of a standby, and 0 if there is no answer within a
// second.
func (n *Node) Health(ctx context.Context) (status int) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+n.Operations+"/healthz", nil)
	if err != nil {
		return 0
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close() // The body is not read.
	return answer.StatusCode
}

// AwaitHealth waits until /healthz has that status.
func (n *Node) AwaitHealth(ctx context.Context, status int) error {
	err := n.await(startPollInterval, func() bool { return n.Health(ctx) == status || ctx.Err() != nil })
	if err != nil {
		return err
	}
	return context.Cause(ctx)
}
