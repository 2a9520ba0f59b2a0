package etcdtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// program is the path of the program of test/etcd, which is built unless it is up to date.
var program = sync.OnceValues(func() (path string, err error) {
	_, here, _, _ := runtime.Caller(0)
	script := filepath.Join(filepath.Dir(here), "..", "..", "scripts", "etcd.sh")
	// The tests of several packages may want it at the same time.
	lock, err := os.Open(script)
	if err != nil {
		return "", err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", err
	}
	build := exec.Command(script)
	var failure strings.Builder
	build.Stderr = &failure
	out, err := build.Output()
	if err != nil {
		return "", fmt.Errorf("building test/etcd: %w\n%s", err, failure.String())
	}
	return strings.TrimSpace(string(out)), nil
})
