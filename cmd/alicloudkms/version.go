package main

import (
	"context"

	"github.com/urfave/cli/v3"
)

// version is stamped by the build.
var version = "v0.2.0-dev"

func versionCommand() *cli.Command {
	return &cli.Command{
		Name:        "version",
		Usage:       "print the version",
		UsageText:   "alicloudkms version [-o FORMAT]",
		Description: "Prints the version.",
		Flags:       []cli.Flag{outputFlag()},
		Metadata: examples(`  alicloudkms version -o json
`),
		Action: func(_ context.Context, c *cli.Command) error {
			return printResult(c, map[string]string{"version": version}, programName+" "+version)
		},
	}
}
