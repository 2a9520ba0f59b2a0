package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// oldest is the first version of etcd that can be relied on. From it on, a leader that has been replaced without
// noticing ends no leases (etcd#15247), and a watch of keys that do not change shows progress (etcd#17566).
var oldest = version{3, 5, 13}

// ErrTooOld reports that a member of etcd is older than the first version that can be relied on.
var ErrTooOld = errors.New("this version of etcd may end a lease too early, or delay a watch")

// CheckVersions asks the members at all endpoints of the client for their versions, and returns an error that wraps
// [ErrTooOld] if one is too old, or another error if none of them answers before ctx ends. Members that don't answer
// are logged.
func CheckVersions(ctx context.Context, client *clientv3.Client, log *slog.Logger) error {
	endpoints, answered := client.Endpoints(), false
	versions, failures := askVersions(ctx, client)
	for n, endpoint := range endpoints {
		if failures[n] != nil {
			log.Warn("a member of etcd has not said its version", "endpoint", endpoint, "error", failures[n])
			continue
		}
		if found, ok := parseVersion(versions[n]); !ok || found.before(oldest) {
			return fmt.Errorf("etcd %s has version %.64q, and must have %s or newer: %w",
				endpoint, versions[n], oldest, ErrTooOld)
		}
		answered = true
	}
	if !answered {
		return errors.Join(failures...)
	}
	return nil
}

// stragglersHave is how long to wait for the other members once one has answered. Otherwise a member that is down would
// delay each start of a node and each command by the whole timeout.
const stragglersHave = 500 * time.Millisecond

// askVersions asks all members of the client at the same time. It returns the version of each, or why there is none, in
// the order of the endpoints.
func askVersions(ctx context.Context, client *clientv3.Client) (versions []string, failures []error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	endpoints := client.Endpoints()
	versions, failures = make([]string, len(endpoints)), make([]error, len(endpoints))
	var asking sync.WaitGroup
	for n, endpoint := range endpoints {
		asking.Go(func() {
			var tried tries
			status, err := client.Status(tried.of(ctx), endpoint)
			if err != nil {
				failures[n] = fmt.Errorf("etcd %s does not answer: %w", endpoint, tried.why(err))
				return
			}
			versions[n] = status.Version
			time.AfterFunc(stragglersHave, cancel)
		})
	}
	asking.Wait()
	return versions, failures
}

// version is major, minor and patch.
type version [3]int

// parseVersion parses versions such as 3.7.3 and 3.8.0-alpha.0.
func parseVersion(written string) (v version, ok bool) {
	number, _, _ := strings.Cut(written, "-")
	number, _, _ = strings.Cut(number, "+")
	parts := strings.Split(number, ".")
	if len(parts) != len(v) {
		return v, false
	}
	for n, part := range parts {
		parsed, err := strconv.ParseUint(part, 10, 16)
		if err != nil {
			return v, false
		}
		v[n] = int(parsed)
	}
	return v, true
}

func (v version) before(other version) bool {
	for n := range v {
		if v[n] != other[n] {
			return v[n] < other[n]
		}
	}
	return false
}

func (v version) String() string { return fmt.Sprintf("%d.%d.%d", v[0], v[1], v[2]) }
