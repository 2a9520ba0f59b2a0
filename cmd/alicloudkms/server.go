package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"runtime/debug"
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
	// acceptClock is for one start after the clock was corrected.
	acceptClock bool
}

const serverHelp = `usage: alicloudkms server -config FILE [-accept-clock]
       alicloudkms server -dev [-accept-clock] [-dev-listen ADDRESS] [-dev-dir DIR] [-dev-env FILE]

Runs the KMS service until SIGINT or SIGTERM. A second signal stops it at once. SIGHUP makes it re-read access keys and
TLS certificate from its configuration file, and reopen its audit log.

`

func parseServerFlags(args []string, stderr io.Writer) (serverFlags, error) {
	var f serverFlags
	set := newFlags("server", serverHelp, stderr)
	set.StringVar(&f.config, "config", "", "configuration `FILE` in HCL")
	set.BoolVar(&f.dev, "dev", false, "run for development: on loopback, with a throw-away CA and one access key. NOT FOR PRODUCTION")
	set.StringVar(&f.devListen, "dev-listen", "127.0.0.1:0", "loopback `ADDRESS` to listen on; port 0 picks a free one")
	set.StringVar(&f.devDir, "dev-dir", "",
		"keep data, CA and access key in `DIR`; without it they go into a temporary folder, which a clean stop removes")
	set.StringVar(&f.devEnv, "dev-env", "", "write the exports that clients need to `FILE`, once the service is ready")
	set.BoolVar(&f.acceptClock, "accept-clock", false,
		"start although the clock is behind that of the last run; requests that it accepted could then be sent again")
	if err := parseFlags(set, args); err != nil {
		return f, err
	}
	return f, f.check(set)
}

// check rejects flags that can't be combined, since a flag that is silently ignored misleads.
func (f serverFlags) check(set *flag.FlagSet) error {
	devOnly := ""
	set.Visit(func(given *flag.Flag) {
		switch given.Name {
		case "dev-listen", "dev-dir", "dev-env":
			devOnly = given.Name
		}
	})
	switch {
	case f.dev == (f.config != ""):
		return errors.New("server needs either -config FILE or -dev")
	case devOnly != "" && !f.dev:
		return fmt.Errorf("-%s works only with -dev", devOnly)
	}
	return nil
}

// gcPercent lets a small heap grow to five times its size before it is collected: little of what requests allocate
// survives, and frequent collections would slow down each of them.
const gcPercent = 400

func runServer(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	f, err := parseServerFlags(args, stderr)
	if err != nil {
		return err
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	if f.dev {
		return runDev(ctx, f, logger, stdout)
	}
	return runConfigured(ctx, f, logger)
}

// runConfigured is `server -config`.
func runConfigured(ctx context.Context, f serverFlags, logger *slog.Logger) error {
	hangups, stop := hangups()
	defer stop()
	config, err := server.LoadConfig(f.config)
	if err != nil {
		return err
	}
	s, err := server.Start(config, server.Options{Logger: logger, AcceptClock: f.acceptClock})
	if err != nil {
		return err
	}
	for _, i := range config.Instances {
		logger.Info("the dedicated gateway is ready", "instance", i.ID, "address", s.InstanceAddress(i.ID))
	}
	logger.Info("ready", "address", s.Address(), "operations", s.OpsAddress(), "version", version)
	if err := notifyReady(); err != nil {
		logger.Warn("could not notify systemd that the service is ready", "error", err)
	}
	for {
		select {
		case <-hangups:
			_, _ = s.ReloadFile() // The server logs how it ends.
		case err := <-s.Failed():
			return errors.Join(err, s.Close())
		case <-ctx.Done():
			return shutdown(s, logger)
		}
	}
}

const shutdownTime = 20 * time.Second

// shutdown stops s, and gives requests in progress time to finish.
func shutdown(s *server.Server, logger *slog.Logger) error {
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
	if f.devEnv != "" {
		// A file of an earlier run would suggest that this one is ready.
		if err := os.Remove(f.devEnv); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	dev, err := server.NewDevConfig(dir, f.devListen)
	if err != nil {
		return err
	}
	s, err := server.Start(dev.Config, server.Options{Logger: logger, AcceptClock: f.acceptClock})
	if err != nil {
		return err
	}
	exports := devExports(dev, s)
	if f.devEnv != "" {
		if err := writeAtomically(f.devEnv, exports.script()); err != nil {
			return errors.Join(err, s.Close())
		}
	}
	fmt.Fprintf(stdout, "alicloudkms %s: a KMS service for development. NOT FOR PRODUCTION.\n", version)
	fmt.Fprintf(stdout, "Listening on https://%s, data in %s\n\n%s\n", s.Address(), dir, exports.script())
	select {
	case err := <-s.Failed():
		return errors.Join(err, s.Close())
	case <-ctx.Done():
		return shutdown(s, logger)
	}
}
