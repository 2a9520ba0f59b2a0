package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"syscall"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/shell"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server/setup"
)

// runDev is `server -dev`.
func runDev(ctx context.Context, f serverFlags, logger *slog.Logger, stdout io.Writer) (err error) {
	dir, remove, err := devDir(f.devDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, remove()) }()
	env := envFile{path: f.devEnv}
	dev, s, err := startDev(dir, f, &env, logger)
	if err != nil {
		return err
	}
	exports := devExports(dev, s)
	if err := errors.Join(dev.KeepAddresses(s), env.write(exports.Script())); err != nil {
		return errors.Join(err, s.Close())
	}
	greet(stdout, s, dir, exports, env)
	select {
	case err := <-s.Failed():
		return errors.Join(err, env.remove(), s.Close())
	case <-ctx.Done():
		return errors.Join(env.remove(), shutdown(s, logger))
	}
}

// devDir returns the folder of a development service's data, which it makes. Without a name it is a temporary one,
// which remove removes.
func devDir(named string) (dir string, remove func() error, err error) {
	if named != "" {
		return named, func() error { return nil }, os.MkdirAll(named, 0o700)
	}
	dir, err = os.MkdirTemp("", "alicloudkms-dev-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// startDev starts the service. An env file of an earlier run is removed only after the store was opened, so that a
// second service on the same data, which can't start, does not take the file away from the first.
func startDev(dir string, f serverFlags, env *envFile, logger *slog.Logger) (*server.DevConfig, *server.Server, error) {
	dev, err := server.NewDevConfig(dir, f.devListen)
	if err != nil {
		return nil, nil, err
	}
	dev.Config.Ops = dev.Operations()
	s, err := server.Start(dev.Config, server.Options{
		Logger: logger, Version: version, AcceptClock: f.acceptClock, BeforeListening: env.clear,
	})
	if errors.Is(err, syscall.EADDRINUSE) {
		err = fmt.Errorf("%w: stop what listens there, or let the service pick free ports with -dev-listen 127.0.0.1:0", err)
	}
	return dev, s, err
}

// greet says how to use the service. Where a file has the exports, it shows only their names: what is on a terminal
// stays in its history, and in the logs of a CI job.
func greet(w io.Writer, s *server.Server, dir string, e setup.Environment, env envFile) {
	fmt.Fprintf(w, "alicloudkms %s: a KMS service for development. NOT FOR PRODUCTION.\n", version)
	fmt.Fprintf(w, "Listening on https://%s, data in %s\n", s.Address(), dir)
	if page := s.OpsAddress(); page != "" {
		fmt.Fprintf(w, "Its page is http://%s/\n", page)
	}
	fmt.Fprintln(w)
	if env.path == "" {
		fmt.Fprintln(w, e.Script())
		return
	}
	fmt.Fprintf(w, "  . %s\n\nsets %s\n", shell.Word(sourceable(env.path)), e.Names())
}
