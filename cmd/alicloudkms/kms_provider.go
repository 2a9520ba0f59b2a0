package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/internal/kmsprovider"
	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/server"
)

func kmsProviderCommand() *cli.Command {
	return &cli.Command{
		Name:  "kms-provider",
		Usage: "encrypt what a Kubernetes cluster stores, as its KMS v2 provider",
		UsageText: `alicloudkms kms-provider -cluster NAME -key KEY [-previous-key KEY …] [-listen ENDPOINT] [-ops ADDRESS] [flags]
       alicloudkms kms-provider -cluster NAME -vault MOUNT/KEY [-previous-key MOUNT/KEY …] [-listen ENDPOINT] [flags]
       alicloudkms kms-provider -cluster NAME -key KEY|-vault MOUNT/KEY -check [flags]`,
		Description: `Serves the API server of Kubernetes until SIGINT or SIGTERM, at a Unix socket that only the same user can open. The
API server encrypts Secrets, and other resources of its EncryptionConfiguration, with data keys that this program
encrypts and decrypts, with a key of KMS or, with -vault, a key of the secrets engine.

Only the listed keys decrypt. Everything is bound to the name of the cluster, which must never change. KMS is called
with the credentials that alicloudkms help call describes, Vault at VAULT_ADDR.

With -check it does not serve. It encrypts and decrypts test data, asks whether the previous keys can decrypt, and
prints the key id that Kubernetes would store.`,
		Flags: slices.Concat(providerFlags(), vaultLoginFlags(), targetFlags(kmsprovider.DefaultTimeout)),
		Metadata: examples(`  alicloudkms kms-provider -cluster prod -key 0f2c1a52-6a54-4a6c-9d0b-0c8a6a1c7b11 -env kms.env -check
  alicloudkms kms-provider -cluster prod -key acs:kms:cn-hangzhou:1000000000000001:key/ID -ops 127.0.0.1:9870
  alicloudkms kms-provider -cluster prod -vault alicloudkms/k8s -vault-auth approle -vault-role ID -vault-auth-file FILE
`),
		Action: runKMSProvider,
	}
}

const defaultSocket = "unix:///run/kms-provider/kms.sock"

func providerFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "cluster", Required: true, Usage: "the `NAME` of the cluster, to which everything is bound"},
		&cli.StringFlag{Name: "key", Usage: "encrypt with the KMS key `KEY`: its id or ARN"},
		&cli.StringFlag{Name: "vault", Usage: "use the key `MOUNT/KEY` of the secrets engine instead, in Vault or OpenBao"},
		&cli.StringSliceFlag{
			Name: "previous-key", Usage: "also decrypt with this `KEY`, in the same form as the one that encrypts; repeatable",
		},
		&cli.StringFlag{
			Name: "listen", Value: defaultSocket, Usage: "the `ENDPOINT` in the API server's EncryptionConfiguration",
		},
		&cli.StringFlag{
			Name: "ops", Validator: server.CheckDevAddress,
			Usage: "serve /metrics, /healthz and /livez at this loopback `ADDRESS`",
		},
		&cli.DurationFlag{
			Name: "interval", Value: kmsprovider.DefaultInterval, Validator: checkInterval,
			Usage: "the `DURATION` between two checks of the key: 1s to 1m",
		},
		&cli.BoolFlag{Name: "check", Usage: "only test the key and the credentials"},
	}
}

func checkInterval(d time.Duration) error {
	if d < time.Second || d > time.Minute {
		return fmt.Errorf("the interval must be 1s to 1m: %s", d)
	}
	return nil
}

func runKMSProvider(ctx context.Context, c *cli.Command) error {
	if err := kmsprovider.CheckCluster(c.String("cluster")); err != nil {
		return usagef(c, "-cluster %q: %v", c.String("cluster"), err)
	}
	socket, err := kmsprovider.ParseSocket(c.String("listen"))
	if err != nil {
		return usagef(c, "-listen %q: %v", c.String("listen"), err)
	}
	backend, err := providerBackend(c)
	if err != nil {
		return err
	}
	logger := slog.New(slog.NewTextHandler(c.Root().ErrWriter, nil))
	if c.Bool("check") {
		logger = slog.New(slog.DiscardHandler) // The error says it all.
	}
	provider := kmsprovider.New(backend, kmsprovider.Options{
		Log: logger, Timeout: c.Duration("timeout"), Interval: c.Duration("interval"),
	})
	if c.Bool("check") {
		return checkProvider(ctx, c, provider)
	}
	outliveReaders()
	ctx, stop := withHangup(ctx)
	defer stop()
	return provider.Serve(ctx, kmsprovider.Listening{
		Socket: socket, Ops: c.String("ops"),
		Ready: func(ops string) {
			logger.Info("ready", "socket", socket, "operations", ops, "version", version)
			if err := notifySystemd("READY=1"); err != nil {
				logger.Warn("could not notify systemd that the provider is ready", "error", err)
			}
		},
	})
}

// checkProvider is `kms-provider -check`.
func checkProvider(ctx context.Context, c *cli.Command, provider *kmsprovider.Provider) error {
	keyID, err := provider.TryOut(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(c.Root().Writer, keyID)
	return err
}
