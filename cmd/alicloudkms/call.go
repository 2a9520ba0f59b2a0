package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/urfave/cli/v3"
	"golang.org/x/term"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/call"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/kmsapi"
)

const callName = "call"

// callTimeout is how long a call may take, including retries.
const callTimeout = time.Minute

// callCommand has a subcommand for each operation of the catalogue, by topic. They share its flags.
func callCommand() *cli.Command {
	c := &cli.Command{
		Name:      callName,
		Usage:     "call an operation of KMS and print its answer",
		UsageText: "alicloudkms call OPERATION [Name=Value …] [flags]",
		ArgsUsage: "OPERATION",
		Description: `Signs a request for Alibaba Cloud KMS, or for a KMS service, and prints the answer. Parameters and fields have the names
of the API. Name=@FILE takes the value from a file, without a line break at its end, Name=@- from standard input, and
Name=@@… is a value that begins with @. Other users of the machine can see arguments: give plaintexts as @FILE or @-.

Credentials come from -env FILE, or else from ALICLOUD_ACCESS_KEY and ALICLOUD_SECRET_KEY, ALIBABA_CLOUD_ACCESS_KEY_ID
and ALIBABA_CLOUD_ACCESS_KEY_SECRET, an OIDC role, a profile of the aliyun command (ALIBABA_CLOUD_PROFILE names it), a
credentials file, a URI, or the RAM role of the ECS instance. No flag takes a secret.

These are the operations, with the parameters that they need. alicloudkms help call OPERATION describes one:`,
		Flags: callFlags(),
		Metadata: examples(`  alicloudkms call CreateKey Description="of team HR" -env kms.env
  alicloudkms call ListKeys -all -field KeyId -env kms.env
  alicloudkms call Encrypt KeyId=alias/payroll Plaintext=@- -raw -field CiphertextBlob -out hello.blob <hello.txt
  alicloudkms call Decrypt CiphertextBlob=@hello.blob -raw -field Plaintext -reveal
  alicloudkms call DescribeKey KeyId=alias/payroll -region cn-shanghai -o json
`),
		Action: func(_ context.Context, c *cli.Command) error {
			if name := c.Args().First(); name != "" {
				return usagef(c, "%v", call.Unknown(name))
			}
			c.Root().Writer = c.Root().ErrWriter // Nobody has asked for the help.
			return errors.Join(printHelp(c), errNoCommand)
		},
	}
	for _, op := range kmsapi.Operations() {
		c.Commands = append(c.Commands, operationCommand(op))
	}
	return c
}

func operationCommand(op kmsapi.Operation) *cli.Command {
	return &cli.Command{
		Name:        string(op),
		Category:    op.Topic(),
		Usage:       call.Summary(op),
		UsageText:   "alicloudkms call " + call.Synopsis(op) + " [flags]",
		ArgsUsage:   "Name=Value",
		Description: call.Describe(op) + "\n\nThe flags are those of alicloudkms help call.",
		Metadata:    map[string]any{parametersOf: call.ParameterNames(op)},
		Action: func(ctx context.Context, c *cli.Command) error {
			err := call.Run(ctx, op, c.Args().Slice(), callOptions(c))
			if usage, ok := errors.AsType[*call.UsageError](err); ok {
				return usagef(c, "%v", usage)
			}
			return err
		},
	}
}

func callFlags() []cli.Flag {
	return append(
		targetFlags(callTimeout),
		&cli.StringFlag{
			Name: "o", Value: call.FormatTable, Usage: "the answer's `FORMAT`: table, or json for programs",
			Validator: oneOf(call.FormatTable, call.FormatJSON),
		},
		&cli.StringFlag{Name: "field", Usage: "print only the field called `NAME`, of each entry if it is in a list"},
		&cli.BoolFlag{Name: "all", Usage: "read every page of a list"},
		&cli.BoolFlag{Name: "reveal", Usage: "print plaintexts, which are [redacted] without it"},
		&cli.BoolFlag{
			Name:  "raw",
			Usage: "plaintexts and binary secrets are bytes: send them in base64, and decode the one that -field prints",
		},
		&cli.StringFlag{Name: "out", Usage: "write the answer to this new `FILE`, which only you can read"},
	)
}

func callOptions(c *cli.Command) call.Options {
	return call.Options{
		Target: targetOf(c),
		Format: c.String("o"), Field: c.String("field"), Out: c.String("out"),
		All: c.Bool("all"), Reveal: c.Bool("reveal"), Raw: c.Bool("raw"),
		Stdin: os.Stdin, Stdout: c.Root().Writer, Stderr: c.Root().ErrWriter,
		Terminal: term.IsTerminal(int(os.Stdout.Fd())), Version: version,
	}
}
