package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/etcdtest"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/servertest"
)

// doomed is a command on stores in etcd, for a child process that kills itself after a step.
type doomed struct {
	Command            string
	Config, To         server.Config
	File, Keep, Prefix string
	After              int
}

// doomedCommand is the environment variable that passes a doomed to the child.
const doomedCommand = "STORES_TEST_DOOMED"

// runDoomed runs a command in the child.
func runDoomed(command string) error {
	var d doomed
	if err := json.Unmarshal([]byte(command), &d); err != nil {
		return err
	}
	return d.run(context.Background(), func(string) {
		if d.After--; d.After == 0 {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // Wait for the signal.
		}
	})
}

func (d doomed) run(ctx context.Context, step func(string)) (err error) {
	switch d.Command {
	case "restore":
		_, err = server.RestoreInSteps(ctx, d.Config, d.File, d.Keep, step)
	case "rekey":
		_, err = server.RekeyInSteps(ctx, d.Config, d.File, d.Keep, step)
	case "migrate":
		_, err = server.MigrateInSteps(ctx, d.Config, d.To, step)
	default:
		err = errors.New("there is no command " + d.Command)
	}
	return err
}

// kill runs d in a child that is killed after the n-th step, counted from 1.
func (d doomed) kill(t *testing.T, n int) {
	t.Helper()
	const lease = 5 * time.Second // The next command waits until it has expired.
	d.After, d.Config, d.To = n, withLease(d.Config, lease), withLease(d.To, lease)
	command, err := json.Marshal(d)
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), doomedCommand+"="+string(command))
	out, err := child.CombinedOutput()
	require.Error(t, err)
	require.Equal(t, syscall.SIGKILL, child.ProcessState.Sys().(syscall.WaitStatus).Signal(), "%s", out)
}

// end runs d until it panics after the n-th step. Unlike a killed process, it gives up its lease.
func (d doomed) end(t *testing.T, n int) {
	t.Helper()
	over := errors.New("this is the end")
	defer func() {
		if p := recover(); p != nil {
			require.Equal(t, over, p)
		}
	}()
	// A panic in a commit becomes an error of the commit.
	require.Error(t, d.run(t.Context(), func(string) {
		if n--; n == 0 {
			panic(over)
		}
	}))
}

// atEachStep makes a command for each step and ends it there, and one more that is killed after the step called killed.
// Each time, after must find everything in order, and that the command can be run again.
func atEachStep(
	t *testing.T, steps []string, killed string, make func(t *testing.T) (*twoStores, doomed),
	after func(t *testing.T, s *twoStores, d doomed, last string),
) {
	t.Helper()
	try := func(name string, n int, end func(doomed, *testing.T, int)) {
		t.Run(strconv.Itoa(n+1)+" "+name, func(t *testing.T) {
			t.Parallel()
			s, d := make(t)
			end(d, t, n+1)
			after(t, s, d, steps[n])
		})
	}
	for n, step := range steps {
		try(step, n, doomed.end)
	}
	try("killed after: "+killed, slices.Index(steps, killed), doomed.kill)
}

// stepsOf runs a command and returns its steps.
func stepsOf(t *testing.T, d doomed) (steps []string) {
	t.Helper()
	require.NoError(t, d.run(t.Context(), func(step string) { steps = append(steps, step) }))
	return steps
}

// The records of enough keys, and the material of many keys, do not fit in a single etcd transaction.
const (
	enough = 20
	many   = 130
)

func TestAMigrationToEtcdThatIsKilled(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	make := func(t *testing.T) (*twoStores, doomed) {
		s := newTwoStores(t, etcd, enough)
		return s, doomed{Command: "migrate", Config: s.inFile, To: s.etcd}
	}
	_, d := make(t)
	steps := stepsOf(t, d)
	require.Equal(t, []string{
		"part staged", "committed", "part applied", "removed",
		"the copy is in its place", "the old store has moved", "the new store is in use",
	}, slices.Compact(slices.Clone(steps)))
	atEachStep(t, steps, "committed", make, func(t *testing.T, s *twoStores, _ doomed, last string) {
		want := map[string]string{"the new store is in use": "etcd", "the old store has moved": ""}
		if wanted, special := want[last]; special {
			require.Equal(t, wanted, s.usable())
		} else {
			require.Equal(t, "file", s.usable())
		}
		moved, err := server.Migrate(t.Context(), s.inFile, s.etcd, nil)
		require.NoError(t, err)
		require.Equal(t, enough, moved.Keys)
		require.Equal(t, last == "the new store is in use", moved.Already)
		require.Equal(t, "etcd", s.usable())
	})
}

func TestAMigrationToAFileThatIsKilled(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	make := func(t *testing.T) (*twoStores, doomed) {
		s := migrated(t, etcd, 1)
		return s, doomed{Command: "migrate", Config: s.etcd, To: s.inFile}
	}
	_, d := make(t)
	steps := stepsOf(t, d)
	require.Equal(t, []string{
		"the copy is written", "the copy is checked",
		"it has its owner", "the old file has a second name", "the new file is in place",
		"the copy is in its place", "the old store has moved", "the new store is in use",
	}, steps)
	atEachStep(t, steps, "the copy is in its place", make, func(t *testing.T, s *twoStores, _ doomed, last string) {
		want := map[string]string{"the new store is in use": "file", "the old store has moved": ""}
		if wanted, special := want[last]; special {
			require.Equal(t, wanted, s.usable())
		} else {
			require.Equal(t, "etcd", s.usable())
		}
		moved, err := server.Migrate(t.Context(), s.etcd, s.inFile, nil)
		require.NoError(t, err)
		require.Equal(t, 1, moved.Keys)
		require.Equal(t, "file", s.usable())
		require.Equal(t, []string{"kms.db", "kms.db.replaced-1"}, files(t, s.at("store")))
	})
}

// committed are the steps after which a store in etcd has its new content.
var committed = []string{"committed", "part applied", "removed", "the store is replaced"}

func TestARestoreToEtcdThatIsKilled(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	make := func(t *testing.T) (*twoStores, doomed) {
		s := migrated(t, etcd, 3)
		backup := s.inFile
		backup.Storage.Path = s.at("backup.db")
		require.NoError(t, servertest.Fill(t.Context(), backup, enough))
		return s, doomed{Command: "restore", Config: s.etcd, File: backup.Storage.Path, Keep: s.at("kept.db")}
	}
	_, d := make(t)
	steps := stepsOf(t, d)
	want := append([]string{"the store is kept", "part staged"}, committed...)
	require.Equal(t, want, slices.Compact(slices.Clone(steps)))
	atEachStep(t, steps, "part staged", make, func(t *testing.T, s *twoStores, d doomed, last string) {
		keys := requireGood(t, s.etcd, "").Keys
		if slices.Contains(committed, last) {
			require.Equal(t, enough, keys)
		} else {
			require.Equal(t, 3, keys)
		}
		require.NoError(t, d.run(t.Context(), func(string) {}), "the same again")
		require.Equal(t, enough, requireGood(t, s.etcd, "").Keys)
		require.Equal(t, 3, requireGood(t, s.etcd, d.Keep).Keys)
	})
}

func TestARekeyInEtcdThatIsKilled(t *testing.T) {
	t.Parallel()
	etcd := etcdtest.Start(t, etcdtest.Options{NoSync: true})
	make := func(t *testing.T) (*twoStores, doomed) {
		s := migrated(t, etcd, many)
		require.NoError(t, os.Mkdir(s.at("kept"), 0o700))
		return s, doomed{Command: "rekey", Config: s.etcd, File: newRootKeyFile(t, 1), Keep: s.at("kept/kept.db")}
	}
	_, d := make(t)
	steps := stepsOf(t, d)
	require.Equal(t, append([]string{
		"nothing is left of an earlier rekey", "the copy is made", "the store is copied", "the copy has today's layout",
		"the new store is made", "some records are written", "the new store is written", "the new store is durable",
		"the new store is checked", "the store is kept", "part staged",
	}, committed...), slices.Compact(slices.Clone(steps)))
	atEachStep(t, steps, "committed", make, func(t *testing.T, s *twoStores, d doomed, last string) {
		under := s.etcd
		under.RootKey.File = d.File
		isNew := slices.Contains(committed, last)
		require.Equal(t, isNew, isGood(t, under), "under the new root key")
		require.Equal(t, !isNew, isGood(t, s.etcd), "under the old root key")
		require.NoError(t, d.run(t.Context(), func(string) {}), "the same again")
		require.Equal(t, many, requireGood(t, under, "").Keys)
		require.Equal(t, many, requireGood(t, s.etcd, d.Keep).Keys, "under the old root key")
		require.Equal(t, []string{"kept.db"}, files(t, s.at("kept")))
	})
}
