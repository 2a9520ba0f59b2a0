package main

import (
	"context"
	"errors"
	"io"

	"github.com/urfave/cli/v3"

	"github.com/alicloudkms/vault-plugin-secrets-alicloudkms/cmd/alicloudkms/internal/files"
)

func encryptCommand() *cli.Command {
	return &cli.Command{
		Name:  "encrypt",
		Usage: "encrypt a file or a pipe with a data key of KMS",
		UsageText: `alicloudkms encrypt -key KEY [-in FILE] [-out FILE] [-encryption-context NAME=VALUE …] [flags]
       alicloudkms encrypt -vault MOUNT/KEY [-in FILE] [-out FILE] [-encryption-context NAME=VALUE …]`,
		Description: `Encrypts data of any size, in constant memory, with a data key that the KMS key has wrapped. The file contains the
wrapped key: decrypting it takes only the permission to decrypt with the KMS key, and the same contexts.

With -key, encrypt calls KMS itself, with the credentials that alicloudkms help call describes. With -vault, the data
key comes from a key of the secrets engine, with the address and the token of Vault's own command.`,
		Flags: fileFlags(
			&cli.StringFlag{Name: "key", Usage: "the KMS key `KEY` that wraps the data key: its id, ARN or alias"},
		),
		Metadata: examples(`  alicloudkms encrypt -key alias/payroll -in report.pdf -out report.pdf.enc -env kms.env
  tar -c data | alicloudkms encrypt -vault alicloudkms/payroll -encryption-context host=db1 -out data.tar.enc
`),
		Action: runEncrypt,
	}
}

var errNoPlace = errors.New("an encrypted file is not for a terminal: write it to a file with -out, or into a pipe")

func runEncrypt(ctx context.Context, c *cli.Command) error {
	contexts, err := contextsOf(c)
	if err != nil {
		return err
	}
	keys, err := encryptionKeys(c)
	if err != nil {
		return err
	}
	if _, ok := terminalOf(c.Root().Writer); ok && !toFile(c) {
		return errNoPlace
	}
	return transform(c, func(w io.Writer, r io.Reader) error { return files.Encrypt(ctx, w, r, keys, contexts) })
}

func encryptionKeys(c *cli.Command) (files.Keys, error) {
	if c.IsSet("vault") {
		return vaultKeys(c, "key", "bound-context")
	}
	if c.String("key") == "" {
		return nil, usagef(c, "encrypt needs -key KEY or -vault MOUNT/KEY")
	}
	if err := refuseFile(c, "key"); err != nil {
		return nil, err
	}
	kms, err := kmsClient(c)
	return &files.KMS{Client: kms, Timeout: c.Duration("timeout"), KeyID: c.String("key")}, err
}
