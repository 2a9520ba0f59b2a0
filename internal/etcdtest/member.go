package etcdtest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/freeze"
)

// Member is one member of a cluster, as a process. Its methods are for one goroutine at a time.
type Member struct {
	name      string
	program   string
	arguments []string
	// log receives what the process prints besides its own log.
	log string
	// client and peer are addresses, as host:port.
	client, peer string
	// advertised is where the others reach peer, if that is another address.
	advertised string

	// process is nil while the member does not run.
	process *process
}

type process struct {
	cmd *exec.Cmd
	// stdin ends when the test does, and the process with it.
	stdin io.Closer
	done  chan struct{}
}

// Address is where the member listens for clients, as host:port.
func (m *Member) Address() string { return m.client }

// Restart starts a member that is down, with its data and ports, and waits until it has found a leader.
func (m *Member) Restart() error {
	ready, err := m.Launch()
	if err != nil {
		return err
	}
	return ready()
}

// Launch is [Member.Restart] without the wait, which is up to ready.
func (m *Member) Launch() (ready func() error, err error) {
	if m.process != nil {
		return nil, fmt.Errorf("%s runs", m.name)
	}
	cmd := exec.Command(m.program, m.arguments...)
	log, err := os.OpenFile(m.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	m.process = &process{cmd: cmd, stdin: stdin, done: make(chan struct{})}
	return sync.OnceValue(m.process.follow(stdout, m.failure)), nil
}

// follow waits for the line that says that the process is ready, and reaps the process.
func (p *process) follow(stdout io.Reader, failure func() error) (ready func() error) {
	line := make(chan error, 1)
	go func() {
		out := bufio.NewReader(stdout)
		if _, err := out.ReadString('\n'); err != nil {
			line <- failure()
		}
		close(line)
		_, _ = io.Copy(io.Discard, out)
		_ = p.cmd.Wait() // Most processes are killed.
		close(p.done)
	}()
	return func() error { return <-line }
}

// failure is the error of a process that ended before it was ready.
func (m *Member) failure() error {
	output, err := os.ReadFile(m.log)
	return errors.Join(fmt.Errorf("%s ended before it was ready\n%s", m.name, output), err)
}

// Kill ends the member with SIGKILL. One that is down stays down.
func (m *Member) Kill() { m.end(syscall.SIGKILL) }

// Shutdown ends the member in an orderly way: a leader first hands over its leadership.
func (m *Member) Shutdown() { m.end(syscall.SIGTERM) }

func (m *Member) end(signal syscall.Signal) {
	if m.process == nil {
		return
	}
	_ = m.process.cmd.Process.Signal(signal) // It may have ended.
	<-m.process.done
	_ = m.process.stdin.Close()
	m.process = nil
}

// Stop freezes the member with SIGSTOP, until [Member.Continue] or its end. Once Stop returns, the member answers
// nothing.
func (m *Member) Stop() error {
	if m.process == nil {
		return m.down()
	}
	return freeze.Process(m.process.cmd.Process)
}

// Continue lets a frozen member go on.
func (m *Member) Continue() error {
	if m.process == nil {
		return m.down()
	}
	return m.process.cmd.Process.Signal(syscall.SIGCONT)
}

func (m *Member) down() error { return fmt.Errorf("%s is down", m.name) }

// Done is closed when the process has ended, for whatever reason. It is nil for a member that is down.
func (m *Member) Done() <-chan struct{} {
	if m.process == nil {
		return nil
	}
	return m.process.done
}
