package envelope

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/coredump"
)

// Data keys are named by how a process stops using them.
const (
	kept    = "it is kept"
	unkept  = "it was never kept"
	dropped = "its name is dropped"
	closed  = "its mount is closed"
	held    = "its last user ends, after its name was dropped"
	refused = "KMS refuses it"
	expired = "its time ends"
	evicted = "others make room"
	file    = "its file has begun"
)

var dumpedKeys = []string{kept, unkept, dropped, closed, held, refused, expired, evicted, file}

// The keys that are derived from a data key: those of messages and of files.
const (
	ofMessages = "keys of messages"
	ofFile     = "the key of a file"
)

// signalled is how many pieces of messages' keys a process may still have: those that the kernel saved in the registers
// of a few threads that it interrupted, at most 57 for each. A key of GCM that is not erased has more.
const signalled = 200

// TestNoDataKeyIsInACoreDumpOnceItIsDropped makes another process use data keys, and searches its memory for them, for
// the keys of the messages, and for everything that Go has expanded them to.
func TestNoDataKeyIsInACoreDumpOnceItIsDropped(t *testing.T) {
	p := startDumped(t)
	for _, step := range []byte{stepUse, stepGoOn} {
		found := p.after(t, step)
		for _, name := range dumpedKeys {
			if name == unkept || name == file {
				require.Zero(t, found[name], name)
			} else {
				require.NotZero(t, found[name], "only its end erases it: %s", name)
			}
		}
		require.Less(t, found[ofMessages], signalled)
		require.Greater(t, found[ofFile], signalled)
	}
	found := p.after(t, stepDrop)
	require.NotZero(t, found[kept])
	require.Less(t, found[ofMessages], signalled)
	require.Less(t, found[ofFile], signalled)
	for _, name := range []string{kept, ofMessages, ofFile} {
		delete(found, name)
	}
	require.Empty(t, found)
}

// dumped is a process whose memory is searched.
type dumped struct {
	command *exec.Cmd
	to      *os.File
	from    *bufio.Reader
	keys    map[string][]byte
	search  *coredump.Search
}

func startDumped(t *testing.T) *dumped {
	t.Helper()
	theirIn, in, err := os.Pipe()
	require.NoError(t, err)
	out, theirOut, err := os.Pipe()
	require.NoError(t, err)
	d := &dumped{to: in, from: bufio.NewReader(out), keys: map[string][]byte{}, search: coredump.New()}
	d.command = exec.Command(os.Args[0], "-test.run=^TestTheProcessThatIsDumped$")
	// A thread that is preempted leaves its registers in memory, and so whatever key it was working with: on a busy
	// machine, that happens often.
	withoutPreemption := "GODEBUG=" + os.Getenv("GODEBUG") + ",asyncpreemptoff=1"
	d.command.Env = append(os.Environ(), dumpedVariable+"=1", withoutPreemption)
	d.command.ExtraFiles = []*os.File{theirIn, theirOut}
	d.command.Stdout, d.command.Stderr = os.Stdout, os.Stderr
	require.NoError(t, d.command.Start())
	t.Cleanup(func() {
		require.NoError(t, in.Close())
		require.NoError(t, d.command.Wait())
		require.NoError(t, out.Close())
	})
	require.NoError(t, theirIn.Close())
	require.NoError(t, theirOut.Close())
	for _, name := range dumpedKeys {
		d.give(t, name)
	}
	return d
}

// give sends a key to the process, with every bit inverted.
func (d *dumped) give(t *testing.T, name string) {
	t.Helper()
	key := make([]byte, KeySize)
	_, _ = rand.Read(key)
	d.keys[name] = key
	d.search.Add(name, key)
	d.search.AddExpanded(name, newBlock(key))
	_, err := d.to.Write(inverted(key))
	require.NoError(t, err)
}

// after makes the process do a step, and returns how many pieces of each key are in its memory then.
func (d *dumped) after(t *testing.T, step byte) map[string]int {
	t.Helper()
	_, err := d.to.Write([]byte{step})
	require.NoError(t, err)
	line, err := d.from.ReadBytes('\n')
	require.NoError(t, err)
	var nonces []usedNonce
	require.NoError(t, json.Unmarshal(line, &nonces))
	require.NotEmpty(t, nonces)
	for _, n := range nonces {
		name := ofMessages
		if n.Name == file {
			name = ofFile
		}
		key := derivedKey(d.keys[n.Name], n.Nonce)
		d.search.Add(name, key)
		d.search.AddExpanded(name, newBlock(key))
		d.search.AddExpanded(name, gcm(key))
	}
	found, err := d.search.Count(d.command.Process.Pid)
	require.NoError(t, err)
	return found
}

func inverted(b []byte) []byte {
	c := bytes.Clone(b)
	for i := range c {
		c[i] = ^c[i]
	}
	return c
}
