package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/test/internal/servers"
)

// stage is the setup of the contests: a temporary folder, the programs in it, and servers, each started at its first
// use.
type stage struct {
	settings
	dir string
	// closing guards closers.
	closing sync.Mutex
	closers []func() error

	kms   func() (*kmsService, error)
	vault func() (*vaultServer, error)
	// few and many are services that differ in their number of keys.
	few, many func() (*filledService, error)
	// records is a service whose keys differ in what they have gathered.
	records func() (*recordService, error)
	// sm is a service with SM algorithms.
	sm func() (*kmsService, error)
	// etcd has three members. nodes is a service on it, and pairs are others that lose their active node.
	etcd  func() (*servers.Etcd, error)
	nodes func() (*cluster, error)
	pairs func() ([]*duo, error)
}

const pluginName = "vault-plugin-secrets-alicloudkms"

// fewKeys is the number of keys of a small service.
const fewKeys = 100

func openStage(ctx context.Context, set settings, stderr io.Writer) (*stage, error) {
	// A short name, because it holds a plugin's socket.
	dir, err := os.MkdirTemp("", "kmsbench-")
	if err != nil {
		return nil, err
	}
	s := &stage{settings: set, dir: dir}
	s.onClose(func() error { return os.RemoveAll(dir) })
	s.kms = sync.OnceValues(func() (*kmsService, error) { return s.settledKMS(ctx, "kms") })
	s.vault = sync.OnceValues(func() (*vaultServer, error) { return s.startVault(ctx) })
	s.few = sync.OnceValues(func() (*filledService, error) { return s.startFilled(ctx, "few", fewKeys) })
	s.many = sync.OnceValues(func() (*filledService, error) { return s.startFilled(ctx, "many", set.keys) })
	s.records = sync.OnceValues(func() (*recordService, error) { return s.startRecords(ctx) })
	s.etcd = sync.OnceValues(func() (*servers.Etcd, error) { return s.startEtcd(ctx, "etcd", 3) })
	s.nodes = sync.OnceValues(func() (*cluster, error) { return s.startCluster(ctx, "nodes", 3) })
	s.pairs = sync.OnceValues(func() ([]*duo, error) { return s.startDuos(ctx) })
	s.sm = sync.OnceValues(func() (*kmsService, error) { return s.startSM(ctx) })
	fmt.Fprintln(stderr, "building ...")
	if err := s.build(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *stage) folder(name string) string { return filepath.Join(s.dir, name) }

// programs is the folder of the built programs, and Vault's plugin directory.
func (s *stage) programs() string { return filepath.Join(s.dir, "plugins") }

func (s *stage) program(name string) string { return filepath.Join(s.programs(), name) }

// build builds the programs as a release does.
func (s *stage) build(ctx context.Context) error {
	for from, packages := range map[string][]string{
		s.root:                                 {"./cmd/alicloudkms", "./cmd/" + pluginName},
		filepath.Join(s.root, "test", "bench"): {"./echo"},
	} {
		args := []string{"build", "-C", from, "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", s.programs() + "/"}
		cmd := exec.CommandContext(ctx, "go", append(args, packages...)...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building: %w\n%s", err, out)
		}
	}
	return nil
}

func (s *stage) startKMS(name string) (*kmsService, error) {
	k := s.newKMS(name)
	return k, k.Start()
}

// newKMS returns a service that is not started yet.
func (s *stage) newKMS(name string) *kmsService {
	k := &kmsService{&servers.KMS{Program: s.program("alicloudkms"), Dir: s.folder(name), OwnGroup: true}}
	s.onClose(func() error { return k.Stop() }) // k.Process is not set yet, and a contest may replace it.
	return k
}

// settledKMS starts a service and waits until it has settled.
func (s *stage) settledKMS(ctx context.Context, name string) (*kmsService, error) {
	k, err := s.startKMS(name)
	if err != nil {
		return nil, err
	}
	return k, settle(ctx)
}

// settle waits until a service that was just started has made the keys that it keeps ready for imports, which takes a
// core.
func settle(ctx context.Context) error { return sleep(ctx, settling) }

// settling includes a quiet time: the service begins to make them only after it.
const settling = 5*time.Second + refill

func (s *stage) onClose(do func() error) {
	s.closing.Lock()
	defer s.closing.Unlock()
	s.closers = append(s.closers, do)
}

// close calls what onClose was given, in reverse order.
func (s *stage) close() error {
	var errs []error
	for _, do := range slices.Backward(s.closers) {
		errs = append(errs, do())
	}
	return errors.Join(errs...)
}
