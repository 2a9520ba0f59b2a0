package servers

import (
	"encoding/json"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
)

// Etcd is the program of test/etcd, with all members in one process.
type Etcd struct {
	*Process
	// Endpoints are the URLs of the members, for clients.
	Endpoints []string
}

// etcdReady is the line that the program prints once there is a leader.
var etcdReady = regexp.MustCompile(`(?m)^\{"members":.*\}$`)

// StartEtcd starts a new etcd, whose data and logs are in dir and in dir.log, and waits until it has a leader. It is
// ended by Kill, since members that stop together wait for each other.
func StartEtcd(program, dir string, members int, flags ...string) (*Etcd, error) {
	cmd := exec.Command(program, append([]string{"-dir", dir, "-members", strconv.Itoa(members)}, flags...)...)
	OwnGroup(cmd)
	p, err := Start(cmd, filepath.Clean(dir)+".log")
	if err != nil {
		return nil, err
	}
	e := &Etcd{Process: p}
	if err := e.readEndpoints(); err != nil {
		p.Kill()
		return nil, err
	}
	return e, nil
}

func (e *Etcd) readEndpoints() error {
	line, err := e.AwaitOutput(etcdReady)
	if err != nil {
		return err
	}
	var ready struct {
		Members []struct {
			Client string `json:"client"`
		} `json:"members"`
	}
	if err := json.Unmarshal([]byte(line[0]), &ready); err != nil {
		return err
	}
	for _, m := range ready.Members {
		e.Endpoints = append(e.Endpoints, m.Client)
	}
	return nil
}
