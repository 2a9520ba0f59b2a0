package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// serverFlags are the flags of `alicloudkms server`.
type serverFlags struct {
	config    string
	dev       bool
	devListen string
	devDir    string
	devEnv    string
}

const serverHelp = `usage: alicloudkms server -config FILE
       alicloudkms server -dev [-dev-listen ADDRESS] [-dev-dir DIR] [-dev-env FILE]

Runs the KMS service until SIGINT or SIGTERM. A second signal stops it at once.

`

func parseServerFlags(args []string, stderr io.Writer) (serverFlags, error) {
	var f serverFlags
	set := flag.NewFlagSet("server", flag.ContinueOnError)
	set.SetOutput(stderr)
	set.StringVar(&f.config, "config", "", "configuration `FILE` in HCL")
	set.BoolVar(&f.dev, "dev", false, "run for development: on loopback, with a throw-away CA and one access key. NOT FOR PRODUCTION")
	set.StringVar(&f.devListen, "dev-listen", "127.0.0.1:0", "loopback `ADDRESS` to listen on; port 0 picks a free one")
	set.StringVar(&f.devDir, "dev-dir", "", "keep data, CA and access key in `DIR`; without it they go into a temporary folder that is removed at the end")
	set.StringVar(&f.devEnv, "dev-env", "", "write the exports that clients need to `FILE`, once the service is ready")
	set.Usage = func() {
		fmt.Fprint(stderr, serverHelp)
		set.PrintDefaults()
	}
	if err := set.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return f, err
		}
		return f, errUsage
	}
	return f, f.check(set)
}

// check refuses flags that don't go together, since one that is silently ignored misleads.
func (f serverFlags) check(set *flag.FlagSet) error {
	devOnly := ""
	set.Visit(func(given *flag.Flag) {
		switch given.Name {
		case "dev-listen", "dev-dir", "dev-env":
			devOnly = given.Name
		}
	})
	switch {
	case set.NArg() > 0:
		return fmt.Errorf("server takes no argument, and %q is one", set.Arg(0))
	case f.dev == (f.config != ""):
		return errors.New("server needs -config FILE or -dev, one of them")
	case devOnly != "" && !f.dev:
		return fmt.Errorf("-%s works only with -dev", devOnly)
	}
	return nil
}

func runServer(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f, err := parseServerFlags(args, stderr)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	if f.dev {
		return runDev(ctx, f, logger, stdout)
	}
	config, err := server.LoadConfig(f.config)
	if err != nil {
		return err
	}
	s, err := server.Start(config, server.Options{Logger: logger})
	if err != nil {
		return err
	}
	logger.Info("ready", "address", s.Address(), "version", version)
	return serveUntil(ctx, s, logger)
}

const shutdownTime = 20 * time.Second

// serveUntil lets s run until ctx ends, and then stops it, with time for the requests in work.
func serveUntil(ctx context.Context, s *server.Server, logger *slog.Logger) error {
	select {
	case err := <-s.Failed():
		return errors.Join(err, s.Close())
	case <-ctx.Done():
	}
	logger.Info("stopping")
	limited, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	return s.Shutdown(limited)
}

// runDev is `server -dev`.
func runDev(ctx context.Context, f serverFlags, logger *slog.Logger, stdout io.Writer) (err error) {
	dir := f.devDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "alicloudkms-dev-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	} else if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	dev, err := server.NewDev(dir, f.devListen)
	if err != nil {
		return err
	}
	s, err := server.Start(dev.Config, server.Options{Logger: logger})
	if err != nil {
		return err
	}
	exports := devExports(dev, s.Address())
	if f.devEnv != "" {
		if err := writeAtomically(f.devEnv, exports.script()); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	fmt.Fprintf(stdout, "alicloudkms %s: a KMS service for development. NOT FOR PRODUCTION.\nListening on https://%s, data in %s\n\n%s\n",
		version, s.Address(), dir, exports.script())
	return serveUntil(ctx, s, logger)
}
