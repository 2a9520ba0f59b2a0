package main

import (
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"regexp"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// etcdReady is the line that the program of test/etcd prints.
var etcdReady = regexp.MustCompile(`(?m)^\{"members":.*\}$`)

// startEtcd starts three members in one process, and returns the URLs of all.
func startEtcd(o options) (*servers.Process, []string, error) {
	const members = 3
	cmd := exec.Command(o.etcd, "-dir", filepath.Join(o.dir, "etcd"), "-members", fmt.Sprint(members))
	p, err := servers.Start(cmd, filepath.Join(o.logs, "etcd.log"))
	if err != nil {
		return nil, nil, err
	}
	line, err := p.AwaitOutput(etcdReady)
	if err != nil {
		p.Kill()
		return nil, nil, err
	}
	var ready struct {
		Members []struct {
			Client string `json:"client"`
		} `json:"members"`
	}
	if err := json.Unmarshal([]byte(line[0]), &ready); err != nil {
		p.Kill()
		return nil, nil, err
	}
	var endpoints []string
	for _, m := range ready.Members {
		endpoints = append(endpoints, m.Client)
	}
	return p, endpoints, nil
}
