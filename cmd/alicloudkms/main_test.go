package main

import (
	"errors"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/heldport"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"alicloudkms": main})
}

func TestScripts(t *testing.T) {
	// Under nohup the tests' programs would ignore it too, as they should. Those of a process that handles it do not.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			// Each command is this binary, and with -race it would sleep for a second at its end.
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"await":     await,
			"terminate": signalAll(syscall.SIGTERM),
			"hangup":    signalAll(syscall.SIGHUP),
			"hold":      hold,
			"listkeys":  listKeys,
		},
	})
}

// hold writes an address to each of the files, whose port nothing but the programs of the script gets until it ends.
func hold(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		address, release, err := heldport.Hold()
		ts.Check(err)
		ts.Defer(release)
		ts.Check(os.MkdirAll(filepath.Dir(ts.MkAbs(name)), 0o700))
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(address+"\n"), 0o600))
	}
}

// signalAll sends any signal, which testscript's own kill can't.
func signalAll(sent os.Signal) func(ts *testscript.TestScript, neg bool, args []string) {
	return func(ts *testscript.TestScript, _ bool, _ []string) {
		for _, running := range ts.BackgroundCmds() {
			ts.Check(running.Process.Signal(sent))
		}
	}
}

// await waits until a file exists, which is how `server -dev-env` reports that it is ready, and contains the given
// string, if any. Its name may be a pattern. The limit only ends a broken test.
func await(ts *testscript.TestScript, _ bool, args []string) {
	for range 600 {
		name := ts.MkAbs(args[0])
		if found, _ := filepath.Glob(name); len(found) > 0 {
			name = found[0]
		}
		content, err := os.ReadFile(name)
		exists := err == nil || !errors.Is(err, fs.ErrNotExist) // A socket exists, but can't be read.
		if exists && (len(args) == 1 || strings.Contains(string(content), args[1])) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	ts.Fatalf("%s has not appeared", strings.Join(args, ": "))
}
