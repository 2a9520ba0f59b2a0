package cluster

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// A forger is between a node and a member of etcd, and replaces the address that the node publishes for its peers by
// that of a link of the test. So requests between nodes pass a link too, although each node itself says where it
// listens.
type forger struct {
	listener net.Listener
	target   string
	// published is what the node sends, and forged what etcd gets. They have the same length.
	published, forged []byte

	running sync.WaitGroup
}

// newForger listens on a port of its own.
func newForger(t *testing.T, target, published, forged string) *forger {
	t.Helper()
	require.Len(t, forged, len(published))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	f := &forger{listener: listener, target: target, published: []byte(published), forged: []byte(forged)}
	f.running.Go(f.serve)
	t.Cleanup(func() { _ = listener.Close() })
	return f
}

func (f *forger) address() string { return f.listener.Addr().String() }

func (f *forger) serve() {
	for {
		node, err := f.listener.Accept()
		if err != nil {
			return
		}
		member, err := net.Dial("tcp", f.target)
		if err != nil {
			_ = node.Close()
			continue
		}
		go f.copy(member, node, true)
		go f.copy(node, member, false)
	}
}

// copy copies one way until that ends, and then ends both. What a node sends at once is short, and so comes in one
// piece.
func (f *forger) copy(to, from net.Conn, forges bool) {
	defer to.Close()
	defer from.Close()
	if !forges {
		_, _ = io.Copy(to, from)
		return
	}
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if _, failed := to.Write(bytes.ReplaceAll(buffer[:n], f.published, f.forged)); failed != nil || err != nil {
			return
		}
	}
}
