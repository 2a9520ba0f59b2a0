package client_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/client"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A proxy tunnels every CONNECT to one address. The other tests call loopback addresses, which bypass proxies.
type proxy struct {
	net.Listener
	mu      sync.Mutex // guards what follows
	to      string
	refuse  int
	targets []string
}

// theProxy is in the environment of the whole test binary, because net/http reads the environment only once.
var theProxy *proxy

func TestMain(m *testing.M) {
	address, _, err := heldport.Hold() // so that nothing else gets the port while the proxy is paused
	if err != nil {
		panic(err)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		panic(err)
	}
	theProxy = &proxy{Listener: l}
	go theProxy.serve(l)
	for _, name := range []string{"HTTPS_PROXY", "https_proxy"} {
		_ = os.Setenv(name, "http://user:"+secretKey+"@"+address)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		_ = os.Unsetenv(name)
	}
	os.Exit(m.Run())
}

// set makes the proxy refuse a number of requests, and then tunnel to an address.
func (p *proxy) set(to string, refuse int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.to, p.refuse, p.targets = to, refuse, nil
}

// pause makes the proxy unreachable until the test ends.
func (p *proxy) pause(t *testing.T) {
	address := p.Addr().String()
	require.NoError(t, p.Close())
	t.Cleanup(func() {
		l, err := net.Listen("tcp", address)
		require.NoError(t, err)
		p.Listener = l
		go p.serve(l)
	})
}

func (p *proxy) seen() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.targets
}

// next records a CONNECT, and returns the address to tunnel to, or "" to refuse it.
func (p *proxy) next(target string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.targets = append(p.targets, target)
	if len(p.targets) <= p.refuse {
		return ""
	}
	return p.to
}

// serve has its listener as a parameter, since that of p may be replaced before this one is known to be closed.
func (p *proxy) serve(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go p.tunnel(conn)
	}
}

func (p *proxy) tunnel(conn net.Conn) {
	defer conn.Close()
	buffered := bufio.NewReader(conn)
	r, err := http.ReadRequest(buffered)
	if err != nil || r.Method != http.MethodConnect {
		return
	}
	to := p.next(r.Host)
	if to == "" {
		_, _ = io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	far, err := net.Dial("tcp", to)
	if err != nil {
		return
	}
	defer far.Close()
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(far, buffered) }()
	_, _ = io.Copy(conn, far)
}

func TestProxyFromTheEnvironment(t *testing.T) {
	server := newScript(t, done)
	// The test certificate of net/http/httptest is valid for this name too.
	elsewhere := func(cfg *client.Config) { cfg.Endpoint = "example.com" }

	t.Run("is used", func(t *testing.T) {
		theProxy.set(server.Listener.Addr().String(), 0)
		require.NoError(t, encrypt(context.Background(), server.dial(t, elsewhere)))
		require.Equal(t, []string{"example.com:443"}, theProxy.seen())
	})
	t.Run("is retried after a refusal, even for CreateKey, which surely did not run", func(t *testing.T) {
		theProxy.set(server.Listener.Addr().String(), 2)
		require.NoError(t, createKey(context.Background(), server.dial(t, elsewhere)))
		require.Len(t, theProxy.seen(), 3)
	})
	t.Run("is reported without its password if it always refuses", func(t *testing.T) {
		theProxy.set("", 0)
		err := encrypt(context.Background(), server.dial(t, elsewhere))
		requireTransportError(t, err, kmsapi.OpEncrypt)
		require.ErrorContains(t, err, "Bad Gateway")
		require.ErrorContains(t, err, "HTTPS_PROXY")
		require.NotContains(t, err.Error(), secretKey)
	})
	t.Run("is blamed if it can't be reached", func(t *testing.T) {
		theProxy.pause(t)
		err := encrypt(context.Background(), server.dial(t, elsewhere))
		requireTransportError(t, err, kmsapi.OpEncrypt)
		require.ErrorContains(t, err, "HTTPS_PROXY")
		require.NotContains(t, err.Error(), "region")
		require.NotContains(t, err.Error(), secretKey)
	})
	t.Run("is bypassed for loopback", func(t *testing.T) {
		theProxy.set("", 0)
		require.NoError(t, encrypt(context.Background(), server.dial(t, nil)))
		require.Empty(t, theProxy.seen())
	})
}

func TestAProxyOfOnesOwnReplacesThatOfTheEnvironment(t *testing.T) {
	server := newScript(t, done)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	own := &proxy{Listener: l}
	t.Cleanup(func() { require.NoError(t, own.Close()) })
	go own.serve(l)
	through := func(address *url.URL) func(*client.Config) {
		return func(cfg *client.Config) { cfg.Endpoint, cfg.Proxy = "example.com", http.ProxyURL(address) }
	}
	theProxy.set(server.Listener.Addr().String(), 0)

	own.set(server.Listener.Addr().String(), 0)
	c := server.dial(t, through(&url.URL{Scheme: "http", Host: l.Addr().String()}))
	require.NoError(t, encrypt(context.Background(), c))
	require.Equal(t, []string{"example.com:443"}, own.seen())

	// No server has that name, whatever the network of the machine that runs the test.
	ended, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	require.Error(t, encrypt(ended, server.dial(t, through(nil))))
	require.Empty(t, theProxy.seen())
}
