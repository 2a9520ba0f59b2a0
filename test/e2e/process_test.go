package e2e

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// process is a server that a test started. What it prints goes to a log file.
type process struct {
	cmd  *exec.Cmd
	log  string
	done chan struct{}
	err  error // how it ended; read after done is closed
}

const (
	startTime = 60 * time.Second
	stopTime  = 20 * time.Second
	pollEvery = 20 * time.Millisecond
)

// startProcess starts cmd. What it prints is appended to log, which outlives a restart so; its standard output goes there
// too, unless cmd has a place for it.
func startProcess(cmd *exec.Cmd, log string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	if cmd.Stderr = out; cmd.Stdout == nil {
		cmd.Stdout = out
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, log: log, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// waitUntil waits until ready reports true. It fails, with the end of the log, if the process ends before or takes too long.
func (p *process) waitUntil(ready func() bool) error {
	for deadline := time.Now().Add(startTime); time.Now().Before(deadline); {
		if ready() {
			return nil
		}
		select {
		case <-p.done:
			return fmt.Errorf("%s ended: %w\n%s", p.cmd.Path, errors.Join(p.err), p.tail())
		case <-time.After(pollEvery):
		}
	}
	return fmt.Errorf("%s is not ready after %s\n%s", p.cmd.Path, startTime, p.tail())
}

// stop asks the process to end and makes sure of it. An exit status other than 0 is an error, and so it is for a process
// that has ended before. One that was never started is nil.
func (p *process) stop() error {
	if p == nil {
		return nil
	}
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		if p.err != nil {
			return fmt.Errorf("%s: %w\n%s", p.cmd.Path, p.err, p.tail())
		}
		return nil
	case <-time.After(stopTime):
		p.kill()
		return fmt.Errorf("%s did not stop within %s\n%s", p.cmd.Path, stopTime, p.tail())
	}
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// tail is the end of the log.
func (p *process) tail() string {
	const most = 4000
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-most):])
}

// children returns the processes that this one started from the file exe. It reads Linux's /proc.
func (p *process) children(exe string) ([]int, error) {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		return nil, errors.Join(errors.New("there is no /proc"), err)
	}
	var found []int
	for _, stat := range stats {
		text, err := os.ReadFile(stat)
		if err != nil {
			continue // It has ended meanwhile.
		}
		// pid (name) state parent …; the name may hold anything.
		fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
		target, _ := os.Readlink(filepath.Join(filepath.Dir(stat), "exe"))
		if fields[1] != strconv.Itoa(p.pid()) || target != exe {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat)))
		if err != nil {
			return nil, err
		}
		found = append(found, pid)
	}
	return found, nil
}

// processesOf are the /proc entries of all processes that have the name of a folder in their environment.
func processesOf(t *testing.T, dir string) []string {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	return slices.DeleteFunc(all, func(path string) bool {
		environ, err := os.ReadFile(path)
		return err != nil || !strings.Contains(string(environ), dir)
	})
}
