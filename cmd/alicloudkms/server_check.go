package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

// runServerCheck is `server -config FILE -check`.
func runServerCheck(ctx context.Context, c *cli.Command, file string) error {
	report, err := checkConfig(ctx, file)
	if err != nil {
		return fmt.Errorf("%s is not good:\n%w", file, err)
	}
	lines := report.Remarks
	for _, warning := range report.Warnings {
		lines = append(lines, "warning: "+warning)
	}
	lines = append(lines, report.Config+" is good")
	return printResult(c, report, strings.Join(lines, "\n"))
}

func checkConfig(ctx context.Context, file string) (server.ConfigReport, error) {
	config, err := loadConfig(file)
	if err != nil {
		return server.ConfigReport{}, err
	}
	return server.CheckConfig(ctx, config, time.Now())
}
