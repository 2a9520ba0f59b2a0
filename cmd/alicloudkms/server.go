package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

	"github.com/urfave/cli/v3"

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
	// check tests the configuration instead of running the service.
	check bool
}

func serverCommand() *cli.Command {
	return &cli.Command{
		Name:  "server",
		Usage: "run the KMS service",
		UsageText: `alicloudkms server -config FILE [-accept-clock]
       alicloudkms server -config FILE -check [-o FORMAT]
       alicloudkms server -dev [-accept-clock] [-dev-listen ADDRESS] [-dev-dir DIR] [-dev-env FILE]`,
		Description: `Runs the KMS service until SIGINT or SIGTERM. A second signal stops it at once. SIGHUP makes it re-read its
configuration file and reopen its audit log; alicloudkms reload does too, and says what changed.

With -check it does not run. It reads everything that a start or a reload would: the configuration and the files that it
names, their modes, certificates and keys. It compares the root key with the store. It changes nothing and does not
listen, so a service may be running. Run it as the service's user. The status is 1, with file and line, if anything is
wrong.`,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "config", Usage: "configuration `FILE` in HCL"},
			&cli.BoolFlag{
				Name:  "check",
				Usage: "only check whether a service could start with the configuration, or reload it",
			},
			&cli.BoolFlag{
				Name:  "dev",
				Usage: "run for development: on loopback, with a throw-away CA and one access key. NOT FOR PRODUCTION",
			},
			&cli.StringFlag{
				Name:      "dev-listen",
				Validator: server.CheckDevAddress,
				Usage:     "loopback `ADDRESS` to listen on; port 0 picks a free one (default: that of the last run in DIR, or a free port)",
			},
			&cli.StringFlag{
				Name:  "dev-dir",
				Usage: "keep data, CA, access key and address in `DIR`; without it they go into a temporary folder, which a clean stop removes",
			},
			&cli.StringFlag{
				Name: "dev-env", Usage: "write the exports that clients need to `FILE`, once the service is ready; a clean stop removes it",
			},
			&cli.BoolFlag{
				Name:  "accept-clock",
				Usage: "start although the clock is behind that of the last run; requests that it accepted could then be replayed",
			},
			outputFlag(),
		},
		Metadata: examples(`  alicloudkms server -dev -dev-env kms.env
  alicloudkms server -config /etc/alicloudkms/server.hcl -check
  alicloudkms server -config /etc/alicloudkms/server.hcl
`),
		Action: runServer,
	}
}

func readServerFlags(c *cli.Command) (serverFlags, error) {
	f := serverFlags{
		config:      c.String("config"),
		dev:         c.Bool("dev"),
		devListen:   c.String("dev-listen"),
		devDir:      c.String("dev-dir"),
		devEnv:      c.String("dev-env"),
		acceptClock: c.Bool("accept-clock"),
		check:       c.Bool("check"),
	}
	return f, f.fit(c)
}

// fit rejects flags that can't be combined, since a flag that is silently ignored misleads.
func (f serverFlags) fit(c *cli.Command) error {
	if f.dev == (f.config != "") {
		return usagef(c, "server needs either -config FILE or -dev")
	}
	for _, name := range []string{"dev-listen", "dev-dir", "dev-env"} {
		if c.IsSet(name) && !f.dev {
			return usagef(c, "-%s works only with -dev", name)
		}
	}
	switch {
	case f.check && f.dev:
		return usagef(c, "-check works only with -config")
	case f.check && f.acceptClock:
		return usagef(c, "-check does not look at the clock; leave out -accept-clock")
	case c.IsSet("o") && !f.check:
		return usagef(c, "-o works only with -check")
	}
	return nil
}

// gcPercent lets a small heap grow to five times its size before it is collected: little of what requests allocate
// survives, and frequent collections would slow down each of them.
const gcPercent = 400

func runServer(ctx context.Context, c *cli.Command) error {
	f, err := readServerFlags(c)
	if err != nil {
		return err
	}
	if f.check {
		return runServerCheck(ctx, c, f.config)
	}
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	outliveReaders()
	logger := slog.New(slog.NewTextHandler(c.Root().ErrWriter, nil))
	if f.dev {
		ctx, stop := withHangup(ctx)
		defer stop()
		return runDev(ctx, f, logger, c.Root().Writer)
	}
	return runConfigured(ctx, f, logger)
}

// runConfigured is `server -config`.
func runConfigured(ctx context.Context, f serverFlags, logger *slog.Logger) error {
	hangups, stop := hangups()
	defer stop()
	config, err := loadConfig(f.config)
	if err != nil {
		return err
	}
	s, err := server.StartContext(ctx, config, server.Options{
		Logger: logger, Version: version, AcceptClock: f.acceptClock, Reloaded: showReload(logger),
	})
	if err != nil && ctx.Err() != nil && errors.Is(err, context.Cause(ctx)) {
		logger.Info("stopped while it waited", "reason", err)
		return nil
	}
	if err != nil {
		return err
	}
	for _, i := range config.Instances {
		logger.Info("the dedicated gateway is ready", "instance", i.ID, "address", s.InstanceAddress(i.ID))
	}
	if ops := s.OpsAddress(); ops != "" {
		logger.Info("open the page of the service in a browser on this machine", "url", "http://"+ops+"/")
	}
	if health := s.HealthAddress(); health != "" {
		logger.Info("load balancers and probes can ask for the health of the service", "url", "http://"+health+"/healthz")
	}
	logger.Info("ready", "address", s.Address(), "operations", s.OpsAddress(), "version", version)
	go reloadAt(hangups, s)
	go announce(ctx, s, logger)
	select {
	case err := <-s.Failed():
		return errors.Join(err, s.Close())
	case <-ctx.Done():
		return shutdown(s, logger)
	}
}

// readyTime is how long systemd waits for a node that has nothing to serve with. After that the node counts as started
// anyway: systemd would only start it again and again.
const readyTime = 30 * time.Second

// announce lets systemd know once requests to s are answered.
func announce(ctx context.Context, s *server.Server, logger *slog.Logger) {
	limited, cancel := context.WithTimeout(ctx, readyTime)
	defer cancel()
	err := s.AwaitReady(limited)
	if ctx.Err() != nil {
		return // It is being stopped.
	}
	if err != nil {
		logger.Warn("requests have been refused since the start", "error", err)
	}
	if err := notifySystemd("READY=1"); err != nil {
		logger.Warn("could not notify systemd that the service is ready", "error", err)
	}
}

// reloadAt reloads at each signal, until the process ends. Nothing waits for it: a file on a disk that does not answer
// must not keep the service from ending.
func reloadAt(signals <-chan os.Signal, s *server.Server) {
	for range signals {
		_, _ = s.ReloadFile() // The server logs how it ends.
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
