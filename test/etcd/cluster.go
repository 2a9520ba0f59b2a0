package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/etcd/server/v3/embed"
)

// cluster is the content of members.json.
type cluster struct {
	dir string
	// Token distinguishes clusters that have had the same ports.
	Token   string   `json:"token"`
	Members []member `json:"members"`
	// held are the ports of a cluster whose members are all in this process.
	held []*port
}

// member has its addresses as host:port.
type member struct {
	Name   string `json:"name"`
	Client string `json:"client"`
	Peer   string `json:"peer"`
	// Advertised is where the other members reach Peer, if that is another address.
	Advertised string `json:"advertised,omitempty"`
}

// openCluster reads members.json, or makes it for a new cluster.
func openCluster(dir string, members int) (*cluster, error) {
	if dir == "" {
		return nil, errors.New("-dir is missing")
	}
	c := &cluster{dir: dir}
	file := filepath.Join(dir, "members.json")
	content, err := os.ReadFile(file)
	if err == nil {
		return c, json.Unmarshal(content, c)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err := c.plan(members); err != nil {
		return nil, err
	}
	if content, err = json.Marshal(c); err != nil {
		return nil, err
	}
	return c, errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(file, content, 0o600))
}

// plan picks ports, and holds them until the process ends.
func (c *cluster) plan(members int) error {
	c.Token = rand.Text()
	for i := range members {
		client, err := holdPort()
		if err != nil {
			return err
		}
		peer, err := holdPort()
		if err != nil {
			return err
		}
		c.held = append(c.held, client, peer)
		c.Members = append(c.Members, member{Name: fmt.Sprintf("m%d", i+1), Client: client.address(), Peer: peer.address()})
	}
	return nil
}

func (c *cluster) close() {
	for _, p := range c.held {
		p.close()
	}
}

// run returns the members of this process.
func (c *cluster) run(o options) []member {
	if o.member > 0 && o.member <= len(c.Members) {
		return c.Members[o.member-1 : o.member]
	}
	return c.Members
}

// ready is the line that says where the members of this process are.
func (c *cluster) ready(o options) any {
	type line struct {
		Name   string `json:"name"`
		Client string `json:"client"`
		Peer   string `json:"peer"`
	}
	var lines []line
	for _, m := range c.run(o) {
		lines = append(lines, line{m.Name, o.url(m.Client).String(), o.url(m.Peer).String()})
	}
	return map[string]any{"members": lines}
}

func (o options) url(address string) *url.URL {
	u := &url.URL{Scheme: "http", Host: address}
	if o.tls != "" {
		u.Scheme = "https"
	}
	return u
}

func (m member) advertised() string {
	if m.Advertised != "" {
		return m.Advertised
	}
	return m.Peer
}

// config is the configuration of one member.
func (c *cluster) config(m member, o options) *embed.Config {
	config := embed.NewConfig()
	config.Name, config.Dir = m.Name, filepath.Join(c.dir, m.Name)
	config.LogLevel, config.LogOutputs = "warn", []string{config.Dir + ".log"}
	config.ListenClientUrls = []url.URL{*o.url(m.Client)}
	config.AdvertiseClientUrls = config.ListenClientUrls
	config.ListenPeerUrls = []url.URL{*o.url(m.Peer)}
	config.AdvertisePeerUrls = []url.URL{*o.url(m.advertised())}
	config.InitialClusterToken = c.Token
	var all []string
	for _, other := range c.Members {
		all = append(all, other.Name+"="+o.url(other.advertised()).String())
	}
	config.InitialCluster = strings.Join(all, ",")
	config.SocketOpts.ReusePort = true // The ports are held.
	config.EnableGRPCGateway = false
	config.UnsafeNoFsync = o.noSync
	config.QuotaBackendBytes = o.quota
	if o.tls != "" {
		secure(config, o.tls)
	}
	return config
}

func secure(config *embed.Config, dir string) {
	config.ClientTLSInfo.CertFile = filepath.Join(dir, "server.pem")
	config.ClientTLSInfo.KeyFile = filepath.Join(dir, "server.key")
	config.ClientTLSInfo.TrustedCAFile = filepath.Join(dir, "client-ca.pem")
	config.ClientTLSInfo.ClientCertAuth = true
	config.PeerTLSInfo.CertFile = filepath.Join(dir, "peer.pem")
	config.PeerTLSInfo.KeyFile = filepath.Join(dir, "peer.key")
	config.PeerTLSInfo.TrustedCAFile = filepath.Join(dir, "peer-ca.pem")
	config.PeerTLSInfo.ClientCertAuth = true
}
