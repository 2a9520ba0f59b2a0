package client

import (
	"fmt"
	"io"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

// A Client calls KMS. It holds no lock, and after [New] only the state of its gateways changes.
type Client struct {
	// cfg has no zero values left.
	cfg *Config
	// shared is the gateway that Config.Endpoint names, and dedicated has those of Config.Instances.
	shared    *gateway
	dedicated map[string]*gateway
	// instance is the KMS instance whose keys this client is for. Empty means keys of no instance, or of an instance
	// that is reached over the shared gateway.
	instance string
}

// New returns a client for cfg. It does no I/O: an invalid cfg is reported at once, by a [*ConfigError], and a network
// failure at the first call.
func New(cfg Config) (*Client, error) {
	cfg = cfg.withDefaults()
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.Endpoint == "" {
		host, err := cfg.regionEndpoint()
		if err != nil {
			return nil, err
		}
		cfg.Endpoint = host
	}
	shared, err := newGateway(&cfg, cfg.Endpoint, cfg.CACert, cfg.TLSServerName)
	if err != nil {
		return nil, err
	}
	c := &Client{cfg: &cfg, shared: shared, dedicated: make(map[string]*gateway, len(cfg.Instances))}
	for id, instance := range cfg.Instances {
		if c.dedicated[id], err = instance.gateway(&cfg, id); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Instance returns a client for the keys of a KMS instance: operations that encrypt, decrypt and sign go to the
// instance's dedicated gateway if [Config.Instances] has one, and all others to the shared gateway. It shares the
// connections of c.
func (c *Client) Instance(id string) *Client {
	instance := *c
	instance.instance = id
	return &instance
}

// gatewayOf returns the gateway that requests of op go to.
func (c *Client) gatewayOf(op kmsapi.Operation) *gateway {
	if op.Plane() == kmsapi.DataPlane {
		if g := c.dedicated[c.instance]; g != nil {
			return g
		}
	}
	return c.shared
}

// Endpoint returns the host and port of the shared gateway, for messages.
func (c *Client) Endpoint() string { return c.shared.String() }

// EndpointOf returns the host and port that requests of op go to, for messages.
func (c *Client) EndpointOf(op kmsapi.Operation) string { return c.gatewayOf(op).String() }

// Close closes idle connections. Requests in flight go on, and close theirs when they are done. Later calls work, and
// make new connections.
func (c *Client) Close() {
	c.shared.pooled.CloseIdleConnections()
	for _, g := range c.dedicated {
		g.pooled.CloseIdleConnections()
	}
}

// Format prints the endpoint for every verb, since a [Provider] may hold secrets that would be printed.
func (c *Client) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "KMS client of "+c.Endpoint()) }
