package servers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/freeze"
)

// Process is a server process. What it prints goes to a log file.
type Process struct {
	cmd *exec.Cmd
	log string
	// from is the length of the log before this process wrote to it.
	from int64
	// group means that the process leads a process group, which Stop and Kill end as a whole.
	group     bool
	groupEnds sync.Once
	done      chan struct{}
	err       error // how the process ended; read after done is closed
}

const (
	// startTimeout and stopTimeout are for what must happen: on a busy machine, a server may take many times as long as
	// usual.
	startTimeout = 3 * time.Minute
	stopTimeout  = time.Minute
	pollInterval = 20 * time.Millisecond
	// startPollInterval is shorter because benchmarks measure how long a server takes to start.
	startPollInterval = 2 * time.Millisecond
)

// Start starts cmd and appends its output to the file log, so that a log survives a restart. Standard output goes
// elsewhere if cmd says so.
//
// A command that leads a process group (Setpgid) gets no Ctrl-C from the terminal: its caller must stop it, and Stop
// and Kill then end the whole group.
func Start(cmd *exec.Cmd, log string) (*Process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	info, err := out.Stat()
	if err != nil {
		return nil, err
	}
	if cmd.Stderr = out; cmd.Stdout == nil {
		cmd.Stdout = out
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &Process{cmd: cmd, log: log, from: info.Size(), done: make(chan struct{})}
	p.group = cmd.SysProcAttr != nil && cmd.SysProcAttr.Setpgid
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// OwnGroup makes cmd the leader of a process group.
func OwnGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// PID is the process id. It may belong to another process once Done is closed.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Signal sends a signal to the process, and fails if it has ended.
func (p *Process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// Freeze suspends the process until SIGCONT or its end; see [freeze.Process].
func (p *Process) Freeze() error { return freeze.Process(p.cmd.Process) }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Wait waits until the process has ended and returns an error unless its exit status is 0.
func (p *Process) Wait() error {
	<-p.done
	return p.err
}

// Await waits until ready reports true. It fails if the process ends first, or is not ready within some minutes.
func (p *Process) Await(ready func() bool) error { return p.await(pollInterval, ready) }

func (p *Process) await(interval time.Duration, ready func() bool) error {
	for deadline := time.Now().Add(startTimeout); time.Now().Before(deadline); {
		if ready() {
			return nil
		}
		select {
		case <-p.done:
			return p.failure("ended: %w", errors.Join(p.err))
		case <-time.After(interval):
		}
	}
	return p.failure("is not ready after %s", startTimeout)
}

// AwaitOutput waits until the process has printed what pattern matches, and returns the match and its groups.
func (p *Process) AwaitOutput(pattern *regexp.Regexp) ([]string, error) {
	var match []string
	err := p.await(startPollInterval, func() bool {
		log, err := os.ReadFile(p.log)
		if err != nil {
			return false
		}
		match = pattern.FindStringSubmatch(string(log[p.from:]))
		return match != nil
	})
	return match, err
}

// Stop sends SIGTERM and waits for the process to end. It fails unless the exit status is 0, even if the process had
// ended before; a nil Process, one that was never started, is fine.
func (p *Process) Stop() error {
	if p == nil {
		return nil
	}
	_ = p.Signal(syscall.SIGTERM) // It fails if the process has ended, and then done is closed.
	select {
	case <-p.done:
		p.endGroup()
	case <-time.After(stopTimeout):
		p.Kill()
		return p.failure("did not stop within %s", stopTimeout)
	}
	if p.err != nil {
		return p.failure("stopped: %w", p.err)
	}
	return nil
}

// Kill ends the process with SIGKILL. It may be called on a process that has ended.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
	p.endGroup()
}

// endGroup kills what is left of the process's group, once: its number may be reused afterwards.
func (p *Process) endGroup() {
	if p.group {
		// It fails if nothing is left, which is the normal case.
		p.groupEnds.Do(func() { _ = syscall.Kill(-p.PID(), syscall.SIGKILL) })
	}
}

func (p *Process) failure(format string, args ...any) error {
	return fmt.Errorf("%s "+format+"\n%s", append(append([]any{p.cmd.Path}, args...), p.Tail())...)
}

// Log is the path of the log file.
func (p *Process) Log() string { return p.log }

// Tail is the end of the log.
func (p *Process) Tail() string {
	const most = 4000
	log, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return string(log[max(0, len(log)-most):])
}
