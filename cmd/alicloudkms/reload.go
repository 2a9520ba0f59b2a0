package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func reloadCommand() *cli.Command {
	return &cli.Command{
		Name:      "reload",
		Usage:     "make the running service re-read its configuration, and say what changed",
		UsageText: "alicloudkms reload -config FILE [-o FORMAT]",
		Description: `Makes the running service read its configuration file again, waits, and prints what has changed: access keys, their
secrets and permissions, certificates, quotas and rate limits. It is all or nothing: if anything is wrong, the service
keeps what it had, and the status is 1. Changes that take effect only at the next start are listed as needing a restart;
the status is still 0. The command asks the service through its operations socket: run it as the service's user. SIGHUP
does the same, but prints nothing.`,
		Flags: []cli.Flag{configFlag(), outputFlag()},
		Metadata: examples(`  alicloudkms reload -config /etc/alicloudkms/server.hcl
  alicloudkms reload -config /etc/alicloudkms/server.hcl -o json
`),
		Action: runReload,
	}
}

func runReload(ctx context.Context, c *cli.Command) error {
	report, err := server.RequestReload(ctx, c.String("config"))
	if err != nil {
		return whyNotReloaded(err)
	}
	return printResult(c, report, reloadText(report))
}

// whyNotReloaded says why a reload failed, and what to do.
func whyNotReloaded(err error) error {
	switch {
	case errors.Is(err, server.ErrNoService):
		return fmt.Errorf("%w; is it running? If it was started with another storage.path or operations.socket, "+
			"send it SIGHUP instead", err)
	case errors.Is(err, server.ErrNotAllowed):
		return fmt.Errorf("%w; run the command as that user", err)
	case errors.Is(err, server.ErrNoAnswer):
		return fmt.Errorf("%w; its log says whether it has reloaded", err)
	case errors.Is(err, server.ErrNoSocket), errors.Is(err, server.ErrOtherConfig):
		return fmt.Errorf("not reloaded: %w", err)
	default:
		return fmt.Errorf("not reloaded; the service keeps the configuration that it had:\n%w", err)
	}
}

func reloadText(r server.ReloadReport) string {
	var lines []string
	for _, change := range r.Changes {
		lines = append(lines, change.String())
	}
	if len(lines) == 0 {
		lines = append(lines, "nothing changed")
	}
	for _, change := range r.NeedsRestart {
		lines = append(lines, "needs a restart: "+change.String())
	}
	for _, warning := range r.Warnings {
		lines = append(lines, "warning: "+warning)
	}
	return "reloaded " + r.Config + "\n  " + strings.Join(lines, "\n  ")
}
