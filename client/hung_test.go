package client_test

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
)

// resolve makes all names resolve to addresses, in this order, until the test ends.
func resolve(t *testing.T, addresses ...string) {
	t.Helper()
	before := net.DefaultResolver
	t.Cleanup(func() { net.DefaultResolver = before })
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go answerNames(ours, addresses)
		return theirs, nil
	}}
}

// answerNames is a DNS server over TCP, where each message is preceded by its length.
func answerNames(c net.Conn, addresses []string) {
	defer c.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(c, length[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c, query); err != nil {
			return
		}
		answer := nameAnswer(query, addresses)
		if _, err := c.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return
		}
	}
}

// nameAnswer answers a query with IPv4 addresses, or with none if it asks for something else.
func nameAnswer(query []byte, addresses []string) []byte {
	const header, typeA, classIN = 12, 1, 1
	end := header
	for query[end] != 0 {
		end += 1 + int(query[end])
	}
	question := query[header : end+5]
	if binary.BigEndian.Uint16(query[end+1:]) != typeA {
		addresses = nil
	}
	answer := append([]byte{query[0], query[1], 0x81, 0x80, 0, 1, 0, byte(len(addresses)), 0, 0, 0, 0}, question...)
	for _, address := range addresses {
		answer = append(answer, 0xc0, header, 0, typeA, 0, classIN, 0, 0, 0, 1, 0, net.IPv4len)
		answer = append(answer, net.ParseIP(address).To4()...)
	}
	return answer
}

// listenBeside listens on the port of a server at another loopback address, and never answers there. It counts the
// connections.
func listenBeside(t *testing.T, s *script, ip string) (met *atomic.Int64) {
	t.Helper()
	silent, err := net.Listen("tcp", net.JoinHostPort(ip, portOf(t, s)))
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	met = new(atomic.Int64)
	go func() {
		for {
			conn, err := silent.Accept()
			if err != nil {
				return
			}
			defer conn.Close()
			met.Add(1)
		}
	}()
	return met
}

func portOf(t *testing.T, s *script) string {
	t.Helper()
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	require.NoError(t, err)
	return port
}

// named adapts the configuration of a client for a server whose name resolves to it and to other addresses.
func named(t *testing.T, s *script, addresses ...string) func(*client.Config) {
	t.Helper()
	resolve(t, addresses...)
	return func(cfg *client.Config) {
		cfg.Endpoint, cfg.TLSServerName = "kms.example.test:"+portOf(t, s), "example.com"
		cfg.Proxy = http.ProxyURL(nil)
	}
}

// dialHanging is dial for a test of what hangs. Attempts end after a second until one has met that, which met reports.
// All that follow must succeed, and have a minute, since they may take long on a busy machine.
func (s *script) dialHanging(t *testing.T, change func(*client.Config), met func() bool) *client.Client {
	t.Helper()
	var c *client.Client
	c = s.dial(t, func(cfg *client.Config) {
		change(cfg)
		cfg.MaxRetries = 100
		cfg.Jitter = func(time.Duration) time.Duration {
			if met() {
				c.LimitAttempts(time.Minute)
			}
			return 0
		}
	})
	c.LimitAttempts(time.Second)
	return c
}

// This is like a cluster whose name has the addresses of all nodes, the first of which is paused.
func TestOneAttemptFindsOutThatAnAddressHangs(t *testing.T) {
	server := newScript(t, done)
	met := listenBeside(t, server, "127.0.0.2")
	change := named(t, server, "127.0.0.2", "127.0.0.1")
	c := server.dialHanging(t, change, func() bool { return met.Load() > 0 })
	for range 3 {
		require.NoError(t, createKey(context.Background(), c), "each makes a connection of its own")
	}
	require.Equal(t, int64(1), met.Load(), "only the first has met the address that hangs")
	require.Len(t, server.seen(), 3)
}

func TestAnAddressThatHasHungIsUsedIfNoOtherAnswers(t *testing.T) {
	server := newScript(t, hang, done)
	change := named(t, server, "127.0.0.1", "127.0.0.2")
	c := server.dialHanging(t, change, func() bool { return len(server.seen()) > 0 })
	require.NoError(t, encrypt(context.Background(), c))
	require.NoError(t, createKey(context.Background(), c))
}
