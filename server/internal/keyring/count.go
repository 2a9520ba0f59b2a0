package keyring

import (
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/list"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/internal/store"
)

// Group identifies the CMKs of a scope that are in one state.
type Group struct {
	Scope
	State kmsapi.KeyState
}

// countByState returns the number of CMKs in each group that has any at now. It reads the counts that every change of a
// CMK maintains, and the CMKs that are due but that the sweeper has not handled yet.
func countByState(r store.Reader, now time.Time) (map[Group]int, error) {
	counts := map[Group]int{}
	err := r.Scan(statePrefix, "", func(path string, value []byte) (bool, error) {
		parts := strings.Split(path, "/")
		if len(parts) != 4 {
			return false, fmt.Errorf("record %s: it does not have four parts", path)
		}
		n, err := parseCount(path, value)
		counts[Group{Scope{parts[1], parts[2]}, kmsapi.KeyState(parts[3])}] = n
		return true, err
	})
	if err != nil {
		return nil, err
	}
	err = eachDue(r, now, func(due dueCMK) error { return settleCount(r, due, now, counts) })
	maps.DeleteFunc(counts, func(_ Group, n int) bool { return n == 0 })
	return counts, err
}

// countSecrets returns the number of secrets in each scope that has any at now, including those whose deletion is
// scheduled.
func countSecrets(r store.Reader, now time.Time) (map[Scope]int, error) {
	counts := map[Scope]int{}
	malformed := ""
	err := list.Blocks(r, secretPrefix, func(first string, size int) {
		parts := strings.SplitN(first, "/", 4)
		if len(parts) != 4 {
			malformed = first
			return
		}
		counts[Scope{parts[1], parts[2]}] += size
	})
	if err == nil && malformed != "" {
		err = fmt.Errorf("the list's entry for %s: it does not have four parts", malformed)
	}
	if err != nil {
		return nil, err
	}
	for scope := range counts {
		gone, err := Reader{r, scope, now}.goneSecrets()
		if err != nil {
			return nil, err
		}
		counts[scope] -= len(gone)
	}
	maps.DeleteFunc(counts, func(_ Scope, n int) bool { return n == 0 })
	return counts, err
}

// settleCount counts a CMK in the group that time has moved it to.
func settleCount(r store.Reader, due dueCMK, now time.Time, counts map[Group]int) error {
	cmk, err := Reader{r, due.scope, now}.stored(due.keyID)
	if err != nil {
		return err
	}
	counts[Group{due.scope, cmk.Lifecycle.State}]--
	if gone := cmk.settle(now); !gone {
		counts[Group{due.scope, cmk.Lifecycle.State}]++
	}
	return nil
}
