package etcd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"

	clientv3 "go.etcd.io/etcd/client/v3"
)

// oldest is the first version of etcd that can be relied on: a leader that has been replaced, and does not know it,
// ends no leases (etcd#15247), and a watch of keys that do not change shows progress (etcd#17566).
var oldest = version{3, 5, 13}

// ErrTooOld reports that a member of etcd is older than the first version that can be relied on.
var ErrTooOld = errors.New("this version of etcd may end a lease too early, or delay a watch")

// CheckVersions asks the members at all endpoints of the client for their versions, and returns an error that wraps
// [ErrTooOld] if one is too old, and another if none of them answers before ctx ends. Those that don't are logged.
func CheckVersions(ctx context.Context, client *clientv3.Client, log *slog.Logger) error {
	endpoints := client.Endpoints()
	failures := make([]error, len(endpoints))
	var asking sync.WaitGroup
	for n, endpoint := range endpoints {
		asking.Go(func() { failures[n] = checkVersion(ctx, client, endpoint) })
	}
	asking.Wait()
	answered := false
	for n, err := range failures {
		switch {
		case errors.Is(err, ErrTooOld):
			return err
		case err != nil:
			log.Warn("a member of etcd has not said its version", "endpoint", endpoints[n], "error", err)
		default:
			answered = true
		}
	}
	if !answered {
		return errors.Join(failures...)
	}
	return nil
}

func checkVersion(ctx context.Context, client *clientv3.Client, endpoint string) error {
	var tried tries
	status, err := client.Status(tried.of(ctx), endpoint)
	if err != nil {
		return fmt.Errorf("etcd %s does not answer: %w", endpoint, tried.why(err))
	}
	if found, ok := parseVersion(status.Version); !ok || found.before(oldest) {
		return fmt.Errorf("etcd %s has version %.64q, and must have %s or newer: %w",
			endpoint, status.Version, oldest, ErrTooOld)
	}
	return nil
}

// version is major, minor and patch.
type version [3]int

// parseVersion reads such as 3.7.3 and 3.8.0-alpha.0.
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
